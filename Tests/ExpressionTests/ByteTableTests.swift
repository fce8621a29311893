@testable import ApusServer
import Testing

@Suite struct ByteTableTests {
    @Test func findsWhatWasInserted() {
        var table = ByteTable<Int>()
        for number in 0..<5_000 {
            let isNew = table.insert(number, for: ByteString("key\(number)"))
            #expect(isNew)
        }
        let repeated = table.insert(0, for: "key17")
        #expect(!repeated)
        #expect(table.value("key4999") == 4_999)
        #expect(table.value("KEY4999") == nil)
        #expect(table.value("key5000") == nil)
        #expect(table.count == 5_000)
    }

    @Test func caseIsIgnoredOnRequest() {
        var table = ByteTable<Int>(ignoringCase: true)
        _ = table.insert(1, for: "Content-Length@[Z")
        #expect(table.value("CONTENT-LENGTH@[z") == 1)
        #expect(table.value("CONTENT-LENGTH`[z") == nil)
        #expect(table.value("CONTENT-LENGTH@{z") == nil)
    }

    @Test func emptyKeysAndEmptyTables() {
        var table = ByteTable<Int>()
        #expect(table.value("") == nil)
        _ = table.insert(1, for: .empty)
        #expect(table.value("") == 1)
    }

    /// The key and the bytes are those of the reference vectors.
    @Test(
        arguments: [
            (0, 0xABAC_0158_050F_C4DC), (15, 0xD320_D86D_2A51_9956), (63, 0x9D19_9062_B7BB_B3A8),
        ] as [(UInt8, UInt64)])
    func hashIsSipHash13(_ length: UInt8, _ expected: UInt64) {
        let sip = SipHash(key0: 0x0706_0504_0302_0100, key1: 0x0F0E_0D0C_0B0A_0908)
        #expect(sip.hash(ByteString(Array(0..<length)).span) == expected)
    }

    @Test func hashDependsOnKeyAndBytes() {
        let one = SipHash(key0: 1, key1: 2)
        let other = SipHash(key0: 1, key1: 3)
        let text: ByteString = "The quick brown fox"
        #expect(one.hash(text.span) != other.hash(text.span))
        #expect(one.hash(text.span) != one.hash(text.lowercased.span))
        #expect(one.hash(text.span, ignoringCase: true) == one.hash(text.lowercased.span))
        for byte in UInt8.min ... .max {
            let bytes = ByteString([UInt8](repeating: byte, count: 9))
            #expect(one.hash(bytes.span, ignoringCase: true) == one.hash(bytes.lowercased.span))
        }
    }
}

extension ByteTable {
    fileprivate func value(_ key: String) -> Value? {
        let key = ByteString(key)
        return find(key.span)
    }
}
