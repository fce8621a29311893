import CLinux
import Testing

@testable import ApusServer
@testable import Simulation

/// What the contract of event loops is tested on.
enum Ground: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// epoll on Linux, io_uring on Linux, epoll on the simulated kernel.
    case linux, ring, simulation

    var testDescription: String { rawValue }
}

/// An event loop on a kernel, with connections whose far ends the test holds.
final class Harness {
    let loop: EventLoop
    let kernel: Kernel
    private var ends: [FarEnd] = []

    init(_ ground: Ground) throws {
        kernel = ground == .simulation ? SimulatedKernel() : Kernel()
        loop =
            ground == .ring
            ? EventLoop(kernel: kernel, source: try RingSource(kernel: kernel)) : try EventLoop(kernel: kernel)
    }

    var simulated: SimulatedKernel? { kernel as? SimulatedKernel }

    /// A recording endpoint and its far end.
    func connection() throws -> (Recorder, FarEnd) {
        let (descriptor, far) = try pair()
        let recorder = Recorder(loop: loop, descriptor: descriptor)
        try loop.add(recorder)
        return (recorder, far)
    }

    func pair() throws -> (Int32, FarEnd) {
        let far: FarEnd
        let descriptor: Int32
        if let simulated {
            let address = SocketAddress(ipv4: 0x7F00_0001, port: 1)
            let listening = simulated.listen(on: address)
            let socket = try #require(simulated.dial(address))
            var raw = RawAddress()
            descriptor = Int32(simulated.accept(listening, address: &raw))
            simulated.close(listening)
            far = SimulatedFarEnd(socket)
        } else {
            let both = try LoopbackPair.make()
            descriptor = both.near
            far = LinuxFarEnd(both.far)
        }
        ends.append(far)
        return (descriptor, far)
    }

    /// Runs turns until the condition holds; false if it never does.
    func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<20_000 {
            if condition() { return true }
            loop.turn(waitingAtMost: 1)
        }
        return condition()
    }

    func run(milliseconds: Int) {
        let end = loop.now + milliseconds
        loop.turn(waitingAtMost: 0)
        while loop.now < end { loop.turn(waitingAtMost: end - loop.now) }
    }
}

/// The other end of a connection.
class FarEnd {
    func send(_ bytes: [UInt8]) {}
    /// What has come so far and was not taken.
    func receive(atMost count: Int = .max) -> [UInt8] { [] }
    func end() {}
    func reset() {}
    func close() {}
}

final class SimulatedFarEnd: FarEnd {
    private let socket: SimulatedSocket

    init(_ socket: SimulatedSocket) { self.socket = socket }

    override func send(_ bytes: [UInt8]) { _ = socket.send(bytes, more: false) }
    override func receive(atMost count: Int) -> [UInt8] {
        Array(socket.receive(atMost: count).bytes)
    }
    override func end() { socket.endOutput() }
    override func reset() {
        socket.reset()
        socket.close()
    }
    override func close() { socket.close() }
}

final class LinuxFarEnd: FarEnd {
    private var descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    override func send(_ bytes: [UInt8]) {
        _ = unsafe bytes.withUnsafeBytes {
            unsafe CLinux.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    override func receive(atMost count: Int) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while all.count < count {
            let size = min(chunk.count, count - all.count)
            let got = unsafe recv(descriptor, &chunk, size, Int32(MSG_DONTWAIT))
            if got <= 0 { break }
            all += chunk[..<got]
        }
        return all
    }

    /// The other side's end is here.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) == 0
    }

    override func end() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    override func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    override func close() {
        if descriptor >= 0 { _ = CLinux.close(descriptor) }
        descriptor = -1
    }
}

/// Both ends of a TCP connection over the loopback interface.
enum LoopbackPair {
    static func make() throws -> (near: Int32, far: Int32) {
        let kernel = Kernel()
        let listening = Int32(kernel.socket(family: AF_INET, type: Kernel.streamType))
        defer { kernel.close(listening) }
        let any = SocketAddress(ipv4: 0x7F00_0001, port: 0)
        #expect(unsafe any.withSystemAddress { unsafe kernel.bind(listening, to: $0) } == 0)
        #expect(CLinux.listen(listening, 1) == 0)
        var raw = RawAddress()
        #expect(kernel.localAddress(listening, &raw) == 0)
        let far = Int32(kernel.socket(family: AF_INET, type: Kernel.streamType))
        let code = unsafe SocketAddress(raw).withSystemAddress {
            unsafe kernel.connect(far, to: $0)
        }
        #expect(code == 0 || code == -Int(EINPROGRESS))
        for _ in 0..<10_000 {
            let near = kernel.accept(listening, address: &raw)
            if near >= 0 {
                let flags = apus_fcntl(far, F_GETFL, 0)
                _ = apus_fcntl(far, F_SETFL, Int(flags & ~O_NONBLOCK))
                return (Int32(near), far)
            }
            usleep(100)
        }
        throw Errno.timedOut
    }
}

/// An endpoint that writes down what it is told.
final class Recorder: Endpoint {
    var bytes: [UInt8] = []
    var calls: [String] = []
    var onReceive: ((Recorder) -> Void)?
    var onDrained: ((Recorder) -> Void)?
    var onTimeOut: ((Recorder) -> Void)?
    var onEnd: ((Recorder) -> Void)?
    var onGather: ((Recorder) -> Void)?
    var timeOuts: [Int] = []

    private func note(_ call: String) {
        #expect(!isClosed, "\(call) after close")
        calls.append(call)
    }

    override func received(_ span: Span<UInt8>) {
        #expect(!isClosed, "received after close")
        for index in span.indices { bytes.append(span[index]) }
        onReceive?(self)
    }

    override func peerEnded() {
        note("peerEnded")
        onEnd?(self)
    }
    override func failed(_ error: Errno) {
        note("failed")
        onEnd?(self)
    }
    override func connected() { note("connected") }
    override func drained() {
        note("drained")
        onDrained?(self)
    }
    override func gatherOutput() {
        note("gather")
        onGather?(self)
    }
    override func outputBlocked() { note("blocked") }
    override func called() { note("called") }
    override func inputTimedOut() {
        note("inputTimedOut")
        timeOuts.append(loop.now)
        onTimeOut?(self)
    }
    override func outputTimedOut() {
        note("outputTimedOut")
        timeOuts.append(loop.now)
    }

    func count(_ call: String) -> Int { calls.count { $0 == call } }
}
