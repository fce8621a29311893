/// Why a zone cannot be had, in nginx's words.
struct ZoneError: Error, Equatable {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    static func tooSmall(_ name: ByteString) -> ZoneError {
        ZoneError("zone \"\(name)\" is too small")
    }
}

/// What lives in a zone: a table, an array of records. Declared while the configuration is read, attached to memory after.
protocol ZoneLayout: AnyObject {
    /// Differs between layouts that cannot share memory: a reload keeps a zone only where it is the same.
    var signature: UInt64 { get }
    /// The bytes it takes of `available`, or nil if they are too few.
    func size(within available: Int) -> Int?
    /// Takes its region; fresh memory is all zero.
    func attach(to region: SharedRegion, isFresh: Bool) throws(Errno)
}

/// One named piece of shared memory of a configuration.
final class Zone {
    let name: ByteString
    /// The directive family that it serves, such as `limit_req`; a name has one use.
    let kind: String
    /// Zero until a declaration tells the size.
    fileprivate(set) var size: Int
    /// False: every configuration starts with an empty zone (upstream zones, as in nginx).
    let isKeptOverReloads: Bool
    /// What the records mean besides their layout, such as the text of the key: content under another meaning is not kept.
    var meaning: ByteString = .empty
    /// Whether the content was taken over from the configuration before.
    private(set) var isTakenOver = false
    /// What the directives that use the zone keep of it while the configuration is read.
    var attachment: AnyObject?
    private var layouts: [any ZoneLayout] = []
    private var memory: SharedMemory?

    fileprivate init(name: ByteString, size: Int, kind: String, isKeptOverReloads: Bool) {
        self.name = name
        self.size = size
        self.kind = kind
        self.isKeptOverReloads = isKeptOverReloads
    }

    /// Adds to the content; only before the zone is opened.
    func add(_ layout: any ZoneLayout) {
        precondition(memory == nil)
        layouts.append(layout)
    }

    private func canTakeOver(_ old: Zone) -> Bool {
        isKeptOverReloads && name == old.name && size == old.size && kind == old.kind
            && meaning == old.meaning && layouts.map(\.signature) == old.layouts.map(\.signature)
    }

    fileprivate func open(over previous: Zone?) throws(ZoneError) {
        guard size > 0 else { throw ZoneError("zero size shared memory zone \"\(name)\"") }
        do throws(Errno) {
            let memory: SharedMemory
            if let previous, let old = previous.memory, canTakeOver(previous) {
                memory = old
                isTakenOver = true
            } else {
                memory = try SharedMemory(size: size)
            }
            self.memory = memory
            try attachLayouts(to: SharedRegion(memory))
        } catch {
            throw ZoneError(
                error == .noSpace
                    ? ZoneError.tooSmall(name).message
                    : "mmap(MAP_ANON|MAP_SHARED, \(size)) failed (\(error))")
        }
    }

    private func attachLayouts(to region: SharedRegion) throws(Errno) {
        var start = 0
        for layout in layouts {
            guard let taken = layout.size(within: region.size - start) else { throw .noSpace }
            try layout.attach(
                to: region.part(from: start, size: taken), isFresh: !isTakenOver)
            start = min((start + taken + 63) & ~63, region.size)
        }
    }
}

/// The shared zones of one configuration.
///
/// Directives declare zones by name in any order; when the configuration is complete, `open` maps them, taking over the
/// memory of the running configuration where nothing about a zone has changed.
final class SharedZones {
    private(set) var all: [Zone] = []
    /// Eight pages: the least that nginx takes for a zone of limits or peers.
    static let minimumSize = 8 * 4096

    init() {}

    /// The zone of this name, declared now or before.
    ///
    /// `size` is nil where a directive only refers to a zone.
    func zone(
        name: ByteString, size: Int?, kind: String, minimumSize: Int = SharedZones.minimumSize,
        isKeptOverReloads: Bool = true
    ) throws(ZoneError) -> Zone {
        if let size, size < minimumSize { throw .tooSmall(name) }
        guard let zone = all.first(where: { $0.name == name }) else {
            let zone = Zone(
                name: name, size: size ?? 0, kind: kind, isKeptOverReloads: isKeptOverReloads)
            all.append(zone)
            return zone
        }
        guard zone.kind == kind else {
            throw ZoneError(
                "the shared memory zone \"\(name)\" is already declared for a different use")
        }
        if zone.size == 0 { zone.size = size ?? 0 }
        if let size, size != zone.size {
            throw ZoneError(
                "the size \(size) of shared memory zone \"\(name)\" "
                    + "conflicts with already declared size \(zone.size)")
        }
        return zone
    }

    /// Maps all zones. In the master, before workers are forked.
    func open(over previous: SharedZones? = nil) throws(ZoneError) {
        for zone in all {
            try zone.open(over: previous?.all.first { $0.name == zone.name })
        }
    }
}
