extension Charset {
    private static let inIf: Contexts = [.request, .ifInLocation]

    static var rows: [Row] {
        [
            choice("charset", \.charset, "The charset that answers are sent in.", allowsOff: true),
            choice(
                "source_charset", \.source, "The charset that answers are in.", allowsOff: false),
            .flag(
                "override_charset", in: inIf, slot, \.overrides,
                "Whether answers of upstreams that name a charset are recoded, too."),
            .mediaTypes(
                "charset_types", in: .request, slot, \.types,
                "Media types that have a charset, besides text/html."),
            .entries(
                "charset_map", in: .http, .two, "How one charset is recoded to another.",
                syntax: "charset1 charset2 { ... }"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try readMap(&invocation)
            },
        ]
    }

    private static func choice(
        _ name: String, _ path: Row.Path<CharsetSettings, CharsetSettings.Choice>,
        _ summary: String, allowsOff: Bool
    ) -> Row {
        .custom(
            name, in: inIf, .one, summary, mayRepeat: false,
            syntax: allowsOff ? "charset | off" : "charset"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let word = invocation.arguments[0]
            let http = try invocation.http()
            let choice: CharsetSettings.Choice
            if allowsOff, word.value == "off" {
                choice = .off
            } else if word.value.hasPrefix("$") {
                let variable = word.value.slice(1..<word.value.count)
                choice = .variable(try http.registry.reference(variable, at: word.position))
            } else {
                _ = http.charsets.add(word.value)
                choice = .named(word.value)
            }
            invocation.write(slot) { $0[keyPath: path] = choice }
            checkLater(invocation, http)
        }
    }

    /// When all is read, there must be a map between the charsets of each block that names them.
    private static func checkLater(_ invocation: Invocation, _ http: HTTPBuilder) {
        let evaluation = invocation.scope.evaluation
        invocation.scope.whenSettled { (scope: Scope) throws(ConfigurationError) in
            let settings = scope[slot]
            guard case .named(let target) = settings.charset,
                case .named(let source) = settings.source
            else { return }
            let charsets = http.charsets
            evaluation.afterwards { () throws(ConfigurationError) in
                let from = charsets.add(source)
                let to = charsets.add(target)
                if from == to || charsets.recoding(from: from, to: to) != nil { return }
                var error = ConfigurationError(
                    "no \"charset_map\" between the charsets \"\(source)\" and \"\(target)\"")
                error.isPlaceless = true
                throw error
            }
        }
    }

    private static func readMap(_ invocation: inout Invocation) throws(ConfigurationError) {
        let charsets = try invocation.http().charsets
        let source = charsets.add(invocation[0])
        let target = charsets.add(invocation[1])
        let names = "\"\(invocation[0])\" and \"\(invocation[1])\""
        if source == target {
            throw invocation.fail("\"charset_map\" between the same charsets \(names)")
        }
        if invocation[0].span.equalsIgnoringCase("utf-8") {
            throw invocation.fail(
                "\"charset_map\" with \"utf-8\" charset should be given in the second column")
        }
        if charsets.recoding(from: source, to: target) != nil {
            throw invocation.fail("duplicate \"charset_map\" between \(names)")
        }
        let isUTF8 = invocation[1].span.equalsIgnoringCase("utf-8")
        var map = CharsetMap(from: source, to: target, isUTF8: isUTF8)
        let current = invocation
        try invocation.forEachEntry { (entry: Directive) throws(ConfigurationError) in
            guard entry.arguments.count == 1 else {
                throw current.fail("invalid parameters number", in: entry)
            }
            try read(entry, entry.arguments[0], into: &map, current)
        }
        charsets.add(map)
        invocation.write(slot) { $0.recodesForUpstreams = true }
    }

    private static func read(
        _ entry: Directive, _ word: Word, into map: inout CharsetMap, _ invocation: Invocation
    ) throws(ConfigurationError) {
        guard let from = byte(entry.name.value) else {
            throw invocation.fail("invalid value \"\(entry.name.text)\"", in: entry)
        }
        if map.isUTF8 {
            if let bytes = bytes(word.value), map.map(from, toUTF8: bytes) { return }
        } else if let to = byte(word.value) {
            return map.map(from, to: to)
        }
        throw invocation.fail("invalid value \"\(word.text)\"", in: entry)
    }

    /// A hexadecimal number below 256.
    private static func byte(_ text: ByteString) -> UInt8? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for index in 0..<text.count {
            guard let digit = text[index].hexValue, value < 256 else { return nil }
            value = value * 16 + Int(digit)
        }
        return UInt8(exactly: value)
    }

    /// Bytes of two hexadecimal digits each.
    private static func bytes(_ text: ByteString) -> [UInt8]? {
        guard text.count % 2 == 0, !text.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = text[index].hexValue, let low = text[index + 1].hexValue else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
