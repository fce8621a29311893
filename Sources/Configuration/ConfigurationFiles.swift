/// Why a file could not be read.
struct FileFailure: Error, Sendable {
    /// The system call, as nginx names it: `open()`.
    let operation: String
    let errno: Errno

    init(operation: String, errno: Errno) {
        self.operation = operation
        self.errno = errno
    }
}

/// Where configuration files come from: the file system, or memory in tests.
protocol ConfigurationFiles {
    func contents(of path: ByteString) throws(FileFailure) -> [UInt8]
    /// The files that match a pattern with `*`, `?`, `[`, sorted; none is not a failure.
    func matches(of pattern: ByteString) throws(FileFailure) -> [ByteString]
}

/// The files of the machine.
struct SystemFiles: ConfigurationFiles {
    init() {}

    func contents(of path: ByteString) throws(FileFailure) -> [UInt8] {
        do throws(WholeFile.Failure) {
            return try WholeFile.read(path.bytes)
        } catch {
            throw FileFailure(operation: "\(error.operation)", errno: error.errno)
        }
    }

    func matches(of pattern: ByteString) throws(FileFailure) -> [ByteString] {
        do throws(Errno) {
            return try WholeFile.matches(pattern.bytes).map(ByteString.init)
        } catch {
            throw FileFailure(operation: "glob()", errno: error)
        }
    }
}

/// Files held in memory, for tests and fuzzers. A pattern may have `*` and `?`, neither matching a slash.
struct MemoryFiles: ConfigurationFiles {
    private let files: [ByteString: [UInt8]]

    init(_ files: [ByteString: [UInt8]]) {
        self.files = files
    }

    init(_ files: [String: String]) {
        self.files = Dictionary(
            uniqueKeysWithValues: files.map { (ByteString($0.key), Array($0.value.utf8)) })
    }

    func contents(of path: ByteString) throws(FileFailure) -> [UInt8] {
        guard let content = files[path] else {
            throw FileFailure(operation: "open()", errno: .notFound)
        }
        return content
    }

    func matches(of pattern: ByteString) throws(FileFailure) -> [ByteString] {
        files.keys.filter { Self.matches($0.bytes[...], pattern.bytes[...]) }.sorted()
    }

    private static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        // The usual backtracking to the last star only: linear in practice, quadratic at worst.
        var nameIndex = name.startIndex
        var index = pattern.startIndex
        var star: (pattern: Int, name: Int)?
        while nameIndex < name.endIndex {
            let byte = name[nameIndex]
            if index < pattern.endIndex, pattern[index] == ASCII.asterisk {
                star = (index + 1, nameIndex)
                index += 1
            } else if index < pattern.endIndex,
                pattern[index] == byte || pattern[index] == ASCII.question && byte != ASCII.slash
            {
                index += 1
                nameIndex += 1
            } else if let (after, start) = star, name[start] != ASCII.slash {
                index = after
                nameIndex = start + 1
                star = (after, nameIndex)
            } else {
                return false
            }
        }
        return pattern[index...].allSatisfy { $0 == ASCII.asterisk }
    }
}
