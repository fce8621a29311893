/// Directives that nginx or a well-known module of others has. Looked at only when a name has no row.
enum KnownDirectives {
    /// Where a directive comes from.
    enum Origin {
        case openSource
        case commercial
        /// A module that is built or bought separately.
        case separate(String)
    }

    struct Known {
        let name: String
        let contexts: Contexts
        let origin: Origin
    }

    static func find(_ name: Span<UInt8>) -> Known? {
        guard !name.isEmpty, name.count < 80 else { return nil }
        let lines = knownDirectiveLines.bytes
        var start = 0
        while start < lines.count {
            let end = lines.firstIndex(of: ASCII.lf, from: start) ?? lines.count
            let line = lines.extracting(start..<end)
            if line.count > name.count, line[name.count] == ASCII.space, line.hasPrefix(name) {
                return known(line)
            }
            start = end + 1
        }
        return thirdParty(name.text)
    }

    /// All names, for the search of a misspelt one.
    static let names: [ByteString] = {
        let lines = knownDirectiveLines.bytes
        var names: [ByteString] = []
        var start = 0
        while let blank = lines.firstIndex(of: ASCII.space, from: start) {
            names.append(ByteString(lines.extracting(start..<blank)))
            start = (lines.firstIndex(of: ASCII.lf, from: blank) ?? lines.count - 1) + 1
        }
        return names
    }()

    private static func known(_ line: Span<UInt8>) -> Known? {
        let fields = line.text.split(separator: " ")
        guard fields.count == 3 else { return nil }
        var contexts: Contexts = []
        for letter in fields[1] { contexts.formUnion(context(letter)) }
        let origin: Origin =
            switch fields[2] {
            case "c": .commercial
            case "p": .separate("a separate module of nginx")
            default: .openSource
            }
        return Known(name: String(fields[0]), contexts: contexts, origin: origin)
    }

    private static func context(_ letter: Character) -> Contexts {
        switch letter {
        case "m": .main
        case "e": .events
        case "h": .http
        case "s": .server
        case "l": .location
        case "u": .upstream
        case "i": .ifInServer
        case "j": .ifInLocation
        case "x": .limitExcept
        case "S": .stream
        case "T": .streamServer
        case "U": .streamUpstream
        case "M": .mail
        case "N": .mailServer
        default: []
        }
    }

    /// What the names of modules by others begin with. An exact name ends with a space.
    private static let prefixes: [(prefix: String, module: String)] = [
        ("more_set_", "headers-more"), ("more_clear_", "headers-more"),
        ("brotli", "ngx_brotli"), ("zstd", "zstd-nginx-module"),
        ("lua_", "lua-nginx-module"), ("modsecurity", "ModSecurity-nginx"),
        ("vhost_traffic_status", "nginx-module-vts"), ("passenger_", "Passenger"),
        ("pagespeed", "ngx_pagespeed"), ("echo", "echo-nginx-module"),
        ("subs_filter", "ngx_http_substitutions_filter_module"),
        ("fancyindex", "ngx-fancyindex"), ("push_stream_", "nginx-push-stream-module"),
        ("rtmp", "nginx-rtmp-module"), ("dav_ext_", "nginx-dav-ext-module"),
        ("auth_pam", "ngx_http_auth_pam_module"), ("auth_ldap", "nginx-auth-ldap"),
        ("proxy_cache_purge ", "ngx_cache_purge"), ("fastcgi_cache_purge ", "ngx_cache_purge"),
        ("upload_", "nginx-upload-module"), ("check ", "nginx_upstream_check_module"),
        ("set_escape_uri ", "set-misc-nginx-module"),
        ("set_unescape_uri ", "set-misc-nginx-module"),
        ("nchan_", "nchan"), ("vod ", "nginx-vod-module"), ("naxsi", "naxsi"),
        ("opentelemetry", "the OpenTelemetry module"), ("opentracing", "nginx-opentracing"),
        ("ajp_", "nginx_ajp_module"), ("testcookie", "testcookie-nginx-module"),
        ("redis2_", "redis2-nginx-module"), ("srcache_", "srcache-nginx-module"),
        ("image_filter_webp", "image filter"), ("SecRules", "naxsi"), ("array_", "array-var"),
    ]

    private static func thirdParty(_ name: String) -> Known? {
        if name.contains("_by_lua") {
            return Known(name: name, contexts: [], origin: .separate("lua-nginx-module"))
        }
        let padded = name + " "
        guard let match = prefixes.first(where: { padded.hasPrefix($0.prefix) }) else { return nil }
        return Known(
            name: name, contexts: [], origin: .separate("the module \(match.module)"))
    }
}
