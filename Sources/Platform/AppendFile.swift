import CLinux

/// System calls on files that are only ever appended to. Paths are bytes without a NUL.
enum AppendFile {
    /// How a file is opened for appending: it is made where there is none.
    static let flags = O_WRONLY | O_APPEND | O_CREAT
    /// Readable by all.
    static let mode: UInt32 = 0o644

    /// A copy of the standard output or error, if it was one of them that could not be opened by its path: under a service
    /// manager it is often a socket, which no path opens.
    static func standardStream(at path: [UInt8], after failure: Errno) -> Int32? {
        failure.code == ENXIO ? standardStream(at: path) : nil
    }

    /// Writes once; what does not fit is for the caller to complain about.
    static func append(_ bytes: Span<UInt8>, to number: Int32) throws(Errno) -> Int {
        while true {
            let written = unsafe bytes.withUnsafeBytes {
                unsafe write(number, $0.baseAddress, $0.count)
            }
            if written >= 0 { return written }
            let failure = Errno.last
            if failure != .interrupted { throw failure }
        }
    }

    static func status(_ path: [UInt8]) throws(Errno) -> FileStatus {
        var status = stat()
        let result = unsafe withPath(path) { unsafe stat($0, &status) }
        if result != 0 { throw Errno.last }
        return FileStatus(status)
    }

    static func status(_ number: Int32) throws(Errno) -> FileStatus {
        var status = stat()
        if unsafe fstat(number, &status) != 0 { throw Errno.last }
        return FileStatus(status)
    }

    static func changeOwner(_ path: [UInt8], to user: UInt32) throws(Errno) {
        if unsafe withPath(path, { unsafe chown($0, user, UInt32.max) }) != 0 { throw Errno.last }
    }

    static func changeMode(_ path: [UInt8], to mode: UInt32) throws(Errno) {
        if unsafe withPath(path, { unsafe chmod($0, mode & 0o7777) }) != 0 { throw Errno.last }
    }

    /// A copy of the standard output or error if `path` leads to it.
    private static func standardStream(at path: [UInt8]) -> Int32? {
        guard let wanted = try? status(path) else { return nil }
        for number in Int32(1)...2 {
            guard let open = try? status(number), open.isSameFile(as: wanted) else { continue }
            let copy = apus_fcntl(number, F_DUPFD_CLOEXEC, 3)
            if copy >= 0 { return copy }
        }
        return nil
    }

    /// Lends `path` as a C string.
    private static func withPath(
        _ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Int32
    ) -> Int32 {
        var text: [CChar] = []
        text.reserveCapacity(path.count + 1)
        for byte in path { text.append(CChar(bitPattern: byte)) }
        text.append(0)
        return unsafe text.withUnsafeBufferPointer { characters in
            guard let start = characters.baseAddress else { return -1 }
            return unsafe body(start)
        }
    }
}

extension AppendFile {
    /// Makes the descriptor `target` another name of `number`'s file.
    static func redirect(_ number: Int32, to target: Int32) throws(Errno) {
        if dup2(number, target) < 0 { throw Errno.last }
    }
}
