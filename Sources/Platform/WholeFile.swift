import CLinux

/// Reading files in one go, and matching names: for configuration and keys, never while serving.
enum WholeFile {
    /// Why a file could not be read: the call, as nginx names it, and the error.
    struct Failure: Error, Sendable {
        let operation: StaticString
        let errno: Errno
    }

    /// The content of a file; `path` without a NUL. `call` is what nginx reads this kind of file by, for the message.
    static func read(_ path: [UInt8], call: StaticString = "pread()") throws(Failure) -> [UInt8] {
        guard !path.contains(0) else { throw Failure(operation: "open()", errno: .notFound) }
        let number = unsafe path.terminated.withUnsafeBufferPointer { bytes -> Int32 in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text -> Int32 in
                guard let start = text.baseAddress else { return -1 }
                return unsafe apus_open(start, O_RDONLY | O_CLOEXEC, 0)
            }
        }
        guard number >= 0 else { throw Failure(operation: "open()", errno: .last) }
        let file = Descriptor(owning: number)
        var content: [UInt8] = []
        var status = stat()
        if unsafe fstat(file.number, &status) == 0, status.st_size > 0 {
            content.reserveCapacity(Int(status.st_size))
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { space in
                unsafe CLinux.read(file.number, space.baseAddress, space.count)
            }
            if count < 0 {
                if Errno.last == .interrupted { continue }
                throw Failure(operation: call, errno: .last)
            }
            if count == 0 { return content }
            content.append(contentsOf: chunk[0..<count])
        }
    }

    /// The names that match a shell pattern, sorted; none is not a failure.
    static func matches(_ pattern: [UInt8]) throws(Errno) -> [[UInt8]] {
        guard !pattern.contains(0) else { return [] }
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        let result = unsafe pattern.terminated.withUnsafeBufferPointer { bytes -> Int32 in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text -> Int32 in
                guard let start = text.baseAddress else { return GLOB_NOMATCH }
                return unsafe glob(start, 0, nil, &found)
            }
        }
        if result == GLOB_NOMATCH { return [] }
        guard result == 0 else { throw result == GLOB_NOSPACE ? .noMemory : .last }
        var names: [[UInt8]] = []
        for index in 0..<Int(unsafe found.gl_pathc) {
            guard let name = unsafe found.gl_pathv[index] else { continue }
            names.append(
                unsafe Array(UnsafeRawBufferPointer(start: name, count: strlen(name))))
        }
        return names
    }
}

extension [UInt8] {
    /// With a NUL at the end, for the C library.
    fileprivate var terminated: [UInt8] { self + [0] }
}
