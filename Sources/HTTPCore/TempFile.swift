/// Why a temporary file could not be made.
struct TempFileError: Error {
    let path: ByteString
    let errno: Errno

    func appendMessage(to line: Buffer) {
        line.append("open() \"")
        line.append(path)
        line.append("\" failed")
    }
}

/// Temporary files for bodies that do not fit into memory.
enum TempFile {
    /// Numbers files; each worker begins at a point of its own, so that two rarely try the same name.
    nonisolated(unsafe) private static var next = Int(ThisProcess.id) % 100_000 * 10_000

    /// Makes a file in the folder, without a name unless it is to be kept.
    ///
    /// - Parameter name: is given the file's path, which ends with NUL during the call only.
    static func create(
        in path: TempPath, keepsName: Bool, name: Buffer, kernel: Kernel
    ) throws(TempFileError) -> OpenFile {
        let flags: Int32 = openReadWrite | openCreate | openExclusive
        var tries = 0
        var hasMadeFolders = false
        while true {
            unsafe next += 1
            name.removeAll()
            unsafe path.appendName(of: next, to: name)
            name.append(0)
            let code = kernel.open(path: name, flags: flags, mode: 0o600)
            if code >= 0 {
                if !keepsName { _ = kernel.unlink(path: name) }
                name.truncate(to: name.count - 1)
                return OpenFile(
                    descriptor: Int32(code), status: FileStatus(), kernel: kernel)
            }
            let error = Errno(Int32(-code))
            tries += 1
            if error == .exists, tries < 1_000 { continue }
            if error == .notFound, !hasMadeFolders {
                hasMadeFolders = true
                makeFolders(of: name, kernel)
                // The next number would be in other folders.
                unsafe next -= 1
                continue
            }
            name.truncate(to: name.count - 1)
            throw TempFileError(path: ByteString(name.span), errno: error)
        }
    }

    /// Makes the folders that lead to a file: levels are made as they are used.
    private static func makeFolders(of path: Buffer, _ kernel: Kernel) {
        let folder = Buffer(capacity: path.count)
        for index in 1..<path.count where path[index] == ASCII.slash {
            folder.removeAll()
            folder.append(path, 0..<index)
            folder.append(0)
            _ = kernel.makeFolder(path: folder, mode: 0o700)
        }
    }

    // The flags of open(2) on Linux, which Swift imports as macros it cannot always read.
    private static let openReadWrite: Int32 = 0o2
    private static let openCreate: Int32 = 0o100
    private static let openExclusive: Int32 = 0o200
}

extension TempPath {
    /// Appends `folder/3/12/0000000123`: level names are the number's last digits, taken from the right.
    func appendName(of number: Int, to output: Buffer) {
        output.append(folder)
        output.append(ASCII.slash)
        let digits = Buffer(capacity: 24)
        digits.append(decimal: number, width: 10)
        var end = digits.count
        for level in levels {
            guard level > 0, end - level >= 0 else { break }
            output.append(digits, end - level..<end)
            output.append(ASCII.slash)
            end -= level
        }
        output.append(digits)
    }
}
