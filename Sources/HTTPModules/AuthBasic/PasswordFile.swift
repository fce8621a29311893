/// A file with a line `name:hash` for each user, perhaps with more behind another colon; `#` begins a comment.
enum PasswordFile {
    enum Outcome {
        /// The hash, in a buffer from the loop's pool.
        case found(Buffer)
        case absent
        /// The file cannot be read, which was logged.
        case failed(Status)
    }

    /// Bytes of a hash that are looked at; no known one comes near.
    private static let hashBound = 2_048
    private static let readOnly: Int32 = 0o2000000

    /// Looks the user up. `path` is without a NUL.
    static func find(_ user: Span<UInt8>, in path: Buffer, _ request: Request) -> Outcome {
        let loop = request.engine.loop
        path.append(ASCII.nul)
        let code = loop.kernel.open(path: path, flags: readOnly)
        path.truncate(to: path.count - 1)
        guard code >= 0 else {
            let error = Errno(Int32(-code))
            let isMissing = error == .notFound
            log(request, isMissing ? .error : .crit, "open()", path, error)
            return .failed(isMissing ? .forbidden : .internalServerError)
        }
        let descriptor = Int32(code)
        defer { loop.kernel.close(descriptor) }
        let chunk = loop.buffers.take()
        let hash = loop.buffers.take()
        defer {
            chunk.wipe()
            loop.buffers.give(chunk)
        }
        var search = Search()
        var offset = 0
        while true {
            chunk.removeAll()
            let count = loop.kernel.read(
                descriptor, into: chunk, count: chunk.capacity, offset: offset)
            guard count >= 0 else {
                log(request, .crit, "pread()", path, Errno(Int32(-count)))
                loop.buffers.give(hash)
                return .failed(.internalServerError)
            }
            if count == 0 { break }
            offset += count
            if search.read(chunk.span, for: user, into: hash, bound: hashBound) {
                return .found(hash)
            }
        }
        if search.isInHash { return .found(hash) }
        loop.buffers.give(hash)
        return .absent
    }

    private static func log(
        _ request: Request, _ level: LogLevel, _ call: StaticString, _ path: Buffer, _ error: Errno
    ) {
        request.log(level, errno: error) {
            $0.append(call)
            $0.append(" \"")
            $0.append(path)
            $0.append("\" failed")
        }
    }

    /// Reads lines, a piece of the file at a time.
    private struct Search {
        private enum State {
            case name, hash, rest
        }

        private var state = State.name
        /// Bytes of the name that agreed so far.
        private var matched = 0

        /// The user's line was found and its hash may go on.
        var isInHash: Bool { state == .hash }

        /// True when the user's hash is complete.
        mutating func read(
            _ bytes: Span<UInt8>, for user: Span<UInt8>, into hash: Buffer, bound: Int
        ) -> Bool {
            for index in bytes.indices {
                let byte = bytes[index]
                switch state {
                case .name: readName(byte, user)
                case .hash:
                    if byte == ASCII.lf || byte == ASCII.cr || byte == ASCII.colon { return true }
                    hash.append(byte)
                    if hash.count == bound { return true }
                case .rest:
                    if byte == ASCII.lf {
                        state = .name
                        matched = 0
                    }
                }
            }
            return false
        }

        private mutating func readName(_ byte: UInt8, _ user: Span<UInt8>) {
            if matched == 0 {
                if byte == ASCII.lf { return }
                if byte == ASCII.hash || byte == ASCII.cr {
                    state = .rest
                    return
                }
            }
            if matched == user.count {
                state = byte == ASCII.colon ? .hash : .rest
            } else if byte == user[matched] {
                matched += 1
                return
            } else {
                state = .rest
            }
            // The line ends where a name was too short.
            if byte == ASCII.lf, state == .rest {
                state = .name
                matched = 0
            }
        }
    }
}
