/// ngx_http_gzip_module: answers are compressed on their way to clients that take gzip.
enum Gzip {
    static let slot = Slot(.gzip, initial: GzipSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings[slot].isOn }

    /// The filter that the body has to pass, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> CompressionFilter? {
        let response = request.response
        let settings = request.location.settings(slot).value
        guard settings.isOn, isCompressible(response, settings) else { return nil }
        if settings.varies { response.variesByEncoding = true }
        guard request.acceptsGzip else { return nil }
        let length = response.contentLength
        let shape = settings.shape(for: length)
        response.headers.append(.contentEncoding, "gzip")
        response.forgetLength()
        response.weakenETag()
        // The answer to HEAD has the head of the compressed answer, and nothing to compress.
        if response.isHeadOnly { return nil }
        let worker = request.engine.moduleState(.gzip) { CompressionState() }
        let source = request.wholeSource
        if let source, let kept = worker.bodies.find(source.status, shape) {
            response.kept = kept
            return nil
        }
        let loop = request.engine.loop
        let filter = CompressionFilter(
            shape, pool: worker.compressors,
            isShort: settings.buffers.size <= loop.buffers.size && 0..<16_122 ~= length,
            postpones: settings.postponed, isUnbuffered: settings.isUnbuffered,
            recording: source.flatMap { worker.bodies.record($0, shape, now: loop.wallMilliseconds) })
        request.setState(.gzip, filter)
        return filter
    }

    private static func isCompressible(_ response: Response, _ settings: GzipSettings) -> Bool {
        switch response.status.rawValue {
        case 200, 403, 404: break
        default: return false
        }
        if response.contentLength != -1, response.contentLength < settings.minLength {
            return false
        }
        let type = response.contentType
        guard settings.types.contains(type.span(response.mediaType)) else { return false }
        guard let index = response.headers.firstIndex(of: .contentEncoding) else { return true }
        return response.headers[index].valueRange.isEmpty
    }
}

/// What ngx_http_gzip_module's directives set for a location.
struct GzipSettings: Sendable {
    var isOn = false
    var varies = false
    var types = MediaTypes.html
    var level = 1
    var minLength = 20
    var buffers = BufferPlan(count: 32, size: 4_096)
    var windowBits = 15
    var memoryLevel = Self.usualMemoryLevel
    /// Bytes that are gathered before compression begins.
    var postponed = 0
    var isUnbuffered = false
    var version = Version.http11
    var proxied = Proxied.off
    var disabledAgents: [Regex] = []
    var disablesOldExplorers = false

    private static let usualMemoryLevel = 8

    init() {}

    /// Which answers to requests that come through proxies are compressed.
    struct Proxied: OptionSet, Sendable {
        let rawValue: UInt16
        static let off = Proxied(rawValue: 1)
        static let expired = Proxied(rawValue: 2)
        static let noCache = Proxied(rawValue: 4)
        static let noStore = Proxied(rawValue: 8)
        static let `private` = Proxied(rawValue: 16)
        static let noLastModified = Proxied(rawValue: 32)
        static let noETag = Proxied(rawValue: 64)
        static let authorized = Proxied(rawValue: 128)
        static let any = Proxied(rawValue: 256)
    }

    /// The stream for a body of this length, -1 if it is not known.
    ///
    /// Low levels are ISA-L's: of JSON and text, what it makes is a sixth smaller to a thirtieth larger than what zlib makes of the
    /// same level, in a quarter to an eighth of the time. Who sets `gzip_hash` gets the memory that he asks for, which is zlib's.
    func shape(for length: Int) -> Compressor.Shape {
        if level <= 3, memoryLevel == Self.usualMemoryLevel, Compressor.hasIgzip {
            return .igzip(level: level, windowBits: windowBits)
        }
        var bits = windowBits
        var memory = memoryLevel
        if length > 0 {
            // Short bodies need no more than a small window, which is made and cleared faster. What can be used of it is 262 less.
            while length < (1 << (bits - 1)) - 262 {
                bits -= 1
                memory -= 1
            }
        }
        return .zlib(level: level, windowBits: max(bits, 9), memoryLevel: max(memory, 1))
    }
}
