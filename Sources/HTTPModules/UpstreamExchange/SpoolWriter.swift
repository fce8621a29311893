/// Bytes of an answer on their way to its temporary file, which a thread writes (`aio_write`): those that it is at, and those that have
/// come meanwhile. They are few, since the upstream is not read as long as there are any.
///
/// It is closed with the exchange's use. File and buffers are kept until the thread is done all the same (`FileReads`).
final class SpoolWriter: Endpoint {
    private weak var exchange: UpstreamExchange?
    private let pool: Int
    /// In the order of the file. Nobody changes those that the thread is at.
    private var buffers: [Buffer] = []
    private var handedOver = 0
    private var task = 0

    init(_ exchange: UpstreamExchange, pool: Int) {
        self.exchange = exchange
        self.pool = pool
        super.init(loop: exchange.loop, descriptor: -1)
        loop.addTimer(self)
    }

    var first: Buffer? { buffers.first }

    /// Bytes that follow in the file. They are handed to a thread in the next turn, together with what else comes in this one.
    func append(_ bytes: Span<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            if buffers.count == handedOver || buffers[buffers.count - 1].free == 0 { buffers.append(loop.largeBuffers.take()) }
            let buffer = buffers[buffers.count - 1]
            let part = min(rest.count, buffer.free)
            buffer.append(rest.extracting(0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        writeSoon()
    }

    func writeSoon() {
        if task == 0, !buffers.isEmpty { loop.callSoon(self) }
    }

    override func called() {
        if task == 0 { exchange?.write(by: self) }
    }

    /// Has a thread write all that has come. False: none can.
    func begin(to file: OpenFile, at offset: Int) -> Bool {
        guard let reads = loop.fileReads else { return false }
        task = reads.beginWriting(buffers, to: file, at: offset, by: pool, for: self)
        if task != 0 { handedOver = buffers.count }
        return task != 0
    }

    override func fileWasWritten(_ task: Int, _ code: Int) {
        guard task == self.task else { return }
        self.task = 0
        handedOver = 0
        exchange?.wrote(code, by: self)
    }

    /// So many bytes are in the file.
    func drop(_ count: Int) {
        var rest = count
        while rest > 0 {
            let buffer = buffers[0]
            if buffer.count > rest { return buffer.removeFirst(rest) }
            rest -= buffer.count
            buffers.removeFirst()
            loop.largeBuffers.give(buffer)
        }
    }

    /// What is not in the file. Not while a thread is at it.
    func takeAll() -> [Buffer] {
        precondition(task == 0)
        let taken = buffers
        buffers = []
        return taken
    }
}

/// For messages about what takes too long.
extension SpoolWriter: LogContext {
    var connectionNumber: UInt64 { exchange?.request.connectionNumber ?? 0 }
    func appendContext(to line: Buffer) { exchange?.request.appendContext(to: line) }
}

extension UpstreamExchange {
    /// Who writes to the answer's file, if it is not the loop. As in nginx, only where threads read, too.
    func writer(to file: OpenFile) -> SpoolWriter? {
        if let spoolWriter { return spoolWriter }
        guard request.core.value.threadsWrite, let pool = file.reading?.writingPool else { return nil }
        let made = SpoolWriter(self, pool: pool)
        spoolWriter = made
        return made
    }

    func dropWriter() {
        if let writer = spoolWriter.take() { loop.close(writer) }
    }

    /// The turn has come to write what was gathered.
    fileprivate func write(by writer: SpoolWriter) {
        guard spoolWriter === writer, let file = bodyFile, let first = writer.first else { return }
        let offset = intake.buffering.written
        if writer.begin(to: file, at: offset) { return }
        // Where no thread can, the loop writes, as without them.
        wrote(loop.kernel.write(file.descriptor, first.span, offset: offset), by: writer)
    }

    /// A write has ended.
    fileprivate func wrote(_ code: Int, by writer: SpoolWriter) {
        guard spoolWriter === writer else { return }
        guard code > 0 else { return stopWriting(writer, Errno(Int32(-code))) }
        writer.drop(code)
        intake.buffering.wroteAwaited(code)
        writer.writeSoon()
        // The client may have waited for it, or the upstream.
        if request.pendingOutput == 0 { clientDrained() } else { resumeIfRoom() }
    }

    /// The file takes no more: what it has is sent, then what it did not take, from memory.
    private func stopWriting(_ writer: SpoolWriter, _ error: Errno) {
        logFailedWrite(error)
        let file = bodyFile
        let range = intake.buffering.stopWriting()
        let buffers = writer.takeAll()
        dropWriter()
        let endsHere = stage == .draining
        if endsHere {
            stage = .done
            bodyFile = nil
        }
        let current = use
        if let range, let file { request.send(.file(file, range), last: false) }
        for (index, buffer) in buffers.enumerated() {
            guard use == current else { return loop.largeBuffers.give(buffer) }
            let isEnd = index == buffers.count - 1
            request.send(.pooled(buffer, 0..<buffer.count), last: endsHere && isEnd, flush: isEnd)
        }
        guard use == current, stage == .receiving else { return }
        resumeIfRoom()
    }
}
