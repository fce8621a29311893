/// The kernel's file calls over checked buffers.
extension Kernel {
    /// Opens the path in `path`, whose last byte must be NUL.
    func open(path: Buffer, flags: Int32, mode: UInt32 = 0) -> Int {
        unsafe path.withCString { unsafe open($0, flags: flags, mode: mode) }
    }

    /// Opens a part of a path, which a slash or a NUL follows, in an open folder.
    func open(
        _ part: Range<Int>, of path: Buffer, in folder: Int32, for purpose: Purpose, followLinks: Bool
    ) -> Int {
        unsafe path.withCString(part) { unsafe open($0, in: folder, for: purpose, followLinks: followLinks) }
    }

    /// The status of a part of a path, which a slash or a NUL follows, in an open folder; of a link itself.
    func status(of part: Range<Int>, of path: Buffer, in folder: Int32, _ status: inout FileStatus) -> Int {
        unsafe path.withCString(part) { unsafe self.status(of: $0, in: folder, &status) }
    }

    /// The status of the path in `path`, whose last byte must be NUL.
    func status(at path: Buffer, followLinks: Bool = true, _ status: inout FileStatus) -> Int {
        unsafe path.withCString { unsafe self.status(at: $0, followLinks: followLinks, &status) }
    }

    /// Appends the path in `path`, which ends with NUL, without links and dots. Returns its length or an error.
    func realPath(of path: Buffer, into out: Buffer) -> Int {
        var outcome = 0
        _ = unsafe out.fill(minimum: Self.longestPath) { space in
            outcome = unsafe path.withCString { unsafe realPath($0, into: space) }
            return max(outcome, 0)
        }
        return outcome
    }

    /// `PATH_MAX`, with room for the NUL.
    private static let longestPath = 4_097

    func makeFolder(path: Buffer, mode: UInt32) -> Int {
        unsafe path.withCString { unsafe makeFolder($0, mode: mode) }
    }

    func unlink(path: Buffer) -> Int {
        unsafe path.withCString { unsafe unlink($0) }
    }

    /// Reads up to `count` bytes at `offset` of a file behind the buffer's last byte.
    func read(_ file: Int32, into buffer: Buffer, count: Int, offset: Int) -> Int {
        unsafe fill(buffer, count) { unsafe read(file, into: $0, offset: offset) }
    }

    /// The same for bytes in the page cache only.
    func readPresent(_ file: Int32, into buffer: Buffer, count: Int, offset: Int) -> Int {
        unsafe fill(buffer, count) { unsafe readPresent(file, into: $0, offset: offset) }
    }

    /// Has `read` fill up to `count` bytes behind the buffer's last one; what it returned.
    @unsafe
    @inline(__always)
    private func fill(_ buffer: Buffer, _ count: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        var outcome = 0
        _ = unsafe buffer.fill(minimum: count) { space in
            outcome = unsafe read(UnsafeMutableRawBufferPointer(rebasing: space[0..<count]))
            return max(outcome, 0)
        }
        return outcome
    }

    enum Presence {
        case present, absent
        /// The file system cannot tell.
        case unknown
    }

    /// Whether the byte at `offset` is in the page cache. Where the file has no such byte, or cannot be read, it counts as there: who
    /// reads it does not wait, and hears of that.
    func presence(_ file: Int32, at offset: Int) -> Presence {
        var byte: UInt8 = 0
        let code = unsafe withUnsafeMutableBytes(of: &byte) { unsafe readPresent(file, into: $0, offset: offset) }
        return Presence(code)
    }

    /// Writes bytes at the file's position or at `offset`.
    func write(_ file: Int32, _ bytes: Span<UInt8>, offset: Int? = nil) -> Int {
        unsafe bytes.withUnsafeBytes { unsafe write(file, $0, offset: offset) }
    }
}

extension Kernel.Presence {
    /// What a result of `readPresent` says of the first byte.
    init(_ code: Int) {
        switch code < 0 ? Errno(Int32(-code)) : nil {
        case .again: self = .absent
        case .unsupported: self = .unknown
        default: self = .present
        }
    }
}

extension DiskWrite {
    /// A buffer's memory stays where it is: nobody may append to it, or let it go, before the result was taken.
    mutating func append(_ buffer: Buffer) {
        unsafe buffer.span.withUnsafeBytes { unsafe append($0) }
    }
}
