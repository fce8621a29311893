@testable import ApusServer
import Testing

@Suite struct DecimalTests {
    private static func text(_ append: (Buffer) -> Void) -> String {
        let buffer = Buffer(capacity: 16)
        append(buffer)
        return String(decoding: Array(copying: buffer.span), as: UTF8.self)
    }

    /// Around each power of ten, and at the ends of the types.
    @Test func numbersAreWrittenAsTheyAreRead() {
        var numbers = [0, 1, 7, -1, .max, .min, .max - 1, .min + 1]
        var power = 1
        for _ in 0..<18 {
            power *= 10
            numbers += [power - 1, power, power + 1, -power, 1 - power]
        }
        for number in numbers { #expect(Self.text { $0.append(decimal: number) } == String(number)) }
        for number in [0, 9_999_999_999_999_999_999, 10_000_000_000_000_000_000, .max] as [UInt64] {
            #expect(Self.text { $0.append(decimal: number) } == String(number))
        }
    }

    @Test(arguments: [(0, 3, "000"), (9, 3, "009"), (200, 3, "200"), (1_000, 3, "1000"), (42, 0, "42"), (7, 25, String(repeating: "0", count: 24) + "7")])
    func shortOnesAreFilledWithZeros(_ number: Int, _ width: Int, _ text: String) {
        #expect(Self.text { $0.append(decimal: number, width: width) } == text)
    }
}
