/// The content of a small file, as of one look at it.
final class HotFile {
    let status: FileStatus
    let bytes: Buffer
    let eTag = Buffer(capacity: 32)
    /// The file was so young when it was read that a later change could bear the same times: it is read again.
    let isSettled: Bool
    var lastUse: Int
    /// The moment of the loop at which the path was found to name this very file.
    var checkedAt: UInt64

    init(status: FileStatus, bytes: Buffer, isSettled: Bool, lastUse: Int, checkedAt: UInt64) {
        self.status = status
        self.bytes = bytes
        self.isSettled = isSettled
        self.lastUse = lastUse
        self.checkedAt = checkedAt
        status.appendETag(to: eTag)
    }
}

/// Small files that are asked for again and again, kept in memory by one worker.
///
/// Each use looks at the path with one `stat`; requests of a turn that had all arrived when it was made share one. The content is
/// used only if device, inode, size and both times are those of the file that was read. `ctime` cannot be set by programs and
/// changes with content, permissions and links, so a file that any process changed is seen by the next request. Times have a
/// granularity of a clock tick: a file read within 50 ms of its last change may change again without a new time, so it is not
/// trusted the next time.
final class HotFiles {
    enum Found {
        case hot(HotFile)
        case file(OpenFile)
        case folder
        case failed(Errno)
    }

    /// Larger files are sent from the disk by the kernel, which costs little more.
    private static let largest = 32 * 1_024
    /// All content together.
    private static let budget = 16 * 1_024 * 1_024
    private static let settlingMilliseconds = 50

    private let loop: EventLoop
    private var files: [ByteString: HotFile] = [:]
    private var size = 0
    /// The path of the last lookup with a NUL at its end, for the kernel.
    private let path = Buffer(capacity: 256)
    /// A memory of one entry, so that a popular file costs no lookup.
    private var lastName = ByteString.empty
    private var lastFile: HotFile?

    private init(loop: EventLoop) {
        self.loop = loop
    }

    /// The loop's own files.
    static func of(_ loop: EventLoop) -> HotFiles {
        if let own = loop.attachment as? HotFiles { return own }
        let made = HotFiles(loop: loop)
        loop.attachment = made
        return made
    }

    /// Finds or opens the file of this name, for a request that had arrived by a moment of the loop.
    func open(_ name: Buffer, arrival: UInt64) -> Found {
        let known = find(name)
        // Looked at in this turn, and not before the request had come.
        if let known, known.checkedAt >= max(arrival, loop.turnMoment) { return .hot(known) }
        path.removeAll()
        path.append(name)
        path.append(0)
        if let known {
            var status = FileStatus()
            let code = loop.kernel.status(at: path, &status)
            if code == 0, known.isSettled, known.status == status {
                known.lastUse = loop.now
                known.checkedAt = loop.moment
                return .hot(known)
            }
            forget(name)
            if code < 0 { return .failed(Errno(Int32(-code))) }
        }
        return openAnew(name)
    }

    private func find(_ name: Buffer) -> HotFile? {
        if let lastFile, lastName.equals(name.span) { return lastFile }
        guard !files.isEmpty else { return nil }
        let key = ByteString(name.span)
        guard let found = files[key] else { return nil }
        lastName = key
        lastFile = found
        return found
    }

    private func openAnew(_ name: Buffer) -> Found {
        // O_NONBLOCK: a named pipe must not hold the worker up.
        let code = loop.kernel.open(path: path, flags: 0o4000)
        guard code >= 0 else { return .failed(Errno(Int32(-code))) }
        let descriptor = Int32(code)
        var status = FileStatus()
        let statusCode = loop.kernel.status(of: descriptor, &status)
        guard statusCode >= 0 else {
            loop.kernel.close(descriptor)
            return .failed(Errno(Int32(-statusCode)))
        }
        if status.isDirectory {
            loop.kernel.close(descriptor)
            return .folder
        }
        guard status.isRegular else {
            loop.kernel.close(descriptor)
            return .failed(.notFound)
        }
        let file = OpenFile(descriptor: descriptor, status: status, kernel: loop.kernel)
        guard status.size <= Self.largest, let hot = read(file) else { return .file(file) }
        keep(hot, ByteString(name.span))
        return .hot(hot)
    }

    /// Reads the file whole; nil if it changes under the reading.
    private func read(_ file: OpenFile) -> HotFile? {
        let status = file.status
        let bytes = Buffer(capacity: max(status.size, 16))
        while bytes.count < status.size {
            let got = loop.kernel.read(
                file.descriptor, into: bytes, count: status.size - bytes.count, offset: bytes.count)
            guard got > 0 else { return nil }
        }
        let changed = status.changed * 1_000 + status.changedNanoseconds / 1_000_000
        let age = loop.kernel.wallMilliseconds() - changed
        return HotFile(
            status: status, bytes: bytes, isSettled: age > Self.settlingMilliseconds,
            lastUse: loop.now, checkedAt: 0)
    }

    // MARK: - Keeping

    private func keep(_ file: HotFile, _ name: ByteString) {
        guard file.isSettled else { return }
        while size + file.bytes.capacity > Self.budget, !files.isEmpty { dropOldest() }
        files[name] = file
        size += file.bytes.capacity
        lastName = name
        lastFile = file
    }

    private func forget(_ name: Buffer) {
        let key = ByteString(name.span)
        if let old = files.removeValue(forKey: key) { size -= old.bytes.capacity }
        lastFile = nil
    }

    /// Drops the least recently used of a sample: exact order is not worth a list.
    private func dropOldest() {
        var oldest: (name: ByteString, use: Int)?
        var looked = 0
        for (name, file) in files {
            if oldest.map({ file.lastUse < $0.use }) ?? true { oldest = (name, file.lastUse) }
            looked += 1
            if looked == 16 { break }
        }
        guard let oldest else { return }
        if let old = files.removeValue(forKey: oldest.name) { size -= old.bytes.capacity }
        lastFile = nil
    }
}
