/// What files became when they were compressed, kept in memory by one worker: the next answer with the same file, library and level
/// is sent from here.
///
/// A file is known by its device and inode, and its content by size and times, as for `HotFiles`: whoever asks has just looked at the
/// file, so one that any process changed is compressed anew. Nothing is kept of a file whose next change might not show in its times.
final class KeptBodies {
    /// Larger files are compressed as they are sent: that they are asked for makes little of what they cost in memory.
    static let largest = 256 * 1_024
    /// All bodies together, with what it takes to find them.
    static let budget = 16 * 1_024 * 1_024
    /// Bodies that are being made at a time: each may become as large as its file.
    private static let recordingBound = 32

    private let bodies = RecentTable<KeptContent>()
    let figures = MemoryFigures(.bodies)
    var size: Int { figures.bytes }
    fileprivate var recordings = 0
    private let key = Buffer(capacity: 32)

    init() {}

    /// What a file became in a stream of this shape, if it is still the same.
    func find(_ status: FileStatus, _ shape: Compressor.Shape) -> KeptContent? {
        guard status.size <= Self.largest else { return nil }
        let key = key(of: status, shape)
        guard let found = bodies.find(key.span), found.status == status else {
            figures.misses &+= 1
            return nil
        }
        figures.hits &+= 1
        return found
    }

    /// Takes down a body that is about to be compressed; nil if it is not to be kept.
    func record(_ source: ContentSource, _ shape: Compressor.Shape, _ coding: ContentCoding, now: Int) -> Recording? {
        let status = source.status
        guard status.size <= Self.largest, recordings < Self.recordingBound, source.isSettled(at: now) else { return nil }
        return Recording(status, shape, coding, for: self)
    }

    func keep(_ bytes: Buffer, of status: FileStatus, _ shape: Compressor.Shape, _ coding: ContentCoding, ratio: Int) {
        let key = key(of: status, shape)
        if let old = bodies.remove(key.span) { figures.bytes -= Self.cost(old) }
        // What it was recorded in has grown, and holds more than the bytes.
        let copy = Buffer(capacity: bytes.count)
        copy.append(bytes)
        let body = KeptContent(of: status, by: coding.index, bytes: copy, ratio: ratio)
        while size + Self.cost(body) > Self.budget, let oldest = bodies.removeOldest() { figures.bytes -= Self.cost(oldest) }
        bodies.insert(body, for: key.span)
        figures.bytes += Self.cost(body)
        figures.count = bodies.count
    }

    private static func cost(_ body: KeptContent) -> Int { body.bytes.capacity + 512 }

    private func key(of status: FileStatus, _ shape: Compressor.Shape) -> Buffer {
        key.removeAll()
        key.append(number: status.inode)
        key.append(number: status.device)
        key.append(number: shape.code)
        return key
    }

    /// A body that is being compressed.
    final class Recording {
        private let status: FileStatus
        private let shape: Compressor.Shape
        private let coding: ContentCoding
        private let owner: KeptBodies
        private let bytes: Buffer

        fileprivate init(_ status: FileStatus, _ shape: Compressor.Shape, _ coding: ContentCoding, for owner: KeptBodies) {
            self.status = status
            self.shape = shape
            self.coding = coding
            self.owner = owner
            bytes = Buffer(capacity: max(status.size / 4, 256))
            owner.recordings += 1
        }

        deinit {
            owner.recordings -= 1
        }

        /// Takes down the last bytes of an output.
        func append(_ output: Buffer, from start: Int) {
            bytes.append(output, start..<output.count)
        }

        /// The body is whole, and was made of so many bytes.
        func end(bytesIn: Int, ratio: Int) {
            guard bytesIn == status.size else { return }
            owner.keep(bytes, of: status, shape, coding, ratio: ratio)
        }
    }
}

extension Buffer {
    fileprivate func append(number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
    }
}
