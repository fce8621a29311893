/// One header field: ranges into the bytes of a head, or of a list of fields to be sent.
struct Field: Sendable {
    var name: FieldName
    /// The name as sent.
    var nameRange: ByteRange
    /// The value without the spaces around it.
    var valueRange: ByteRange

    init(name: FieldName, nameRange: ByteRange, valueRange: ByteRange) {
        self.name = name
        self.nameRange = nameRange
        self.valueRange = valueRange
    }
}

/// Header fields in the order received, or to be sent. Keeps its memory over messages.
final class FieldTable {
    private let fields: List<Field>
    private var present: FieldNameSet = []

    init(capacity: Int = 16) {
        fields = List(capacity: capacity)
    }

    var count: Int { fields.count }
    var isEmpty: Bool { fields.isEmpty }
    var indices: Range<Int> { 0..<fields.count }
    subscript(index: Int) -> Field { fields[index] }

    func removeAll() {
        fields.removeAll()
        present.removeAll()
    }

    func append(_ field: Field) {
        fields.append(field)
        present.insert(field.name)
    }

    func setValueRange(at index: Int, _ range: ByteRange) { fields[index].valueRange = range }

    func remove(at index: Int) {
        let name = fields[index].name
        fields.remove(at: index)
        if name != .other, firstIndex(of: name) == nil { present.remove(name) }
    }

    /// Whether the other has its fields at the same places: over the same bytes they are the same fields.
    func isSame(as other: FieldTable) -> Bool {
        guard fields.count == other.fields.count else { return false }
        for index in indices {
            let (own, theirs) = (fields[index], other.fields[index])
            guard own.nameRange == theirs.nameRange, own.valueRange == theirs.valueRange else { return false }
        }
        return true
    }

    func replaceAll(by other: FieldTable) {
        removeAll()
        for index in other.indices { append(other[index]) }
    }

    /// Whether a field of this well-known name is there.
    func contains(_ name: FieldName) -> Bool { present.contains(name) }

    /// Whether a field of any of these names is there.
    func containsAny(of names: FieldNameSet) -> Bool { !present.isDisjoint(with: names) }

    /// The index of the first field of a well-known name at or after `start`, or nil.
    func firstIndex(of name: FieldName, from start: Int = 0) -> Int? {
        guard present.contains(name) else { return nil }
        var index = start
        while index < fields.count {
            if fields[index].name == name { return index }
            index &+= 1
        }
        return nil
    }

    /// The range of the value of the first field of a well-known name, or nil.
    func firstValue(of name: FieldName) -> ByteRange? {
        firstIndex(of: name).map { fields[$0].valueRange }
    }

    /// The index of the first field of any name at or after `start`, compared without regard to case, or nil.
    func firstIndex(
        named name: Span<UInt8>, in bytes: Buffer, from start: Int = 0
    ) -> Int? {
        var index = start
        while index < fields.count {
            let range = fields[index].nameRange
            if range.count == name.count, bytes.span(range).equalsIgnoringCase(name) {
                return index
            }
            index &+= 1
        }
        return nil
    }
}
