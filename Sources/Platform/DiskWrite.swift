import CLinux

/// What a thread is to write to a file, one piece behind the other. The pieces stay where they are, and as they are, and the descriptor
/// stays open, until the result was taken.
@safe
struct DiskWrite: @unchecked Sendable {
    /// Comes back with the result.
    let key: Int
    let file: Int32
    let offset: Int
    private var pieces: [UnsafeRawBufferPointer] = unsafe []

    init(key: Int, file: Int32, offset: Int) {
        self.key = key
        self.file = file
        self.offset = offset
    }

    @unsafe
    mutating func append(_ piece: UnsafeRawBufferPointer) {
        unsafe pieces.append(piece)
    }

    /// Writes until all is written or something goes wrong. Returns how many bytes were; if none, a negative error number.
    func perform() -> Int {
        var done = 0
        for index in unsafe pieces.indices {
            let piece = unsafe pieces[index]
            var start = 0
            while start < piece.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: piece[start...])
                let code = unsafe apus_k_write_at(file, rest.baseAddress, rest.count, off_t(offset + done))
                if code <= 0 { return done > 0 ? done : code }
                start += code
                done += code
            }
        }
        return done
    }
}

/// What threads do for a loop.
enum DiskTask: Sendable {
    case read(DiskRead)
    case write(DiskWrite)
}
