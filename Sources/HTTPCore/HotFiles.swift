/// The content of a small file, as of one look at it.
final class HotFile {
    let status: FileStatus
    let bytes: Buffer
    let eTag = Buffer(capacity: 32)
    /// The file was so young when it was read that a later change could bear the same times: it is read again.
    let isSettled: Bool
    /// The moment of the loop at which the path was found to name this very file.
    var checkedAt: UInt64
    /// Bytes of memory: the content, and what it takes to find it.
    var cost: Int { bytes.capacity + 512 }

    init(status: FileStatus, bytes: Buffer, isSettled: Bool, checkedAt: UInt64) {
        self.status = status
        self.bytes = bytes
        self.isSettled = isSettled
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
        case failed(OpenFailure)
    }

    /// Larger files are sent from the disk by the kernel, which costs little more.
    private static let largest = 32 * 1_024
    /// All content together, with what it takes to find it: a million of empty files would be half a gigabyte otherwise.
    static let budget = 16 * 1_024 * 1_024
    private static let settlingMilliseconds = 50

    private let loop: EventLoop
    private let files = RecentTable<HotFile>()
    /// Those that are larger.
    private let beingSent: FilesBeingSent
    let figures = MemoryFigures(.files)
    /// The path of the last lookup with a NUL at its end, for the kernel.
    private let path = Buffer(capacity: 256)
    /// A memory of one entry, so that a popular file costs no lookup.
    private let lastName = Buffer(capacity: 256)
    private var lastFile: HotFile?

    /// Where a request makes the name that it asks for; nobody keeps it there.
    let name = Buffer(capacity: 256)

    init(loop: EventLoop) {
        self.loop = loop
        beingSent = FilesBeingSent(loop: loop)
    }

    /// Finds or opens the file of this name, for a request that had arrived by a moment of the loop.
    ///
    /// - Parameter readAhead: `read_ahead`.
    func open(_ name: Buffer, arrival: UInt64, readAhead: Int) -> Found {
        let known = find(name)
        // Looked at in this turn, and not before the request had come.
        if let known, known.checkedAt >= max(arrival, loop.turnMoment) { return hit(known) }
        path.removeAll()
        path.append(name)
        path.append(0)
        if let known {
            var status = FileStatus()
            let code = loop.kernel.status(at: path, &status)
            if code == 0, known.isSettled, known.status == status {
                known.checkedAt = loop.moment
                return hit(known)
            }
            forget(name)
            if code < 0 { return .failed(OpenFailure("open()", code)) }
        }
        if let file = beingSent.find(name, path, arrival: arrival) { return .file(file) }
        switch OpenFile.look(at: path, kernel: loop.kernel, readAhead: readAhead) {
        case .file(let file):
            if let hot = read(file, name) { return .hot(hot) }
            beingSent.note(file, name)
            return .file(file)
        case .folder: return .folder
        case .other: return .failed(.notAFile)
        case .failed(let failure): return .failed(failure)
        }
    }

    /// The content of an open file that is small enough to be kept.
    func content(of file: OpenFile, _ name: Buffer) -> HotFile? {
        if let known = find(name) {
            if known.isSettled, known.status == file.status {
                figures.hits &+= 1
                return known
            }
            forget(name)
        }
        return read(file, name)
    }

    private func hit(_ file: HotFile) -> Found {
        figures.hits &+= 1
        return .hot(file)
    }

    private func find(_ name: Buffer) -> HotFile? {
        if lastFile != nil, lastName.equals(name) { return lastFile }
        guard let found = files.find(name.span) else { return nil }
        remember(found, name)
        return found
    }

    /// Reads a small file whole, and keeps it; nil if it is too large, or changes under the reading.
    private func read(_ file: OpenFile, _ name: Buffer) -> HotFile? {
        let status = file.status
        guard status.size <= Self.largest else { return nil }
        figures.misses &+= 1
        let bytes = Buffer(capacity: max(status.size, 16))
        while bytes.count < status.size {
            let got = loop.kernel.read(
                file.descriptor, into: bytes, count: status.size - bytes.count, offset: bytes.count)
            guard got > 0 else { return nil }
        }
        let hot = HotFile(
            status: status, bytes: bytes, isSettled: Self.isSettled(status, at: loop.kernel.wallMilliseconds()), checkedAt: 0)
        keep(hot, name)
        return hot
    }

    /// Whether a file that is changed at this time, in milliseconds since the epoch, or later will have other times.
    static func isSettled(_ status: FileStatus, at now: Int) -> Bool {
        now - (status.changed * 1_000 + status.changedNanoseconds / 1_000_000) > settlingMilliseconds
    }

    // MARK: - Keeping

    private func keep(_ file: HotFile, _ name: Buffer) {
        guard file.isSettled else { return }
        while figures.bytes + file.cost > Self.budget, let oldest = files.removeOldest() { figures.bytes -= oldest.cost }
        files.insert(file, for: name.span)
        figures.bytes += file.cost
        figures.count = files.count
        remember(file, name)
    }

    private func remember(_ file: HotFile, _ name: Buffer) {
        lastName.removeAll()
        lastName.append(name)
        lastFile = file
    }

    private func forget(_ name: Buffer) {
        if let old = files.remove(name.span) { figures.bytes -= old.cost }
        figures.count = files.count
        lastFile = nil
    }
}

extension FileStatus {
    /// Appends the entity tag in nginx's form: the time and the size in hexadecimal.
    func appendETag(to output: Buffer) {
        output.append(ASCII.quote)
        output.append(hex: UInt64(bitPattern: Int64(modified)))
        output.append(ASCII.minus)
        output.append(hex: UInt64(size))
        output.append(ASCII.quote)
    }
}
