import Testing

@testable import ApusServer

/// The search for several texts, against one that looks at every place for every text.
@Suite struct SubstitutionTests {
    private func plain(_ patterns: [ByteString], _ text: [UInt8], from start: Int) -> SubstitutionTable.Found {
        for place in start..<max(text.count, start) {
            for (number, pattern) in patterns.enumerated() where place + pattern.count <= text.count {
                let isSame = text.span.extracting(place..<place + pattern.count).equalsIgnoringCase(pattern.span)
                if isSame { return .match(place, number) }
            }
        }
        return .nothing
    }

    /// Finds all texts as the filter does, with what has come in pieces of a size.
    private func matches(_ patterns: [ByteString], _ text: [UInt8], piece: Int) -> [[Int]] {
        let table = SubstitutionTable(patterns)
        let used = [Bool](repeating: false, count: patterns.count)
        var found: [[Int]] = []
        var position = 0
        var end = 0
        while end < text.count {
            end = min(end + piece, text.count)
            let isLast = end == text.count
            var goesOn = true
            while goesOn {
                let come = text.span.extracting(position..<end)
                switch table.find(in: come, from: 0, used: used, isLast: isLast) {
                case .match(let place, let number):
                    found.append([position + place, number])
                    position += place + patterns[number].count
                case .partial(let place):
                    position += place
                    goesOn = false
                case .nothing:
                    position = end
                    goesOn = false
                }
            }
        }
        return found
    }

    @Test func findsWhatAPlainSearchFinds() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let patterns = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                ByteString((0..<Int.random(in: 1...5, using: &random)).map { _ in UInt8.random(in: 97...99, using: &random) })
            }
            let text = (0..<60).map { _ in
                UInt8.random(in: 97...99, using: &random) & (Bool.random(using: &random) ? 0xFF : 0xDF)
            }
            var expected: [[Int]] = []
            var position = 0
            while case .match(let place, let number) = plain(patterns, text, from: position) {
                expected.append([place, number])
                position = place + patterns[number].count
            }
            for piece in [1, 2, 3, 7, 60] {
                #expect(matches(patterns, text, piece: piece) == expected, "\(patterns) in \(text), pieces of \(piece)")
            }
        }
    }

    @Test func whatMayBecomeATextIsHeldBackAndNothingElse() {
        let table = SubstitutionTable(["abc", "xyz"])
        let text: ByteString = "..ab"
        let certain: ByteString = "..ac"
        #expect(table.find(in: text.span, from: 0, used: [false, false], isLast: false) == .partial(2))
        #expect(table.find(in: text.span, from: 0, used: [true, false], isLast: false) == .nothing)
        #expect(table.find(in: text.span, from: 0, used: [false, false], isLast: true) == .nothing)
        #expect(table.find(in: certain.span, from: 0, used: [false, false], isLast: false) == .nothing)
    }

    @Test func anEarlierTextWinsThoughALaterOneIsComplete() {
        let table = SubstitutionTable(["abcd", "ab"])
        let text: ByteString = "ab"
        #expect(table.find(in: text.span, from: 0, used: [false, false], isLast: false) == .partial(0))
        #expect(table.find(in: text.span, from: 0, used: [false, false], isLast: true) == .match(0, 1))
    }
}
