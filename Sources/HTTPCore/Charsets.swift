/// The charsets that a configuration names, and how texts are recoded from one to another.
final class Charsets {
    private var names: [ByteString] = []
    private var maps: [CharsetMap] = []

    /// The number of a charset, compared without regard to case, or nil.
    func index(of name: Span<UInt8>) -> Int? {
        for index in names.indices where names[index].equalsIgnoringCase(name) { return index }
        return nil
    }

    func recoding(from source: Int, to target: Int) -> Recoding? {
        for map in maps {
            if map.source == source, map.target == target { return map.forward }
            if map.source == target, map.target == source { return map.backward }
        }
        return nil
    }

    /// The number of a charset that the configuration names.
    func add(_ name: ByteString) -> Int {
        if let known = index(of: name.span) { return known }
        names.append(name)
        return names.count - 1
    }

    func add(_ map: CharsetMap) { maps.append(map) }
}

/// How bytes of one charset become bytes of another.
enum Recoding: Sendable {
    /// A byte for each byte.
    case bytes([UInt8])
    /// Four bytes for each byte: a count, and so many bytes of UTF-8.
    case toUTF8([UInt8])
    /// A page for each upper byte of a character's number, empty or with a byte for each lower byte; 0 stands for none.
    case fromUTF8([[UInt8]])

    var changesLength: Bool {
        if case .bytes = self { return false }
        return true
    }
}

/// A `charset_map` block: between two charsets of single bytes, or between one and UTF-8.
struct CharsetMap {
    let source: Int
    let target: Int
    let isUTF8: Bool
    private var there: [UInt8]
    private var back: [UInt8]
    private var pages: [[UInt8]]

    init(from source: Int, to target: Int, isUTF8: Bool) {
        self.source = source
        self.target = target
        self.isUTF8 = isUTF8
        let unknown = UInt8(ascii: "?")
        pages = []
        guard isUTF8 else {
            there = (0..<256).map { $0 < 128 ? UInt8($0) : unknown }
            back = there
            return
        }
        there = (0..<256).flatMap { [1, $0 < 128 ? UInt8($0) : unknown, 0, 0] }
        back = []
        pages = Array(repeating: [], count: 256)
        pages[0] = (0..<256).map { $0 < 128 ? UInt8($0) : 0 }
    }

    var forward: Recoding { isUTF8 ? .toUTF8(there) : .bytes(there) }
    var backward: Recoding { isUTF8 ? .fromUTF8(pages) : .bytes(back) }

    /// Maps a byte to another.
    mutating func map(_ from: UInt8, to byte: UInt8) {
        there[Int(from)] = byte
        back[Int(byte)] = from
    }

    /// Maps a byte to the bytes of one character in UTF-8, up to three; false if they are none.
    mutating func map(_ from: UInt8, toUTF8 bytes: [UInt8]) -> Bool {
        guard bytes.count <= 3 else { return false }
        let start = Int(from) * 4
        there[start] = UInt8(bytes.count)
        for index in bytes.indices { there[start + 1 + index] = bytes[index] }
        var position = 0
        guard case .character(let number) = UTF8Reader.next(bytes.span, &position),
            number <= 0xFFFF
        else { return false }
        let page = Int(number >> 8)
        if pages[page].isEmpty { pages[page] = Array(repeating: 0, count: 256) }
        pages[page][Int(number & 0xFF)] = from
        return true
    }
}

/// Takes UTF-8 apart as nginx does.
enum UTF8Reader {
    enum Outcome: Equatable {
        case character(UInt32)
        case invalid
        /// The bytes end within a character.
        case incomplete
    }

    /// Reads the character at `position` and moves behind it; within an incomplete one, `position` stays.
    static func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Outcome {
        guard position < bytes.count else { return .incomplete }
        let first = bytes[position]
        let length: Int
        var number: UInt32
        let least: UInt32
        switch first {
        case 0..<0x80:
            position += 1
            return .character(UInt32(first))
        case 0xC2..<0xE0: (length, number, least) = (1, UInt32(first & 0x1F), 0x80)
        case 0xE0..<0xF0: (length, number, least) = (2, UInt32(first & 0x0F), 0x800)
        case 0xF0..<0xF8: (length, number, least) = (3, UInt32(first & 0x07), 0x1_0000)
        default:
            position += 1
            return .invalid
        }
        if bytes.count - position - 1 < length { return .incomplete }
        position += 1
        for _ in 0..<length {
            let byte = bytes[position]
            position += 1
            if byte < 0x80 { return .invalid }
            number = number << 6 | UInt32(byte & 0x3F)
        }
        return number >= least && number <= 0x10_FFFF ? .character(number) : .invalid
    }
}
