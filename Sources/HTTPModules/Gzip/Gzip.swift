/// ngx_http_gzip_module: answers are compressed on their way to clients that take gzip.
enum Gzip {
    static let slot = Slot(.gzip, initial: GzipSettings())
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
    /// same level, in a quarter to an eighth of the time. So are short bodies, which fit into a packet either way: at higher levels
    /// zlib makes them up to 4 % smaller for twice as many instructions. Who sets `gzip_hash` gets the memory that he asks for,
    /// which is zlib's.
    func shape(for length: Int) -> Compressor.Shape {
        if level <= 3 || 0...1_024 ~= length, memoryLevel == Self.usualMemoryLevel, Compressor.hasIgzip {
            return .igzip(level: min(level, 3), windowBits: windowBits)
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
