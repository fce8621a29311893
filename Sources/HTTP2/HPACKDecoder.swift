/// A field of a block: its name lies from `start` to `middle`, its value on to `end`.
struct HPACKField {
    var start = 0
    var middle = 0
    var end = 0
    var facts = HPACKFacts(name: .other, kind: .invalid, hasValidValue: false)
}

/// Decodes blocks of fields (RFC 7541), in nginx's bounds.
///
/// Fields are written to a buffer of the caller's: name and value, one after the other. What is in one of the tables is copied
/// with what is known of it.
final class HPACKDecoder {
    enum Step {
        /// `field` is the next.
        case field
        /// The table was given another size; no field.
        case update
        /// The next field is not complete.
        case needMore
        /// `failure` says why.
        case failed
    }

    struct Failure {
        let code: HTTP2Code
        let text: StaticString
    }

    private let fixed = HPACKStaticTable.shared
    private let huffman = HuffmanCode.shared
    private let table = HPACKTable()
    /// The last field.
    private(set) var field = HPACKField()
    private(set) var failure = Failure(code: .noError, text: "")
    /// Bytes that a string may have as it is sent, and that names and values of the block may still have.
    private let longest: Int
    private let most: Int
    private var room = 0

    /// - Parameters:
    ///   - longest: bytes of a name or a value as it is sent.
    ///   - most: bytes of all names and values of a block.
    init(longest: Int, most: Int) {
        self.longest = longest
        self.most = most
    }

    /// A block begins.
    func begin() { room = most }

    /// Decodes the next field of a block from `position` on; where it is not complete, `position` stays.
    func next(_ block: Span<UInt8>, _ position: inout Int, into output: Buffer) -> Step {
        let first = block[position]
        if first & 0x80 != 0 {
            var index = Int(first & 0x7F)
            if index == 0x7F {
                guard let (long, end) = integer(block, position, 0x7F) else { return stopped }
                index = long
                position = end
            } else {
                position &+= 1
            }
            return takeIndexed(index, output)
        }
        if first & 0x40 != 0 { return takeLiteral(block, &position, 0x3F, output) }
        if first & 0x20 == 0 { return takeLiteral(block, &position, 0x0F, output) }
        guard let (size, end) = integer(block, position, 0x1F) else { return stopped }
        position = end
        guard size <= HPACKTable.largest else { return fail(.compressionError, "client sent invalid table size update") }
        table.setLimit(size)
        return .update
    }

    // MARK: - Fields

    private func takeIndexed(_ index: Int, _ output: Buffer) -> Step {
        let start = output.count
        guard let entry = append(index, nameOnly: false, output) else { return .failed }
        return take(start, start &+ Int(entry.nameCount), output.count, entry.facts)
    }

    /// Appends an entry of one of the tables; nil: there is none of this number.
    private func append(_ index: Int, nameOnly: Bool, _ output: Buffer) -> HPACKEntry? {
        if index > HPACKStaticTable.count {
            let number = table.next &- (index &- HPACKStaticTable.count)
            if table.contains(number) { return table.append(number, nameOnly: nameOnly, to: output) }
        } else if index > 0 {
            return fixed.append(index, nameOnly: nameOnly, to: output)
        }
        _ = fail(.compressionError, "client sent invalid hpack table index")
        return nil
    }

    private func takeLiteral(_ block: Span<UInt8>, _ position: inout Int, _ mask: UInt8, _ output: Buffer) -> Step {
        guard let (index, end) = integer(block, position, mask) else { return stopped }
        var rest = end
        let start = output.count
        var known: HPACKFacts?
        if index == 0 {
            guard let (name, isCoded) = string(block, &rest) else { return stopped }
            guard take(block.extracting(name), isCoded, output) else { return .failed }
            if output.count == start { return fail(.protocolError, "client sent zero header name length") }
        } else {
            guard let entry = append(index, nameOnly: true, output) else { return .failed }
            known = entry.facts
        }
        let middle = output.count
        guard let (value, isCoded) = string(block, &rest) else {
            output.truncate(to: start)
            return stopped
        }
        guard take(block.extracting(value), isCoded, output) else { return .failed }
        position = rest
        let text = output.span(middle..<output.count)
        let facts = known?.with(text) ?? HPACKFacts(output.span(start..<middle), text)
        if mask == 0x3F { table.insert(output.span(start..<middle), text, facts) }
        return take(start, middle, output.count, facts)
    }

    private func take(_ start: Int, _ middle: Int, _ end: Int, _ facts: HPACKFacts) -> Step {
        room &-= end &- start
        if room < 0 { return fail(.enhanceYourCalm, "client sent too large header") }
        field = HPACKField(start: start, middle: middle, end: end, facts: facts)
        return .field
    }

    // MARK: - Strings and integers

    private func take(_ bytes: Span<UInt8>, _ isCoded: Bool, _ output: Buffer) -> Bool {
        if !isCoded {
            output.append(bytes)
        } else if !huffman.decode(bytes, to: output) {
            _ = fail(.compressionError, "client sent invalid encoded header field")
            return false
        }
        return true
    }

    /// Where the next string lies, and whether it is coded.
    private func string(_ block: Span<UInt8>, _ position: inout Int) -> (Range<Int>, Bool)? {
        guard position < block.count else { return nil }
        let isCoded = block[position] & 0x80 != 0
        guard let (count, start) = integer(block, position, 0x7F) else { return nil }
        guard count <= longest else {
            _ = fail(.enhanceYourCalm, "client sent too large header field")
            return nil
        }
        guard count <= block.count - start else { return nil }
        position = start + count
        return (start..<start + count, isCoded)
    }

    /// An integer, and where it ends. It has four bytes at most, as in nginx. Nil: not complete, or `failure` is set.
    private func integer(_ block: Span<UInt8>, _ position: Int, _ mask: UInt8) -> (Int, Int)? {
        var value = Int(block[position] & mask)
        if value < Int(mask) { return (value, position + 1) }
        for byte in 1..<4 {
            guard position + byte < block.count else { return nil }
            let next = block[position + byte]
            value += Int(next & 0x7F) << (7 * (byte - 1))
            if next & 0x80 == 0 { return (value, position + byte + 1) }
        }
        _ = fail(.compressionError, "client sent header block with too long value")
        return nil
    }

    private var stopped: Step { failure.code == .noError ? .needMore : .failed }

    private func fail(_ code: HTTP2Code, _ text: StaticString) -> Step {
        failure = Failure(code: code, text: text)
        return .failed
    }
}
