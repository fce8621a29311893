extension Gzip {
    static var rows: [Row] { filterRows + acceptanceRows }

    private static var filterRows: [Row] {
        [
            .flag(
                "gzip", in: [.request, .ifInLocation], slot, \.isOn,
                "Whether answers are compressed."),
            .buffers(
                "gzip_buffers", in: .request, slot, \.buffers,
                "Buffers for compressed bytes: how large they are."),
            .mediaTypes(
                "gzip_types", in: .request, slot, \.types,
                "Media types that are compressed, besides text/html."),
            .number(
                "gzip_comp_level", in: .request, slot, \.level, atLeast: 1, atMost: 9,
                "How hard the compressor tries, from 1 to 9."),
            power(
                "gzip_window", \.windowBits, smallest: 9, largest: 15,
                "must be 512, 1k, 2k, 4k, 8k, 16k, or 32k",
                "How far back the compressor looks."),
            power(
                "gzip_hash", \.memoryLevel, smallest: 9, largest: 17,
                "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k",
                "The size of the compressor's table."),
            .size(
                "postpone_gzipping", in: .request, slot, \.postponed,
                "How much is gathered before compression begins."),
            .flag(
                "gzip_no_buffer", in: .request, slot, \.isUnbuffered,
                "Whether compressed bytes are sent as soon as there are any."),
            .size(
                "gzip_min_length", in: .request, slot, \.minLength,
                "Answers known to be shorter are not compressed."),
        ]
    }

    /// A power of two as a size, stored as its exponent for the window and as zlib's memory level for the hash.
    private static func power(
        _ name: String, _ path: Row.Path<GzipSettings, Int>, smallest: Int, largest: Int,
        _ complaint: String, _ summary: String
    ) -> Row {
        .value(name, in: .request, .one, slot, path, summary, syntax: "size") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let exponent = try invocation.exponent(smallest...largest, complaint)
            return largest == 15 ? exponent : exponent - 8
        }
    }

    private static var acceptanceRows: [Row] {
        [
            .flag(
                "gzip_vary", in: .request, slot, \.varies,
                "Whether answers that may be compressed say so in Vary."),
            .choice(
                "gzip_http_version", in: .request, slot, \.version,
                [("1.0", .http10), ("1.1", .http11)],
                "The protocol version from which on answers are compressed."),
            .options(
                "gzip_proxied", in: .request, slot, \.proxied,
                [
                    ("off", .off), ("expired", .expired), ("no-cache", .noCache),
                    ("no-store", .noStore), ("private", .private),
                    ("no_last_modified", .noLastModified), ("no_etag", .noETag),
                    ("auth", .authorized), ("any", .any),
                ],
                "Which answers to requests that come through proxies are compressed."),
            .custom(
                "gzip_disable", in: .request, .atLeast(1),
                "Browsers that get nothing compressed, by regular expressions.",
                syntax: "regex ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try readDisable(&invocation)
            },
        ]
    }

    private static func readDisable(_ invocation: inout Invocation) throws(ConfigurationError) {
        var regexes = invocation.isFirst ? [] : invocation[slot].disabledAgents
        var hasExplorers = invocation[slot].disablesOldExplorers
        for word in invocation.arguments {
            if word.value == "msie6" {
                hasExplorers = true
                continue
            }
            // nginx knows this word where it can tell that memory runs out, which it cannot on Linux.
            if word.value == "degradation" { continue }
            regexes.append(try Regex(pattern: word.value, caseless: true))
        }
        let (final, old) = (regexes, hasExplorers)
        invocation.write(slot) {
            $0.disabledAgents = final
            $0.disablesOldExplorers = old
        }
    }
}
