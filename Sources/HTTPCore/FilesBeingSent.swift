/// The files that a worker is sending and that are too large to be kept in memory: whoever asks for one of them by the same name
/// shares its descriptor, so that many streams for one file do not use up what a process may have open, and requests of one turn open
/// it once. Nothing is kept open for later: a file goes at the end of the turn in which nobody is sent it any more.
///
/// As with `HotFiles`, the path is looked at for each use, and what is sent is what a new look would find: device, inode, size and
/// both times are those of the open file.
final class FilesBeingSent {
    private final class Entry {
        let name = Buffer(capacity: 128)
        var file: OpenFile?
        /// The moment of the loop at which the path was found to name this very file.
        var checkedAt: UInt64 = 0
    }

    /// So many are known at once; others have a descriptor for each use.
    private static let bound = 16

    private let loop: EventLoop
    private let entries = List<Entry>(capacity: bound)
    /// Files that are held here.
    private var heldCount = 0
    /// The entry that has been there for longest.
    private var oldest = 0

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// The file of this name, if it is being sent. `path` is the name with a NUL at its end.
    func find(_ name: Buffer, _ path: Buffer, arrival: UInt64) -> OpenFile? {
        if heldCount == 0 { return nil }
        for index in entries.indices where entries[index].name.equals(name) {
            return check(entries[index], path, arrival: arrival)
        }
        return nil
    }

    private func check(_ entry: Entry, _ path: Buffer, arrival: UInt64) -> OpenFile? {
        // A file that is read in a way of its own leaves the page cache behind its one reader.
        guard let file = entry.file, file.reading == nil else { return nil }
        if entry.checkedAt >= max(arrival, loop.turnMoment) { return file }
        var status = FileStatus()
        guard loop.kernel.status(at: path, &status) == 0, status == file.status else { return nil }
        entry.checkedAt = loop.moment
        return file
    }

    /// A file was opened to be sent.
    func note(_ file: OpenFile, _ name: Buffer) {
        let entry = place(for: name)
        if entry.file == nil { heldCount += 1 }
        entry.file = file
        entry.checkedAt = 0
    }

    private func place(for name: Buffer) -> Entry {
        for index in entries.indices where entries[index].name.equals(name) { return entries[index] }
        let entry: Entry
        if let free = entries.indices.first(where: { entries[$0].file == nil }) {
            entry = entries[free]
        } else if entries.count < Self.bound {
            if entries.isEmpty { loop.endOfTurn.append { [weak self] in self?.endTurn() } }
            entry = Entry()
            entries.append(entry)
        } else {
            entry = entries[oldest]
            oldest = (oldest + 1) % Self.bound
        }
        entry.name.removeAll()
        entry.name.append(name)
        return entry
    }

    private func endTurn() {
        if heldCount == 0 { return }
        for index in entries.indices {
            let entry = entries[index]
            if entry.file != nil, isKnownUniquelyReferenced(&entry.file) {
                entry.file = nil
                heldCount -= 1
            }
        }
    }
}
