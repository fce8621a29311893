import Testing

@testable import ApusServer

/// Where the name of a field ends, looked for eight bytes at a time.
@Suite struct NameByteTests {
    @Test func everyByteAtEveryPlace() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<19 {
                var bytes: [UInt8] = Array("Aa-Zz09content-Name".utf8)
                bytes[place] = byte
                let expected = byte.isASCIINameByte ? bytes.count : place
                #expect(bytes.span.firstNonNameByte(from: 0) == expected, "\(byte) at \(place)")
                #expect(bytes.span.firstNonNameByte(from: min(place + 1, 19)) == 19)
            }
        }
    }

    @Test func neighboursDoNotMatter() {
        for first in stride(from: 0, through: 255, by: 5) {
            for second in UInt8.min...UInt8.max {
                let bytes: [UInt8] = [UInt8(first), second, UInt8(first), second, second, UInt8(first), second, second]
                let expected = bytes.firstIndex { !$0.isASCIINameByte } ?? 8
                #expect(bytes.span.firstNonNameByte(from: 0) == expected)
            }
        }
    }
}
