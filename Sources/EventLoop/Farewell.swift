/// Holds a socket that is done with until what was sealed for it has left, the word that nothing follows included, and closes it
/// then. What the peer still sends is thrown away.
///
/// Where the process seals, that word alone may be left: the socket was full when the connection ended. Where the kernel does, it may
/// have taken more than it has given to TCP.
final class Farewell: Endpoint {
    private let sealing: KernelSealing?
    private let end: Int
    private var pause = 5

    /// As long as a client may take for a part of an answer, if nothing else is said.
    private static let patience = 60_000
    /// For the last word alone, as long as nginx has.
    private static let patienceForWord = 3_000
    private static let longestPause = 500
    /// So many sockets of a loop are held for the last word alone; others are closed without it.
    static let limitForWords = 1_024

    /// Takes the place of an endpoint.
    init(of endpoint: Endpoint, _ sealing: KernelSealing?) {
        self.sealing = sealing
        end = endpoint.loop.now + (sealing == nil ? Self.patienceForWord : Self.patience)
        super.init(loop: endpoint.loop, descriptor: -1)
    }

    /// Begins, when it is registered.
    func begin() {
        flags.subtract([.gathersOutput, .preamble])
        loop.clearOutputDeadline(self)
        loop.farewellCount += 1
        wait()
    }

    /// What the kernel has given to TCP has to be asked for; the rest is told of.
    private func wait() {
        guard sealing != nil else { return loop.setInputDeadline(self, in: end - loop.now) }
        loop.setInputDeadline(self, in: pause)
        pause = min(pause * 2, Self.longestPause)
    }

    private var hasLeft: Bool { security?.unsentCount == 0 && sealing?.hasPassedOn(of: self) != false }

    override func endWasSent() {
        if hasLeft { close() }
    }

    override func inputTimedOut() {
        if hasLeft || loop.now >= end { return close() }
        wait()
    }

    override func failed(_ error: Errno) { close() }

    private func close() {
        loop.farewellCount -= 1
        security?.discardSealed()
        security = nil
        loop.close(self)
    }
}
