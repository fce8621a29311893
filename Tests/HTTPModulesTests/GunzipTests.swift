import Testing

@testable import ApusServer

/// The decompressor, by what the compressor makes.
@Suite struct InflaterTests {
    private let text = ByteString((0..<20_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) })

    private func compress(_ text: ByteString) throws -> [UInt8] {
        let deflater = try #require(Deflater(level: 1, windowBits: 15, memoryLevel: 8))
        let buffer = Buffer(capacity: 100_000)
        var place = 0
        #expect(deflater.compress(text.span, from: &place, .finish, into: buffer) == .taken)
        return Array(copying: buffer.span)
    }

    /// Feeds parts, each to its end; the last outcome, and what came out.
    private func inflate(
        _ bytes: [UInt8], parts: Int = 1, room: Int = 512, _ inflater: Inflater? = nil
    ) throws -> (outcome: Inflater.Outcome, isWhole: Bool, text: [UInt8]) {
        let inflater = try inflater ?? #require(Inflater())
        let input = ByteString(bytes)
        var out: [UInt8] = []
        let size = max((bytes.count + parts - 1) / parts, 1)
        var outcome = Inflater.Outcome.taken
        for start in stride(from: 0, to: bytes.count, by: size) {
            let end = min(start + size, bytes.count)
            let part = input.slice(start..<end)
            var place = 0
            repeat {
                let buffer = Buffer(capacity: room)
                outcome = inflater.inflate(part.span, from: &place, isLast: end == bytes.count, into: buffer)
                out += Array(copying: buffer.span)
            } while outcome == .full
            if outcome != .taken { break }
        }
        return (outcome, inflater.isAtEnd, out)
    }

    @Test(arguments: [1, 2, 7, 1_000], [16, 100, 100_000])
    func bothSizesOfBuffersChangeNothing(parts: Int, room: Int) throws {
        let result = try inflate(compress(text), parts: parts, room: room)
        #expect(result.outcome == .taken)
        #expect(result.isWhole)
        #expect(result.text == Array(copying: text.span))
    }

    @Test(arguments: [1, 3, 500])
    func membersFollowEachOther(parts: Int) throws {
        let member = try compress(text)
        let result = try inflate(member + compress(.empty) + member, parts: parts)
        #expect(result.isWhole)
        #expect(result.text == Array(copying: text.span) + Array(copying: text.span))
    }

    @Test func aCutStreamIsNotWhole() throws {
        let member = try compress(text)
        for missing in [1, 4, 8, 100, member.count - 1] {
            let result = try inflate(Array(member.dropLast(missing)))
            #expect(result.outcome == .taken)
            #expect(!result.isWhole)
        }
    }

    @Test func rubbishIsRefused() throws {
        let member = try compress(text)
        for rubbish in [Array("not compressed".utf8), member + Array("behind it".utf8), Array(member.dropFirst(3))] {
            guard case .failed(let code) = try inflate(rubbish).outcome else {
                Issue.record("taken")
                continue
            }
            // Z_DATA_ERROR
            #expect(code == -3)
        }
        // A byte of the checksum.
        var wrong = member
        wrong[member.count - 8] ^= 1
        #expect(try inflate(wrong).outcome == .failed(-3))
    }

    // The output is bounded by its buffer, whatever the input would make.
    @Test func muchOfLittleComesInParts() throws {
        let bomb = try compress(ByteString([UInt8](repeating: 0, count: 10_000_000)))
        #expect(bomb.count < 100_000)
        let inflater = try #require(Inflater())
        let input = ByteString(bomb)
        var place = 0
        let buffer = Buffer(capacity: 1_024)
        #expect(inflater.inflate(input.span, from: &place, isLast: true, into: buffer) == .full)
        #expect(buffer.count == 1_024)
        #expect(try inflate(bomb, room: 65_536).text.count == 10_000_000)
    }

    @Test func anInflaterIsUsedAgainAfterAFailure() throws {
        let pool = InflaterPool()
        let first = try #require(pool.take())
        _ = try inflate(Array("not compressed".utf8), first)
        pool.give(first)
        let again = try #require(pool.take())
        #expect(again === first)
        #expect(try inflate(compress(text), again).text == Array(copying: text.span))
    }
}
