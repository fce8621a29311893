@testable import ApusServer

/// A server that scripts play, one for each connection that is made to it.
final class SimulatedUpstream {
    private(set) var connections: [ScriptedPeer] = []
    private let kernel: SimulatedKernel
    let address: SocketAddress
    /// What protects each connection.
    var protection: () -> PeerProtection = { PeerProtection() }

    /// `script` is given the number of the connection, from 0.
    init(
        _ kernel: SimulatedKernel, at address: SocketAddress,
        _ script: @escaping (Int) -> [ScriptedPeer.Step]
    ) {
        self.kernel = kernel
        self.address = address
        kernel.setHost(
            address,
            .scripted { [unowned self] socket in
                connections.append(
                    ScriptedPeer(
                        kernel: kernel, socket: socket, protection: protection(), script(connections.count)))
            })
    }

    /// Nobody listens any more.
    func vanish() { kernel.setHost(address, nil) }
}
