/// Encodes blocks of fields (RFC 7541) that nginx's clients would get, but for one thing: a field of a well-known name is put into
/// the table, so that it takes one byte the next time, if its value is the same by then.
final class HPACKEncoder {
    private let fixed = HPACKStaticTable.shared
    private let huffman = HuffmanCode.shared
    private let table = HPACKTable()
    /// For each well-known name the number of its last entry, or -1.
    private let last = List<Int>(capacity: 64)
    /// The smallest size that the table had since the last block, if it was changed.
    private var smallest = -1
    /// The last time of a change, and the number of its entry.
    private var lastModified = -1
    private var lastModifiedNumber = -2

    /// What differs with each answer, or should not be found by guessing, is not put into the table.
    private let unindexed: FieldNameSet = [.other, .contentLength, .contentRange, .setCookie, .location, .authorization]

    init() {
        for _ in 0..<64 { last.append(-1) }
    }

    /// The peer lets the table have so many bytes.
    func setLimit(_ size: Int) {
        let size = min(size, HPACKTable.largest)
        guard size != table.limit else { return }
        table.setLimit(size)
        smallest = smallest < 0 ? size : min(smallest, size)
    }

    /// A block begins: what changed of the table's size stands before its fields.
    func begin(_ output: Buffer) {
        guard smallest >= 0 else { return }
        if smallest < table.limit { append(smallest, 0x20, mask: 0x1F, output) }
        append(table.limit, 0x20, mask: 0x1F, output)
        smallest = -1
    }

    // MARK: - Fields

    func append(_ status: Status, _ output: Buffer) {
        let code = Int(status.rawValue)
        let index: UInt8
        switch code {
        case 200: index = 8
        case 204: index = 9
        case 206: index = 10
        case 304: index = 11
        case 400: index = 12
        case 404: index = 13
        case 500: index = 14
        default:
            output.append(8)
            output.append(3)
            return output.append(decimal: code, width: 3)
        }
        output.append(0x80 | index)
    }

    /// Appends a field of a well-known name.
    func append(_ name: FieldName, _ value: Span<UInt8>, _ output: Buffer) {
        guard !unindexed.contains(name) else { return appendUnindexed(name, value, output) }
        let number = last[Int(name.rawValue)]
        // A field too large for the table leaves its number to the next one, which may have another name.
        if table.holds(number, name, value) { return append(entry: number, output) }
        appendNew(name, value, output)
    }

    private func append(entry number: Int, _ output: Buffer) {
        append(HPACKStaticTable.count &+ table.next &- number, 0x80, mask: 0x7F, output)
    }

    /// Appends the time of a file's last change. The text is only made if it is not that of the answer before.
    func append(lastModified seconds: Int, _ scratch: Buffer, _ output: Buffer) {
        let number = last[Int(FieldName.lastModified.rawValue)]
        if seconds == lastModified, number == lastModifiedNumber, table.contains(number) { return append(entry: number, output) }
        scratch.removeAll()
        scratch.append(httpDate: seconds)
        append(.lastModified, scratch.span, output)
        let added = last[Int(FieldName.lastModified.rawValue)]
        lastModified = seconds
        lastModifiedNumber = table.holds(added, .lastModified, scratch.span) ? added : -1
    }

    private func appendNew(_ name: FieldName, _ value: Span<UInt8>, _ output: Buffer) {
        last[Int(name.rawValue)] = table.next
        let index = fixed.index(of: name)
        output.append(0x40 | UInt8(index))
        if index == 0 { appendLowercased(name.name.bytes, output) }
        append(value, output)
        table.insert(name.name.bytes, value, HPACKFacts(name: name, kind: .usual, hasValidValue: true))
    }

    private func appendUnindexed(_ name: FieldName, _ value: Span<UInt8>, _ output: Buffer) {
        let index = fixed.index(of: name)
        guard index > 0 else { return append(named: name.name.bytes, value, output) }
        append(index, 0, mask: 0x0F, output)
        append(value, output)
    }

    /// Appends the length of a body.
    func append(contentLength: Int, _ output: Buffer) {
        output.append(0x0F)
        output.append(28 - 0x0F)
        let place = output.count
        output.append(0)
        output.append(decimal: contentLength)
        output[place] = UInt8(output.count &- place &- 1)
    }

    /// Appends a field of any name.
    func append(named name: Span<UInt8>, _ value: Span<UInt8>, _ output: Buffer) {
        output.append(0)
        appendLowercased(name, output)
        append(value, output)
    }

    /// Appends all fields of a list.
    func append(_ list: HeaderList, _ output: Buffer) {
        let bytes = list.bytes
        for index in list.indices {
            let field = list[index]
            if field.name == .other {
                append(named: bytes.span(field.nameRange), bytes.span(field.valueRange), output)
            } else {
                append(field.name, bytes.span(field.valueRange), output)
            }
        }
    }

    // MARK: - Strings and integers

    /// Appends a string, coded if that is shorter.
    private func append(_ value: Span<UInt8>, _ output: Buffer) {
        let size = huffman.size(of: value)
        guard size < value.count else {
            append(value.count, 0, mask: 0x7F, output)
            return output.append(value)
        }
        append(size, 0x80, mask: 0x7F, output)
        huffman.encode(value, to: output)
    }

    private func appendLowercased(_ name: Span<UInt8>, _ output: Buffer) {
        // The code of letters in lower case is the shorter one, but names are short: it is decided by what will be sent.
        var bits = 7
        for index in name.indices { bits &+= Int(huffman.lengths[Int(name[index].asciiLowercased)]) }
        guard bits >> 3 < name.count else {
            append(name.count, 0, mask: 0x7F, output)
            return output.append(lowercased: name)
        }
        append(bits >> 3, 0x80, mask: 0x7F, output)
        huffman.encode(name, lowercasing: true, to: output)
    }

    private func append(_ value: Int, _ bits: UInt8, mask: UInt8, _ output: Buffer) {
        guard value >= Int(mask) else { return output.append(bits | UInt8(truncatingIfNeeded: value)) }
        output.append(bits | mask)
        var rest = value &- Int(mask)
        while rest > 0x7F {
            output.append(UInt8(truncatingIfNeeded: rest & 0x7F) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }
}
