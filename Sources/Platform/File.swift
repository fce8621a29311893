import CLinux

/// Files by path, for the cold paths of starting and reloading.
enum File {
    /// How a file is opened for writing.
    enum Creation: Sendable {
        /// Existing content is dropped.
        case truncate
        /// Existing content stays; writes go to its end.
        case append
    }

    /// Opens a file for writing, made with mode 0644 if it is not there.
    static func openForWriting(
        _ path: String, _ creation: Creation
    ) throws(Errno) -> Descriptor {
        let how = creation == .truncate ? O_TRUNC : O_APPEND
        let number = unsafe apus_open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0o644)
        if number < 0 { throw Errno.last }
        return Descriptor(owning: number)
    }

    /// The whole content of a small file.
    static func contents(_ path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let number = unsafe apus_open(path, O_RDONLY | O_CLOEXEC, 0)
        if number < 0 { throw Errno.last }
        let descriptor = Descriptor(owning: number)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < limit {
            let count = unsafe read(descriptor.number, &chunk, chunk.count)
            if count == 0 { break }
            if count < 0 {
                if Errno.last == .interrupted { continue }
                throw Errno.last
            }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// The whole content of a small file as text.
    static func text(_ path: String) throws(Errno) -> String {
        String(decoding: try contents(path), as: UTF8.self)
    }

    /// Writes all bytes to an open descriptor.
    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) throws(Errno) {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
                return unsafe CLinux.write(descriptor, rest.baseAddress, rest.count)
            }
            if count < 0 {
                if Errno.last == .interrupted { continue }
                throw Errno.last
            }
            sent += count
        }
    }

    static func rename(_ old: String, to new: String) throws(Errno) {
        if unsafe CLinux.rename(old, new) != 0 { throw Errno.last }
    }

    static func remove(_ path: String) throws(Errno) {
        if unsafe unlink(path) != 0 { throw Errno.last }
    }

    static func setMode(_ path: String, _ mode: UInt32) throws(Errno) {
        if unsafe chmod(path, mode) != 0 { throw Errno.last }
    }

    /// Whether the path itself, not what a link points to, is a regular file.
    static func isRegular(_ path: String) throws(Errno) -> Bool {
        var status = stat()
        if unsafe lstat(path, &status) != 0 { throw Errno.last }
        return Int32(bitPattern: status.st_mode) & S_IFMT == S_IFREG
    }
}
