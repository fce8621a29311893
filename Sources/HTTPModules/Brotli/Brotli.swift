/// Google's ngx_brotli: answers are compressed with brotli on their way to clients that take it.
enum Brotli {
    static let slot = Slot(.brotli, initial: BrotliSettings())

    static var rows: [Row] {
        [
            .flag(
                "brotli", in: [.request, .ifInLocation], slot, \.isOn,
                "Whether answers are compressed with brotli."),
            .mediaTypes(
                "brotli_types", in: .request, slot, \.types,
                "Media types that are compressed with brotli, besides text/html."),
            .number(
                "brotli_comp_level", in: .request, slot, \.quality, atLeast: 0, atMost: 11,
                "How hard brotli tries, from 0 to 11."),
            .value(
                "brotli_window", in: .request, .one, slot, \.windowBits,
                "How far back brotli looks.", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.exponent(10...24, "must be 1k, 2k, 4k, 8k, 16k, 32k, 64k, 128k, 256k, 512k, 1m, 2m, 4m, 8m or 16m")
            },
            .size(
                "brotli_min_length", in: .request, slot, \.minLength,
                "Answers known to be shorter are not compressed with brotli."),
            .ignoredBuffers(
                "brotli_buffers", "Buffers for what brotli makes.",
                reason: "buffers have the sizes that suit the connection, as in ngx_brotli, which does not look at this either"),
        ]
    }
}

/// What ngx_brotli's directives set for a location.
struct BrotliSettings: Sendable {
    var isOn = false
    var types = MediaTypes.html
    var quality = 6
    var windowBits = 19
    var minLength = 20

    init() {}

    /// The stream for a body of this length, -1 if it is not known: a short one needs no more than a small window.
    func shape(for length: Int) -> Compressor.Shape {
        var bits = windowBits
        if length > 0 {
            while bits > 10, length <= 1 << (bits - 1) { bits -= 1 }
        }
        return .brotli(quality: quality, windowBits: bits)
    }
}
