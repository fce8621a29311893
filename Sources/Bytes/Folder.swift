import CLinux

/// Reading the content of a folder.
enum Folder {
    /// Why a folder could not be read: the call, as nginx names it, and the error.
    struct Failure: Error {
        let call: StaticString
        let errno: Errno
    }

    /// The names in a folder, in no order, without those that begin with a dot. `path` ends with NUL.
    static func visibleNames(in path: Buffer) throws(Failure) -> [ByteString] {
        guard let folder = unsafe path.withCString({ unsafe opendir($0) }) else {
            throw Failure(call: "opendir()", errno: .last)
        }
        defer { unsafe _ = closedir(folder) }
        let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
        var names: [ByteString] = []
        while true {
            // The end and an error are told apart by errno alone.
            apus_clear_errno()
            guard let entry = unsafe readdir(folder) else { break }
            let start = unsafe UnsafeRawPointer(entry) + nameOffset
            let count = unsafe strlen(start.assumingMemoryBound(to: CChar.self))
            let name = unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
            if name.first != ASCII.dot { names.append(ByteString(name)) }
        }
        let error = Errno.last
        if error.code != 0 { throw Failure(call: "readdir()", errno: error) }
        return names
    }
}
