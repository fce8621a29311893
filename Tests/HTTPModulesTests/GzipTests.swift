import Testing

@testable import ApusServer

/// What clients say of gzip.
@Suite struct GzipAcceptanceTests {
    @Test(arguments: [
        "gzip", "gzip, deflate", "deflate, gzip", "GZip", "deflate,gzip", "gzip;q=0.001",
        "gzip; q=1", "gzip;q=1.000", "gzip ; q=0.5", "gzip;", "br;q=1.0, gzip;q=0.8, *;q=0.1",
    ])
    func accepted(_ value: String) {
        let field = ByteString(value)
        let isAccepted = field.span.acceptsGzip
        #expect(isAccepted)
    }

    @Test(arguments: [
        "", "gz", "deflate", "x-gzip", "gzip;q=0", "gzip;q=0.000", "gzip;q=1.001", "gzip;q=0.0001",
        "gzip;q=", "gzip;q=2", "gzip;x=1", "gzipped", "*", "identity",
    ])
    func refused(_ value: String) {
        let field = ByteString(value)
        let isAccepted = field.span.acceptsGzip
        #expect(!isAccepted)
    }
}

/// The compressor, by the frame of what it makes: RFC 1952 ends a member with the size of what is in it.
@Suite struct DeflaterTests {
    private let shape = Deflater.Shape(level: 1, windowBits: 15, memoryLevel: 8)

    private func compress(
        _ text: ByteString, _ deflater: Deflater, room: Int, parts: Int = 1,
        _ mode: Deflater.Mode = .flush
    ) -> [UInt8] {
        var out: [UInt8] = []
        let size = max(text.count / parts, 1)
        var start = 0
        while start < text.count {
            let end = min(start + size, text.count)
            drain(text.slice(start..<end), mode, deflater, room, &out)
            start = end
        }
        drain(.empty, .finish, deflater, room, &out)
        return out
    }

    private func drain(
        _ text: ByteString, _ mode: Deflater.Mode, _ deflater: Deflater, _ room: Int,
        _ out: inout [UInt8]
    ) {
        var place = 0
        while true {
            let buffer = Buffer(capacity: room)
            let outcome = deflater.deflate(text.span, from: &place, mode, into: buffer)
            out += Array(copying: buffer.span)
            if outcome == .taken { return }
            #expect(outcome == .full)
        }
    }

    private let text = ByteString((0..<20_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) })

    @Test func theFrameTellsTheSize() throws {
        let deflater = try #require(Deflater(shape))
        let member = compress(text, deflater, room: 64, parts: 7)
        #expect(member.starts(with: [0x1F, 0x8B, 8]))
        let size = member.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(size == text.count)
        #expect(deflater.bytesIn == text.count)
        #expect(deflater.bytesOut == member.count)
    }

    // Without flushes: zlib repeats the mark of one where fewer than six bytes of output are left.
    @Test func theSizeOfOutputBuffersChangesNothing() throws {
        let deflater = try #require(Deflater(shape))
        let small = compress(text, deflater, room: 16, parts: 3, .gather)
        deflater.reset()
        let isSame = compress(text, deflater, room: 100_000, parts: 3, .gather) == small
        #expect(isSame)
    }

    @Test func streamsAreUsedAgainByTheirShape() throws {
        let pool = DeflaterPool()
        let first = try #require(pool.take(shape))
        let expected = compress(text, first, room: 512)
        pool.give(first)
        let other = try #require(
            pool.take(Deflater.Shape(level: 9, windowBits: 10, memoryLevel: 3)))
        #expect(other !== first)
        let again = try #require(pool.take(shape))
        #expect(again === first)
        #expect(compress(text, again, room: 512) == expected)
    }

    @Test func shortBodiesNeedSmallWindows() {
        let settings = GzipSettings()
        #expect(settings.shape(for: -1).windowBits == 15)
        #expect(settings.shape(for: 20).windowBits == 9)
        #expect(settings.shape(for: 20).memoryLevel == 2)
        #expect(settings.shape(for: 249).windowBits == 9)
        #expect(settings.shape(for: 1_000_000).windowBits == 15)
    }
}
