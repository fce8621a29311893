import CNghttp2

/// The fields of a block that is to be sent, in order: made anew for each, in the same memory.
@safe
final class HTTP2FieldBlock {
    private struct Entry {
        /// The name if it is a literal; else it lies before the value.
        var name: StaticString?
        var start: UInt32
        var middle: UInt32
        var end: UInt32
    }

    /// Values, and names that are no literals. `end` makes what was appended since `begin` a value.
    let bytes = Buffer(capacity: 1_024)
    private var entries: [Entry] = []
    /// What nghttp2 is handed: places of names and values.
    private var places: UnsafeMutablePointer<nghttp2_nv>
    private var capacity = 32

    init() {
        entries.reserveCapacity(32)
        unsafe places = .allocate(capacity: 32)
    }

    deinit {
        unsafe places.deallocate()
    }

    var count: Int { entries.count }

    func removeAll() {
        bytes.removeAll()
        entries.removeAll(keepingCapacity: true)
    }

    /// Appends a field; the name is in lower case.
    func append(_ name: StaticString, _ value: Span<UInt8>) {
        let start = bytes.count
        bytes.append(value)
        end(name, from: start)
    }

    func append(_ name: StaticString, _ value: Buffer) { append(name, value.span) }
    func append(_ name: StaticString, _ value: StaticString) { append(name, value.bytes) }

    /// Appends a field whose value was appended to `bytes` from an index on.
    func end(_ name: StaticString, from start: Int) {
        entries.append(
            Entry(
                name: name, start: UInt32(start), middle: UInt32(start), end: UInt32(bytes.count)))
    }

    /// Appends a field of any name, in lower case.
    func append(named name: Span<UInt8>, _ value: Span<UInt8>) {
        let start = bytes.count
        bytes.append(lowercased: name)
        let middle = bytes.count
        bytes.append(value)
        entries.append(
            Entry(
                name: nil, start: UInt32(start), middle: UInt32(middle), end: UInt32(bytes.count)))
    }

    /// Appends all fields of a list.
    func append(_ list: HeaderList) {
        let bytes = list.bytes
        for index in list.indices {
            let entry = list[index]
            append(named: bytes.span(entry.nameRange), bytes.span(entry.valueRange))
        }
    }

    /// Lets `body` see the fields as nghttp2 wants them; they are valid during the call only.
    @unsafe
    func withPlaces<R>(
        flags: UInt8, _ body: (UnsafeMutablePointer<nghttp2_nv>, Int) -> R
    ) -> R {
        if entries.count > capacity {
            unsafe places.deallocate()
            capacity = entries.count * 2
            unsafe places = .allocate(capacity: capacity)
        }
        let bytes = self.bytes
        return unsafe bytes.span.withUnsafeBytes { all in
            // nghttp2 does not write through these.
            let base = unsafe UnsafeMutableRawPointer(mutating: all.baseAddress)?
                .assumingMemoryBound(to: UInt8.self)
            for index in entries.indices {
                let entry = entries[index]
                let name: UnsafeMutablePointer<UInt8>?
                let nameCount: Int
                if let literal = entry.name {
                    unsafe name = UnsafeMutablePointer(mutating: literal.utf8Start)
                    nameCount = literal.utf8CodeUnitCount
                } else {
                    unsafe name = base.map { unsafe $0 + Int(entry.start) }
                    nameCount = Int(entry.middle &- entry.start)
                }
                unsafe places[index] = nghttp2_nv(
                    name: name, value: base.map { unsafe $0 + Int(entry.middle) },
                    namelen: nameCount, valuelen: Int(entry.end &- entry.middle), flags: flags)
            }
            return unsafe body(places, entries.count)
        }
    }
}
