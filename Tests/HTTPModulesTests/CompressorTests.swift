import Testing

@testable import ApusServer
@testable import Simulation

/// What every compressing library has to do alike, by what a decoder makes of its output.
@Suite struct CompressorTests {
    static let shapes: [Compressor.Shape] =
        [
            .zlib(level: 1, windowBits: 15, memoryLevel: 8), .zlib(level: 9, windowBits: 9, memoryLevel: 1),
            .zlib(level: 6, windowBits: 12, memoryLevel: 9),
        ]
        + (Compressor.hasIgzip
            ? [
                .igzip(level: 1, windowBits: 15), .igzip(level: 2, windowBits: 15), .igzip(level: 3, windowBits: 15),
                .igzip(level: 1, windowBits: 9), .igzip(level: 3, windowBits: 10),
            ] : [])
        + [
            .brotli(quality: 0, windowBits: 10), .brotli(quality: 6, windowBits: 19), .brotli(quality: 11, windowBits: 22),
            .zstd(level: 1), .zstd(level: 3), .zstd(level: 20),
        ]

    private let text = ByteString((0..<20_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) })

    /// Gives bytes to the stream, in output buffers of a size; what came out.
    private func drain(
        _ text: ByteString, _ mode: Compressor.Mode, _ stream: Compressor, room: Int
    ) -> [UInt8] {
        var out: [UInt8] = []
        var place = 0
        while true {
            let buffer = Buffer(capacity: room)
            let outcome = stream.compress(text.span, from: &place, mode, into: buffer)
            out += Array(copying: buffer.span)
            if outcome == .taken { break }
            #expect(outcome == .full)
            if outcome != .full { break }
        }
        #expect(place == text.count)
        return out
    }

    private func compress(
        _ text: ByteString, _ stream: Compressor, room: Int, parts: Int = 1, _ mode: Compressor.Mode = .flush
    ) -> [UInt8] {
        var out: [UInt8] = []
        let size = max(text.count / parts, 1)
        for start in stride(from: 0, to: text.count, by: size) {
            out += drain(text.slice(start..<min(start + size, text.count)), mode, stream, room: room)
        }
        return out + drain(.empty, .finish, stream, room: room)
    }

    /// RFC 1952 ends a member with the size of what is in it.
    @Test(arguments: shapes.filter { $0.coding == .gzip }) func theFrameTellsTheSize(_ shape: Compressor.Shape) throws {
        let member = compress(text, try #require(Compressor(shape)), room: 64, parts: 7)
        #expect(member.starts(with: [0x1F, 0x8B, 8]))
        let size = member.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(size == text.count)
    }

    // Without flushes: zlib repeats the mark of one where fewer than six bytes of output are left.
    @Test(arguments: shapes) func theSizeOfOutputBuffersChangesNothing(_ shape: Compressor.Shape) throws {
        let small = compress(text, try #require(Compressor(shape)), room: 16, parts: 3, .gather)
        #expect(compress(text, try #require(Compressor(shape)), room: 100_000, parts: 3, .gather) == small)
    }

    @Test(arguments: shapes) func anEmptyBodyIsAWholeStream(_ shape: Compressor.Shape) throws {
        let decoder = Decoder(shape)
        decoder.take(compress(.empty, try #require(Compressor(shape)), room: 4_096))
        #expect(decoder.out.isEmpty)
        #expect(decoder.isAtEnd)
    }

    @Test(arguments: shapes) func whatIsFlushedCanBeReadAtOnce(_ shape: Compressor.Shape) throws {
        var random = SeededRandom(seed: 7)
        let pool = CompressorPool()
        // Streams are used for one body after the other.
        for _ in 0..<24 {
            let stream = try #require(pool.take(shape, for: -1))
            checkRandomBody(stream, Decoder(shape), &random)
            pool.give(stream, shape)
        }
    }

    @Test(arguments: shapes) func aBodyWhoseLengthIsKnownIsThatLong(_ shape: Compressor.Shape) throws {
        let pool = CompressorPool()
        for body in [text, .empty, text.slice(0..<100), text] {
            let stream = try #require(pool.take(shape, for: body.count))
            let decoder = Decoder(shape)
            decoder.take(compress(body, stream, room: 4_096, parts: 3))
            #expect(decoder.isAtEnd)
            #expect(ByteString(decoder.out) == body)
            pool.give(stream, shape)
        }
    }

    /// A body of any kind in parts of any size, flushed or not, into output buffers of any size.
    private func checkRandomBody(_ stream: Compressor, _ decoder: Decoder, _ random: inout SeededRandom) {
        let kind = Int.random(in: 0..<3, using: &random)
        let count = Int.random(in: 0..<3, using: &random) == 0 ? 70_000 : Int.random(in: 0..<3_000, using: &random)
        let few = (0..<1_000).map { _ in UInt8.random(in: kind == 0 ? .min ... .max : 97...103, using: &random) }
        var bytes: [UInt8] = []
        for place in 0..<count {
            bytes.append(kind == 1 ? UInt8(97 + place / 7 % 26) : few[(place &* place &+ kind &* place) % 1_000])
        }
        let body = ByteString(bytes)
        var start = 0
        while start < body.count {
            let largest = Bool.random(using: &random) ? 40_000 : 300
            let end = min(start + Int.random(in: 0...largest, using: &random), body.count)
            let flushes = Bool.random(using: &random)
            let room = Int.random(in: 16...20_000, using: &random)
            decoder.take(drain(body.slice(start..<end), flushes ? .flush : .gather, stream, room: room))
            if flushes { #expect(decoder.out.count == end) }
            start = end
        }
        decoder.take(drain(.empty, .finish, stream, room: 4_096))
        #expect(decoder.isAtEnd)
        #expect(ByteString(decoder.out) == body)
    }

    @Test func streamsAreUsedAgainByTheirShape() throws {
        let pool = CompressorPool()
        let shape = Compressor.Shape.zlib(level: 1, windowBits: 15, memoryLevel: 8)
        let first = try #require(pool.take(shape, for: -1))
        let expected = compress(text, first, room: 512)
        pool.give(first, shape)
        guard case .zlib(let kept) = first,
            case .zlib(let other) = try #require(pool.take(.zlib(level: 9, windowBits: 10, memoryLevel: 3), for: -1)),
            case .zlib(let again) = try #require(pool.take(shape, for: -1))
        else { return #expect(Bool(false)) }
        #expect(other !== kept)
        #expect(again === kept)
        #expect(compress(text, .zlib(again), room: 512) == expected)
    }

    @Test func idleStreamsAreBounded() throws {
        let pool = CompressorPool()
        let shape = Compressor.Shape.zlib(level: 1, windowBits: 15, memoryLevel: 8)
        let streams = try (0..<40).map { _ in try #require(Deflater(level: 1, windowBits: 15, memoryLevel: 8)) }
        for stream in streams { pool.give(.zlib(stream), shape) }
        var kept = 0
        while case .zlib(let stream) = try #require(pool.take(shape, for: -1)), stream === streams[streams.count - 1 - kept] { kept += 1 }
        #expect(10..<20 ~= kept)
    }
}
