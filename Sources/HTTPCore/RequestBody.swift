/// A request's body as far as it was read: in memory up to `client_body_buffer_size`, beyond in a temporary file.
final class RequestBody {
    enum State: UInt8, Sendable {
        /// Nobody has asked for it.
        case untouched
        case reading
        /// It is read and thrown away.
        case discarding
        case complete
        case failed
    }

    var state = State.untouched
    /// Bytes in memory; those before are in `file` when there is one.
    let memory = Buffer(capacity: 16)
    /// The temporary file, when the body did not fit into memory: all of the body is there once it is complete.
    var file: OpenFile?
    var fileSize = 0
    /// Bytes received and decoded so far.
    var received = 0
    /// Bytes of it on the wire, the lines of the chunked coding included.
    var wireSize = 0
    /// Bytes still to come by Content-Length; -1 when the body is chunked.
    var remaining = 0
    /// Handed on as it comes: no waiting for its end.
    var isStreamed = false
    /// The name of the temporary file.
    let fileName = Buffer(capacity: 16)
    /// The file has its name for as long as the request takes.
    var losesName = false

    init() {}

    var isComplete: Bool { state == .complete }
    var size: Int { received }

    /// Closes the file, and removes it if it was for the request alone.
    func releaseFile(_ kernel: Kernel) {
        file = nil
        guard losesName else { return }
        losesName = false
        fileName.append(0)
        _ = kernel.unlink(path: fileName)
    }

    func reset() {
        state = .untouched
        memory.removeAll()
        if file != nil { file = nil }
        fileSize = 0
        received = 0
        wireSize = 0
        remaining = 0
        isStreamed = false
        fileName.removeAll()
    }
}
