@testable import ApusServer
import Testing

@Suite struct TypeTableTests {
    /// Tables of all sizes, with names that fill words and longer ones, find each of their names in any case, and no other.
    @Test(arguments: [0, 1, 3, 4, 5, 8, 100, 3_000])
    func eachNameIsFound(_ count: Int) {
        func name(_ number: Int) -> String { String(number * 7, radix: 36) + (number % 5 == 0 ? "longer-name" : "") }
        let rows = (0..<count).map { (ByteString(Array(name($0).utf8)), ByteString(Array("type/\(name($0))".utf8))) }
        let table = TypeTable(Dictionary(uniqueKeysWithValues: rows))
        for number in 0..<count {
            let wanted = ByteString(Array("type/\(name(number))".utf8))
            #expect(table.type(for: ByteString(Array(name(number).utf8)).span) == wanted)
            #expect(table.type(for: ByteString(Array(name(number).uppercased().utf8)).span) == wanted)
        }
        for number in count..<count + 1_000 { #expect(table.type(for: ByteString(Array(name(number).utf8)).span) == nil) }
        #expect(table.type(for: ByteString([]).span) == nil)
        // Bytes that a name may have in common with a free place.
        #expect(table.type(for: ByteString([0]).span) == nil)
    }
}
