import Testing

@testable import ApusServer

/// A line that is there as a whole is read as the same line that comes in bytes.
@Suite struct FieldLineTests {
    private func steps(_ bytes: [UInt8], atOnce: Bool) -> [String] {
        var parser = FieldLineParser(allowsUnderscores: false, isResponse: true)
        var cursor = 0
        var known = atOnce ? bytes.count : 1
        var steps: [String] = []
        while true {
            switch parser.next(bytes.span.extracting(0..<known), &cursor) {
            case .needMore:
                if known == bytes.count { return steps }
                known += 1
            case .field:
                steps.append("\(parser.nameRange) \(parser.valueRange) \(parser.hasInvalidName)")
            case .end: steps.append("end at \(cursor)")
            case .invalid: return steps + ["\(parser.nameStart) is bad at \(parser.badIndex)"]
            }
        }
    }

    @Test func tornOrNot() {
        let names = ["a", "Content-Length", "x_y", "HTTP/1.1 200", "", " a", "a b", "\u{e9}", "Eight-by"]
        let separators = [":", ": ", ":  ", ":\t", " :", ""]
        let values = ["", "1", "a b", " a ", "a\tb\t", "a\u{0}b", "a\rb", "\u{e9}: c", "sixteen bytes ok"]
        let ends = ["\r\n", "\n", "\r\r\n", "\r", ""]
        for name in names {
            for separator in separators {
                for value in values {
                    for end in ends {
                        let bytes = Array((name + separator + value + end + "Next: 1\r\n\r\n").utf8)
                        #expect(steps(bytes, atOnce: true) == steps(bytes, atOnce: false), "\(bytes)")
                    }
                }
            }
        }
    }
}
