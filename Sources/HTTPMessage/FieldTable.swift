/// One header field of a parsed head: ranges into the head's bytes.
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

/// The header fields of a parsed head, in the order received. Keeps its memory over messages.
final class FieldTable {
    private let fields = List<Field>(capacity: 16)
    private var present: FieldNameSet = []

    init() {}

    var count: Int { fields.count }
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

    /// Whether a field of this well-known name was received.
    func contains(_ name: FieldName) -> Bool { present.contains(name) }

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
