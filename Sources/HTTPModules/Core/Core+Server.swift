extension Core {
    static var serverRows: [Row] {
        let slot = ServerSettings.slot
        let contexts: Contexts = [.http, .server]
        return [
            .custom(
                "server_name", in: .server, .atLeast(1),
                "The host names of the server: exact, with a wildcard at one end, or `~` and a regular "
                    + "expression.", syntax: "name ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addNames(&invocation)
            },
            .milliseconds(
                "client_header_timeout", in: contexts, slot, \.headerTimeout,
                "How long the head of a request may take to arrive."),
            .size(
                "client_header_buffer_size", in: contexts, slot, \.limits.bufferSize,
                "The buffer for the head of an ordinary request."),
            .value(
                "large_client_header_buffers", in: contexts, .two, slot, \.limits,
                "How many large buffers a request's head may fill, and how long its lines may be.",
                syntax: "number size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                var limits = invocation[slot].limits
                guard let count = Units.number(invocation[0]), count > 0,
                    let size = Units.size(invocation[1]), size > 0
                else { throw invocation.refuse("invalid value") }
                limits.largeBufferCount = count
                limits.largeBufferSize = size
                return limits
            },
            .flag(
                "ignore_invalid_headers", in: contexts, slot, \.limits.ignoresInvalidNames,
                "Whether header fields with invalid names are skipped."),
            .flag(
                "underscores_in_headers", in: contexts, slot, \.limits.allowsUnderscores,
                "Whether header names may have underscores."),
            .number(
                "max_headers", in: contexts, slot, \.limits.fieldCount, atLeast: 1,
                "How many header fields a request may have."),
            .flag(
                "merge_slashes", in: contexts, slot, \.mergesSlashes,
                "Whether slashes that follow each other count as one."),
        ]
    }

    private static func addNames(_ invocation: inout Invocation) throws(ConfigurationError) {
        guard let server = invocation.location as? ServerBuilder else {
            throw invocation.fail("\"server_name\" directive is not allowed here")
        }
        for word in invocation.arguments {
            let name = word.value
            if name.count > 1, name[0] == ASCII.tilde {
                let pattern = name.slice(1..<name.count)
                // Host names are matched in lower case; a pattern with capitals is meant without regard to case.
                let caseless = pattern.bytes.contains { $0.isASCIIUppercase }
                let regex = try Regex(
                    pattern: pattern, caseless: caseless, registry: server.http.registry)
                if server.firstName.isEmpty, server.names.isEmpty { server.firstName = name }
                server.names.append(.regex(regex))
                continue
            }
            let dots: ByteString = ".."
            if name.span.firstIndex(of: dots.span) != nil {
                throw invocation.fail("server name \"\(name)\" is invalid", at: word)
            }
            if name.span.firstIndex(of: ASCII.slash) != nil {
                invocation.warn("server name \"\(name)\" has suspicious symbols", at: word)
            }
            let text = name == "$hostname" ? ByteString(ThisProcess.hostName).lowercased : name.lowercased
            if server.names.isEmpty {
                // `$server_name` and redirects show the name without a leading dot.
                server.firstName = text.hasPrefix(".") ? text.slice(1..<text.count) : text
            }
            server.names.append(.text(text))
        }
    }

    static var listenRows: [Row] {
        [
            .custom(
                "listen", in: .server, .atLeast(1),
                "An address and port, or a path, that the server accepts connections on.",
                syntax: "address[:port] | port | unix:path [parameters]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addListen(&invocation)
            }
        ]
    }

    private static func addListen(_ invocation: inout Invocation) throws(ConfigurationError) {
        guard let server = invocation.location as? ServerBuilder else {
            throw invocation.fail("\"listen\" directive is not allowed here")
        }
        let text: AddressText
        do {
            text = try AddressText(invocation[0], .listen(defaultPort: 80))
        } catch {
            throw invocation.fail(
                "\(error.message) in \"\(invocation[0])\" of the \"listen\" directive",
                at: invocation.arguments[0])
        }
        var parser = ListenParameters(isIPv6: text.addresses.first?.family == .ipv6)
        for word in invocation.arguments.dropFirst() { try parser.read(word, invocation) }
        for address in text.addresses {
            if server.listens.contains(where: { $0.address == address }) {
                throw invocation.fail("a duplicate listen \(address.description)")
            }
            server.listens.append(
                .init(
                    address: address, options: parser.options, isDefault: parser.isDefault,
                    setsOptions: parser.setsOptions,
                    expectsProxyProtocol: parser.expectsProxyProtocol, isSecure: parser.isSecure,
                    position: invocation.directive.terminator))
            server.listens[server.listens.count - 1].hasHTTP2 = parser.hasHTTP2
        }
    }
}

/// The parameters of one `listen` directive.
struct ListenParameters {
    var options = ListenOptions()
    var isDefault = false
    var setsOptions = false
    var expectsProxyProtocol = false
    var isSecure = false
    var hasHTTP2 = false
    let isIPv6: Bool

    init(isIPv6: Bool) {
        self.isIPv6 = isIPv6
    }

    mutating func read(_ word: Word, _ invocation: Invocation) throws(ConfigurationError) {
        switch word.text {
        case "default_server", "default": isDefault = true
        case "bind":
            options.isBound = true
            setsOptions = true
        case "deferred":
            options.isDeferred = true
            sets()
        case "reuseport":
            options.reusePort = true
            sets()
        case "multipath":
            options.isMultipath = true
            sets()
        case "http2":
            hasHTTP2 = true
            invocation.warn(
                "the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead",
                at: word)
        case "ssl": isSecure = true
        case "quic", "http3":
            throw invocation.fail(
                "the \"\(word.text)\" parameter of \"listen\" is not supported yet",
                advice: "this version serves HTTP/1 and HTTP/2", at: word)
        case "proxy_protocol":
            expectsProxyProtocol = true
        default:
            try readValue(word, invocation)
        }
    }

    private mutating func sets() {
        options.isBound = true
        setsOptions = true
    }

    private mutating func readValue(
        _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) {
        let text = word.value
        guard let equals = text.span.firstIndex(of: ASCII.equals) else {
            throw invocation.invalidParameter(word)
        }
        let value = text.slice(equals + 1..<text.count)
        switch text.slice(0..<equals).text {
        case "backlog":
            guard let count = Units.number(value), count > 0 else {
                throw invocation.fail("invalid backlog \"\(value)\"", at: word)
            }
            options.backlog = count
        case "rcvbuf":
            guard let size = Units.size(value) else {
                throw invocation.fail("invalid rcvbuf \"\(value)\"", at: word)
            }
            options.receiveBuffer = size
        case "sndbuf":
            guard let size = Units.size(value) else {
                throw invocation.fail("invalid sndbuf \"\(value)\"", at: word)
            }
            options.sendBuffer = size
        case "fastopen":
            guard let count = Units.number(value) else {
                throw invocation.fail("invalid fastopen \"\(value)\"", at: word)
            }
            options.fastOpen = count
        case "ipv6only":
            guard isIPv6 else {
                throw invocation.fail("ipv6only is not supported on addr \"\(invocation[0])\"", at: word)
            }
            switch value.text {
            case "on": options.isIPv6Only = true
            case "off": options.isIPv6Only = false
            default:
                throw invocation.fail("invalid ipv6only flags \"\(value)\"", at: word)
            }
        case "so_keepalive":
            options.keepalive = try keepalive(value, word, invocation)
        case "setfib", "accept_filter":
            throw invocation.fail(
                "the \"\(text.slice(0..<equals))\" parameter is for FreeBSD and not supported on this platform", at: word)
        default:
            throw invocation.invalidParameter(word)
        }
        sets()
    }

    private func keepalive(
        _ value: ByteString, _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) -> ListenOptions.Keepalive {
        if value == "on" { return .init(isOn: true) }
        if value == "off" { return .init(isOn: false) }
        let parts = value.bytes.split(
            separator: ASCII.colon, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw invocation.fail("invalid so_keepalive value: \"\(value)\"", at: word)
        }
        var numbers: [Int] = []
        for (index, part) in parts.enumerated() {
            let text = ByteString(Array(part))
            if text.isEmpty {
                numbers.append(0)
                continue
            }
            guard let number = index < 2 ? Units.seconds(text) : Units.number(text) else {
                throw invocation.fail("invalid so_keepalive value: \"\(value)\"", at: word)
            }
            numbers.append(number)
        }
        if numbers == [0, 0, 0] {
            throw invocation.fail("invalid so_keepalive value: \"\(value)\"", at: word)
        }
        return .init(isOn: true, idle: numbers[0], interval: numbers[1], probes: numbers[2])
    }
}
