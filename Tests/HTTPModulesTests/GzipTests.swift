import Testing

@testable import ApusServer

/// What clients say of codings.
@Suite struct AcceptanceTests {
    @Test(arguments: [
        "gzip", "gzip, deflate", "deflate, gzip", "GZip", "deflate,gzip", "gzip;q=0.001",
        "gzip; q=1", "gzip;q=1.000", "gzip ; q=0.5", "gzip;", "br;q=1.0, gzip;q=0.8, *;q=0.1",
    ])
    func accepted(_ value: String) {
        let field = ByteString(value)
        let codings = field.span.acceptedCodings
        #expect(codings.contains(.gzip))
    }

    @Test(arguments: [
        "", "gz", "deflate", "x-gzip", "gzip;q=0", "gzip;q=0.000", "gzip;q=1.001", "gzip;q=0.0001",
        "gzip;q=", "gzip;q=2", "gzip;x=1", "gzipped", "*", "identity",
    ])
    func refused(_ value: String) {
        let field = ByteString(value)
        let codings = field.span.acceptedCodings
        #expect(!codings.contains(.gzip))
    }

    @Test(arguments: [
        ("br", "b"), ("gzip, deflate, br, zstd", "gbz"), ("br;q=0, zstd;q=0.1, gzip;q=0", "z"), ("BR,ZSTD", "bz"),
        ("brotli, zstandard", ""), ("brotli, br", "b"), ("xbr, x-zstd", ""), ("br;q=0, br", ""), ("zstd;q=0.0, br;q=0.5", "b"),
        ("zstd ;q=1,br ; q=0.001", "bz"), ("b", ""), ("zst", ""), (",,br", "b"), ("gzip;q=0,br", "b"), ("identity;q=1, *;q=0", ""),
    ])
    func eachCodingByItsName(_ value: String, _ expected: String) {
        let field = ByteString(value)
        let codings = field.span.acceptedCodings
        let found = [("g", ContentCoding.gzip), ("b", .brotli), ("z", .zstd)].filter { codings.contains($0.1) }.map(\.0)
        #expect(Set(found) == Set(expected.map(String.init)))
    }
}

/// Which stream a body gets.
@Suite struct GzipShapeTests {
    @Test func shortBodiesNeedSmallWindows() {
        var settings = GzipSettings()
        settings.level = 6
        settings.memoryLevel = 9
        #expect(settings.shape(for: -1) == .zlib(level: 6, windowBits: 15, memoryLevel: 9))
        #expect(settings.shape(for: 20) == .zlib(level: 6, windowBits: 9, memoryLevel: 3))
        #expect(settings.shape(for: 249) == .zlib(level: 6, windowBits: 9, memoryLevel: 3))
        #expect(settings.shape(for: 2_000) == .zlib(level: 6, windowBits: 12, memoryLevel: 6))
        #expect(settings.shape(for: 1_000_000) == .zlib(level: 6, windowBits: 15, memoryLevel: 9))
    }

    @Test(.enabled(if: Compressor.hasIgzip)) func shortBodiesAreISALsAtAnyLevel() {
        var settings = GzipSettings()
        settings.level = 9
        #expect(settings.shape(for: 1_024) == .igzip(level: 3, windowBits: 15))
        #expect(settings.shape(for: 1_025) == .zlib(level: 9, windowBits: 11, memoryLevel: 4))
        #expect(settings.shape(for: -1) == .zlib(level: 9, windowBits: 15, memoryLevel: 8))
    }

    @Test func lowLevelsAreISAL() {
        var settings = GzipSettings()
        for level in 1...3 {
            settings.level = level
            let expected: Compressor.Shape =
                Compressor.hasIgzip
                ? .igzip(level: level, windowBits: 15) : .zlib(level: level, windowBits: 15, memoryLevel: 8)
            #expect(settings.shape(for: -1) == expected)
        }
    }

    @Test func whoAsksForLittleMemoryGetsIt() {
        var settings = GzipSettings()
        settings.memoryLevel = 3
        #expect(settings.shape(for: -1) == .zlib(level: 1, windowBits: 15, memoryLevel: 3))
    }
}
