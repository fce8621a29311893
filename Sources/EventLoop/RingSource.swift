import CLinux

/// io_uring: the kernel receives and accepts by itself, as it was asked to once, and says so at the next wait, with which all
/// that was asked for meanwhile is handed over.
///
/// Sending is left to plain calls, which mostly succeed at once. What was asked for ends with a last completion, which alone
/// takes its mark from the endpoint (`RingOperations`): until then it is not asked for again.
final class RingSource: EventSource {
    let ring: Ring
    /// What the last wait has found, from `next` on.
    private let completions = List<Ring.Completion>()
    private var next = 0
    /// The moment of the last turn in which the kernel had no buffers left.
    var shortage: UInt64 = 0
    /// By slot: what came for an endpoint that had paused reading.
    let held = List<HeldInput?>()
    private lazy var canRead = ring.canRead

    /// Completions that are served in a turn.
    private static let batch = 512

    init(kernel: Kernel) throws(RingRefusal) {
        ring = try kernel.ring(bufferCount: Self.bufferCount, bufferSize: Self.bufferSize)
    }

    /// Most messages of clients and upstreams fit into one buffer; as many come at once in a turn as there are buffers.
    private static let bufferSize = 4_096
    private static let bufferCount = 512

    // MARK: - A turn

    override func wait(_ loop: EventLoop, milliseconds: Int32) {
        _ = ring.wait(milliseconds: milliseconds)
        while completions.count < Self.batch, let completion = ring.nextCompletion() { completions.append(completion) }
    }

    override func serve(_ loop: EventLoop) {
        while next < completions.count {
            let completion = completions[next]
            next &+= 1
            serve(completion, loop)
        }
        completions.removeAll()
        next = 0
    }

    private func serve(_ completion: Ring.Completion, _ loop: EventLoop) {
        let key = RingKey(completion.key)
        switch key.operation {
        case .receives: received(completion, key, loop)
        case .accepts: accepted(completion, key, loop)
        case .pollsInput: becameReadable(completion, key, loop)
        case .pollsOutput: becameWritable(completion, key, loop)
        case .readsFile: loop.fileReads?.kernelHasRead(key.fileRead, Int(completion.result))
        default: break
        }
    }

    /// The next completion is of the same request and is the peer's end.
    func isEndNext(of key: RingKey) -> Bool {
        next < completions.count && completions[next].key == key.value && completions[next].result == 0
    }

    // MARK: - Asking

    override var watchingCall: StaticString { "io_uring_enter()" }

    override func watch(_ endpoint: Endpoint, for interest: Interest, _ loop: EventLoop) -> Int {
        switch interest {
        case .connection: return receiveMore(of: endpoint)
        case .connecting: return watchOutput(endpoint, loop)
        case .connections: return acceptMore(of: endpoint)
        case .input:
            endpoint.operations.insert(.staysReadable)
            return pollInput(of: endpoint)
        }
    }

    override func watchOutput(_ endpoint: Endpoint, _ loop: EventLoop) -> Int {
        begin(.pollsOutput, of: endpoint) { ring.poll(endpoint.descriptor, events: Event.output, key: $0) }
    }

    /// Many processes may wait for the same socket: io_uring has the kernel wake one of them always.
    private func acceptMore(of endpoint: Endpoint) -> Int {
        begin(.accepts, of: endpoint) { ring.accept(endpoint.descriptor, key: $0) }
    }

    func pollInput(of endpoint: Endpoint) -> Int {
        begin(.pollsInput, of: endpoint) { ring.poll(endpoint.descriptor, events: Event.input | Event.peerEnd, key: $0) }
    }

    /// Asks unless it is under way already.
    func begin(_ operation: RingOperations, of endpoint: Endpoint, _ ask: (UInt64) -> Int) -> Int {
        if endpoint.operations.contains(operation) { return 0 }
        let code = ask(RingKey(endpoint, operation).value)
        if code >= 0 { endpoint.operations.insert(operation) }
        return code
    }

    /// Asks for the end of what is under way; it completes for a last time.
    func cancel(_ operation: RingOperations, of endpoint: Endpoint) {
        guard endpoint.operations.contains(operation) else { return }
        _ = ring.cancel(RingKey(endpoint, operation).value, key: RingKey.none.value)
    }

    override func receive(_ endpoint: Endpoint, _ loop: EventLoop) {
        resume(endpoint, loop)
    }

    override func read(_ read: DiskRead, _ loop: EventLoop) -> Bool {
        guard canRead, let key = RingKey(fileRead: read.key) else { return false }
        return ring.read(read.file, offset: read.offset, count: read.count, key: key.value) >= 0
    }

    // MARK: - The end

    override func suspend(_ endpoint: Endpoint, _ loop: EventLoop) {
        cancel(.accepts, of: endpoint)
        cancel(.pollsInput, of: endpoint)
    }

    /// Whoever was accepted before is this process's to serve: nobody else knows of him.
    override func withdraw(_ endpoint: Endpoint, _ loop: EventLoop) {
        suspend(endpoint, loop)
        let key = RingKey(endpoint, .accepts)
        // One pass does it, unless the kernel is short of memory.
        for _ in 0..<100 where endpoint.operations.contains(.accepts) {
            _ = ring.wait(milliseconds: 0)
            while let completion = ring.nextCompletion() { completions.append(completion) }
            for index in next..<completions.count where completions[index].key == key.value {
                let completion = completions[index]
                completions[index] = .nothing
                accepted(completion, key, loop)
            }
        }
    }

    override func leave(_ endpoint: Endpoint, _ loop: EventLoop) {
        for operation in RingOperations.requests { cancel(operation, of: endpoint) }
        if endpoint.operations.contains(.holdsInput) { discardHeld(of: endpoint, loop) }
        endpoint.operations = []
    }

    /// In the order of all requests: none that was not handed over yet can meet another socket with the same number.
    override func close(_ descriptor: Int32, _ loop: EventLoop) {
        if ring.close(descriptor, key: RingKey.none.value) < 0 { loop.kernel.close(descriptor) }
    }

    override func flush() {
        _ = ring.wait(milliseconds: 0)
    }

    // MARK: - Completions

    private func accepted(_ completion: Ring.Completion, _ key: RingKey, _ loop: EventLoop) {
        guard let endpoint = key.endpoint(loop) else {
            if completion.result >= 0 { loop.kernel.close(completion.result) }
            return
        }
        if completion.isLast { endpoint.operations.remove(.accepts) }
        if completion.result >= 0 {
            take(completion.result, for: endpoint, loop)
        } else if completion.result != -ECANCELED {
            endpoint.acceptingFailed(Errno(-completion.result))
        }
        if completion.isLast, !endpoint.isClosed, endpoint.flags.contains(.reading) {
            let code = acceptMore(of: endpoint)
            if code < 0 { endpoint.acceptingFailed(Errno(Int32(-code))) }
        }
    }

    private func take(_ descriptor: Int32, for endpoint: Endpoint, _ loop: EventLoop) {
        var address = RawAddress()
        let code = loop.kernel.peerAddress(descriptor, &address)
        // Who has left already has no address any more.
        if code < 0 { return loop.kernel.close(descriptor) }
        endpoint.accepted(descriptor, from: address)
    }

    private func becameReadable(_ completion: Ring.Completion, _ key: RingKey, _ loop: EventLoop) {
        guard let endpoint = key.endpoint(loop) else { return }
        endpoint.operations.remove(.pollsInput)
        if completion.result == -ECANCELED { return }
        loop.tell(endpoint, completion.result < 0 ? Event.problem : UInt32(completion.result))
        if !endpoint.isClosed, endpoint.operations.contains(.staysReadable) { _ = pollInput(of: endpoint) }
    }

    private func becameWritable(_ completion: Ring.Completion, _ key: RingKey, _ loop: EventLoop) {
        guard let endpoint = key.endpoint(loop) else { return }
        endpoint.operations.remove(.pollsOutput)
        if completion.result == -ECANCELED { return }
        let wasConnecting = endpoint.flags.contains(.connecting)
        loop.tell(endpoint, completion.result < 0 ? Event.problem : UInt32(completion.result))
        if wasConnecting, let present = key.endpoint(loop) { goOn(present, loop) }
    }
}
