/// The zstd-nginx-module: answers are compressed with Zstandard on their way to clients that take it.
enum Zstd {
    static let slot = Slot(.zstd, initial: ZstdSettings())

    static var rows: [Row] {
        [
            .flag(
                "zstd", in: [.request, .ifInLocation], slot, \.isOn,
                "Whether answers are compressed with Zstandard."),
            .mediaTypes(
                "zstd_types", in: .request, slot, \.types,
                "Media types that are compressed with Zstandard, besides text/html."),
            .number(
                "zstd_comp_level", in: .request, slot, \.level, atLeast: 1, atMost: 22,
                "How hard Zstandard tries, from 1 to 22."),
            .size(
                "zstd_min_length", in: .request, slot, \.minLength,
                "Answers known to be shorter are not compressed with Zstandard."),
            .ignoredBuffers(
                "zstd_buffers", "Buffers for what Zstandard makes.", reason: "buffers have the sizes that suit the connection"),
            .unsupported(
                "zstd_dict_file", in: .http,
                "HTTP has no way to tell a client which dictionary an answer needs: it could not be read."),
        ]
    }
}

/// What the zstd-nginx-module's directives set for a location.
struct ZstdSettings: Sendable {
    var isOn = false
    var types = MediaTypes.html
    var level = 1
    var minLength = 20

    init() {}

    var shape: Compressor.Shape { .zstd(level: level) }
}
