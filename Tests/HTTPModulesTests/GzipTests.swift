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

/// Which stream a body gets.
@Suite struct GzipShapeTests {
    @Test func shortBodiesNeedSmallWindows() {
        var settings = GzipSettings()
        settings.level = 6
        #expect(settings.shape(for: -1) == .zlib(level: 6, windowBits: 15, memoryLevel: 8))
        #expect(settings.shape(for: 20) == .zlib(level: 6, windowBits: 9, memoryLevel: 2))
        #expect(settings.shape(for: 249) == .zlib(level: 6, windowBits: 9, memoryLevel: 2))
        #expect(settings.shape(for: 1_000_000) == .zlib(level: 6, windowBits: 15, memoryLevel: 8))
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
