/// Reading the content of a folder.
enum Folder {
    /// Why a folder could not be read: the call, as nginx names it, and the error.
    struct Failure: Error {
        let call: StaticString
        let errno: Errno
    }

    /// The names in a folder, in no order, without those that begin with a dot. `path` ends with NUL.
    static func visibleNames(
        in path: Buffer, kernel: Kernel
    ) throws(Failure) -> [ByteString] {
        var names: [ByteString] = []
        let outcome = unsafe path.withCString { start in
            unsafe kernel.readFolder(start) { name in
                if unsafe name.first == ASCII.dot { return }
                names.append(unsafe ByteString(Array(name)))
            }
        }
        switch outcome {
        case .complete: return names
        case .notOpened(let error): throw Failure(call: "opendir()", errno: error)
        case .brokenOff(let error): throw Failure(call: "readdir()", errno: error)
        }
    }
}
