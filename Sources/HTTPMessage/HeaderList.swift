/// Header fields to be sent: one run of bytes and an entry for each field. Reused over messages without allocation.
///
/// Removing or replacing leaves the old bytes behind until `removeAll`, so a filter that rewrites one header over and over
/// within one response costs memory; none does.
final class HeaderList {
    /// The names and values, one after another.
    let bytes: Buffer
    private let fields: FieldTable

    init(capacity: Int = 512) {
        bytes = Buffer(capacity: capacity)
        fields = FieldTable(capacity: 24)
    }

    var count: Int { fields.count }
    var isEmpty: Bool { fields.isEmpty }
    var indices: Range<Int> { fields.indices }
    /// A field; its ranges are of `bytes`.
    subscript(index: Int) -> Field { fields[index] }

    /// Forgets all fields, keeps the memory.
    func removeAll() {
        bytes.removeAll()
        fields.removeAll()
    }

    // MARK: - Reading

    // Spans cannot be handed out through a class's property: read `let bytes = list.bytes`, then
    // `bytes.span(list[index].valueRange)`.

    func contains(_ name: FieldName) -> Bool { fields.contains(name) }

    /// The index of the first field of a well-known name at or after `start`, or nil.
    func firstIndex(of name: FieldName, from start: Int = 0) -> Int? {
        fields.firstIndex(of: name, from: start)
    }

    /// The index of the first field of any name at or after `start`, compared without regard to case, or nil.
    func firstIndex(named name: Span<UInt8>, from start: Int = 0) -> Int? {
        fields.firstIndex(named: name, in: bytes, from: start)
    }

    /// Whether the other's fields are these, in this order.
    func isSame(as other: HeaderList) -> Bool {
        fields.isSame(as: other.fields) && bytes.equals(other.bytes)
    }

    // MARK: - Writing

    func replaceAll(by other: HeaderList) {
        bytes.removeAll()
        bytes.append(other.bytes)
        fields.replaceAll(by: other.fields)
    }

    /// Appends a field of a well-known name.
    func append(_ name: FieldName, _ value: Span<UInt8>) {
        appendEntry(name, spelled: name.name.bytes, value)
    }

    func append(_ name: FieldName, _ value: StaticString) {
        append(name, value.bytes)
    }

    /// Without a span of the value, which would count a reference to it.
    func append(_ name: FieldName, _ value: Buffer) {
        let opening = begin(name)
        bytes.append(value)
        end(opening)
    }

    // Literals are static strings.
    @_disfavoredOverload
    func append(_ name: FieldName, _ value: ByteString) {
        append(name, value.span)
    }

    /// Appends a field of any name, in this spelling.
    func append(named name: Span<UInt8>, _ value: Span<UInt8>) {
        appendEntry(FieldName(name), spelled: name, value)
    }

    /// Appends a field of any name whose well-known name was already looked up.
    func appendEntry(
        _ name: FieldName, spelled spelling: Span<UInt8>, _ value: Span<UInt8>
    ) {
        let start = bytes.count
        bytes.append(spelling)
        let middle = bytes.count
        bytes.append(value)
        add(name, start, middle)
    }

    /// Appends a field as it stands in another head's bytes.
    @inline(never)
    func appendEntry(_ field: Field, of source: Buffer) {
        let start = bytes.count
        bytes.append(source, field.nameRange)
        let middle = bytes.count
        bytes.append(source, field.valueRange)
        add(field.name, start, middle)
    }

    /// Begins a field whose value the caller appends to `bytes`; `end` makes it a field.
    func begin(_ name: FieldName) -> Opening {
        begin(named: name.name.bytes, name)
    }

    /// Begins a field of any name whose value the caller appends to `bytes`.
    func begin(named spelling: Span<UInt8>, _ name: FieldName? = nil) -> Opening {
        let start = bytes.count
        bytes.append(spelling)
        return Opening(name: name ?? FieldName(spelling), start: start, middle: bytes.count)
    }

    /// Ends a field: its value is what was appended to `bytes` since `begin`.
    func end(_ opening: Opening) {
        add(opening.name, opening.start, opening.middle)
    }

    /// Takes back a field that was begun.
    func abandon(_ opening: Opening) {
        bytes.truncate(to: opening.start)
    }

    /// A field that was begun and whose value is being appended.
    struct Opening: Sendable {
        fileprivate let name: FieldName
        fileprivate let start: Int
        fileprivate let middle: Int
    }

    /// Makes `value` the only value of a well-known name, at the place of its first field or at the end.
    func set(_ name: FieldName, _ value: Span<UInt8>) {
        guard let index = firstIndex(of: name) else { return append(name, value) }
        setValue(at: index, value)
        if let extra = firstIndex(of: name, from: index + 1) { removeAll(name, from: extra) }
    }

    func set(_ name: FieldName, _ value: StaticString) { set(name, value.bytes) }
    @_disfavoredOverload
    func set(_ name: FieldName, _ value: ByteString) { set(name, value.span) }

    /// Replaces the value of the field at an index; the span must not be of `bytes`.
    func setValue(at index: Int, _ value: Span<UInt8>) {
        let start = bytes.count
        bytes.append(value)
        fields.setValueRange(at: index, ByteRange(start, bytes.count))
    }

    /// Narrows or moves the value of the field at an index to other bytes already in `bytes`.
    func setValueRange(at index: Int, _ range: ByteRange) {
        precondition(range.end <= bytes.count)
        fields.setValueRange(at: index, range)
    }

    func remove(at index: Int) { fields.remove(at: index) }

    /// Removes all fields of a well-known name from an index on.
    func removeAll(_ name: FieldName, from start: Int = 0) {
        var index = firstIndex(of: name, from: start)
        while let found = index {
            remove(at: found)
            index = firstIndex(of: name, from: found)
        }
    }

    /// Removes all fields of any name, compared without regard to case.
    func removeAll(named name: Span<UInt8>) {
        var index = firstIndex(named: name)
        while let found = index {
            remove(at: found)
            index = firstIndex(named: name, from: found)
        }
    }

    private func add(_ name: FieldName, _ start: Int, _ middle: Int) {
        fields.append(
            Field(name: name, nameRange: ByteRange(start, middle), valueRange: ByteRange(middle, bytes.count)))
    }

    /// Appends all fields as lines, `Name: value` CR LF, without the empty line at the end.
    func write(to output: Buffer) {
        let bytes = self.bytes
        for index in fields.indices {
            let field = fields[index]
            output.append(bytes.span(field.nameRange))
            output.append(": ")
            output.append(bytes.span(field.valueRange))
            output.append("\r\n")
        }
    }
}
