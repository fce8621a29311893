/// The directives that every family of upstreams has, stamped with its prefix.
struct UpstreamFamily: Sendable {
    /// Such as `proxy_`.
    let prefix: String
    let slot: Slot<UpstreamSettings>
    private let features: Features
    /// The failures that may be named for asking the next server.
    private let failures: [(String, RetryConditions)]

    /// What not all families have.
    struct Features: OptionSet, Sendable {
        let rawValue: UInt8
        /// Answers begin with fields: all but the simplest.
        static let fields = Features(rawValue: 1)
        /// Requests and answers may be held back, in memory and in files.
        static let buffering = Features(rawValue: 2)
        static let trailers = Features(rawValue: 4)
        static let lowWater = Features(rawValue: 8)
        static let tls = Features(rawValue: 16)
    }

    init(
        prefix: String, slot: Slot<UpstreamSettings>, _ features: Features,
        failures: [(String, RetryConditions)] = RetryConditions.choices
    ) {
        self.prefix = prefix
        self.slot = slot
        self.features = features
        self.failures = failures
    }

    var rows: [Row] {
        var rows = times + retries + sockets + commercial
        rows.append(features.contains(.buffering) ? checked(headBuffer) : headBuffer)
        if features.contains(.fields) { rows += heads + socketBuffers }
        if features.contains(.buffering) { rows += buffers + requests + later }
        if features.contains(.trailers) { rows.append(trailers) }
        if features.contains(.tls) { rows += security }
        return rows
    }

    private var security: [Row] {
        TLSClientDirectives(prefix: prefix, contexts: .request, slot: slot, path: \.tls) {
            $0.httpBuilder.registry
        }.rows
    }

    private func name(_ stem: String) -> String { prefix + stem }

    private var times: [Row] {
        [
            .milliseconds(
                name("connect_timeout"), in: .request, slot, \.connectTimeout,
                "How long a connection to an upstream may take to be made."),
            .milliseconds(
                name("send_timeout"), in: .request, slot, \.sendTimeout,
                "How long an upstream may take nothing of the request."),
            .milliseconds(
                name("read_timeout"), in: .request, slot, \.readTimeout,
                "How long an upstream may be silent while it answers."),
        ]
    }

    // MARK: - Buffers

    private var headBuffer: Row {
        .size(
            name("buffer_size"), in: .request, slot, \.bufferSize,
            "The buffer for the answer's head, which must fit into it.")
    }

    private var buffers: [Row] {
        [
            .flag(
                name("buffering"), in: .request, slot, \.isBuffering,
                "Takes the answer from the upstream as fast as it comes, and holds it for the client."
            ),
            checked(
                .buffers(
                    name("buffers"), in: .request, slot, \.buffers,
                    "Number and size of the buffers that an answer may fill before it goes to a file."
                )),
            checked(
                .size(
                    name("busy_buffers_size"), in: .request, slot, \.busyBuffersSize,
                    "How much of the buffers may be busy sending to the client.")),
            checked(
                .offset(
                    name("max_temp_file_size"), in: .request, slot, \.maxTempFileSize,
                    "How large the file for a held answer may grow; 0: answers are held in memory only."
                )),
            checked(
                .size(
                    name("temp_file_write_size"), in: .request, slot, \.tempFileWriteSize,
                    "How much is written to the file at once.")),
            .value(
                name("temp_path"), in: .request, .between(1, 4), slot, \.tempPath,
                "The folder for files that hold answers, and the digits of its levels of subfolders.",
                syntax: "path [level1 [level2 [level3]]]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.tempPath()
            },
            .value(
                name("limit_rate"), in: .request, .one, slot, \.limitRate,
                "Bytes per second at which an answer is read; 0 is no limit.", syntax: "rate"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.sizeTemplate()
            },
        ]
    }

    /// The row, with a look at all sizes of its block together once the http block is complete.
    private func checked(_ row: Row) -> Row {
        guard case .simple(let perform) = row.action else { return row }
        let family = self
        return Row(
            name: row.name, in: row.contexts, row.arity, row.summary, mayRepeat: row.mayRepeat,
            syntax: row.syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                try perform(&invocation)
                let scope = invocation.scope
                scope.enclosing(.http)?.whenFinished { (_: Scope) throws(ConfigurationError) in
                    try family.checkSizes(scope[family.slot])
                }
            })
    }

    /// nginx's rules for how the sizes go together.
    func checkSizes(_ settings: UpstreamSettings) throws(ConfigurationError) {
        let largest = settings.largestBuffer
        let ofLargest =
            "the maximum of the value of \"\(prefix)buffer_size\" and one of the \"\(prefix)buffers\""
        if settings.buffers.count < 2 {
            throw ConfigurationError("there must be at least 2 \"\(prefix)buffers\"")
        }
        let busy = settings.busyBuffersSize ?? 2 * largest
        if busy < largest {
            throw ConfigurationError(
                "\"\(prefix)busy_buffers_size\" must be equal to or greater than \(ofLargest)")
        }
        if busy > (settings.buffers.count - 1) * settings.buffers.size {
            throw ConfigurationError(
                "\"\(prefix)busy_buffers_size\" must be less than "
                    + "the size of all \"\(prefix)buffers\" minus one buffer",
                advice: "raise the number of \(prefix)buffers, or lower \(prefix)buffer_size")
        }
        if settings.tempFileWriteSize ?? 2 * largest < largest {
            throw ConfigurationError(
                "\"\(prefix)temp_file_write_size\" must be equal to or greater than \(ofLargest)")
        }
        if settings.fileLimit != 0, settings.fileLimit < largest {
            throw ConfigurationError(
                "\"\(prefix)max_temp_file_size\" must be equal to zero to disable temporary files "
                    + "usage or must be equal to or greater than \(ofLargest)")
        }
    }

    // MARK: - Requests and heads

    private var requests: [Row] {
        [
            .flag(
                name("request_buffering"), in: .request, slot, \.buffersRequest,
                "Reads the whole body of a request before an upstream is asked."),
            .flag(
                name("pass_request_headers"), in: .request, slot, \.passesRequestHeaders,
                "Passes the client's header fields on."),
            .flag(
                name("pass_request_body"), in: .request, slot, \.passesRequestBody,
                "Passes the client's body on."),
            .flag(
                name("ignore_client_abort"), in: .request, slot, \.ignoresClientAbort,
                "Goes on with the upstream when the client has left."),
            .flag(
                name("force_ranges"), in: .request, slot, \.forcesRanges,
                "Serves ranges of answers, whatever their Accept-Ranges says."),
        ]
            + (features.contains(.lowWater) ? [.ignoredLowWater(name("send_lowat"), in: .request)] : [])
    }

    private var heads: [Row] {
        [
            headerList(
                "hide_header", \.hiddenHeaders, "Hides a field of the answer from the client."),
            headerList(
                "pass_header", \.passedHeaders,
                "Shows the client a field that is hidden by default."),
            .options(
                name("ignore_headers"), in: .request, slot, \.ignored, IgnoredHeaders.choices,
                "Fields of the answer that have no effect here."),
            .flag(
                name("intercept_errors"), in: .request, slot, \.interceptsErrors,
                "Lets error_page replace answers with an error status."),
        ]
    }

    private var trailers: Row {
        .flag(
            name("pass_trailers"), in: .request, slot, \.passesTrailers,
            "Passes the trailer fields behind a chunked answer on.")
    }

    private func headerList(
        _ stem: String, _ path: Row.Path<UpstreamSettings, [ByteString]>, _ summary: String
    ) -> Row {
        let slot = slot
        return .custom(name(stem), in: .request, .one, summary, syntax: "field") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let field = invocation[0]
            let replaces = invocation.isFirst
            invocation.write(slot) { settings in
                if replaces { settings[keyPath: path] = [] }
                settings[keyPath: path].append(field)
                settings.hidden = HiddenHeaders(
                    hidden: settings.hiddenHeaders, passed: settings.passedHeaders,
                    standard: settings.hiddenByDefault)
            }
        }
    }

    private func template(
        _ stem: String, _ path: Row.Path<UpstreamSettings, Template?>, _ summary: String,
        syntax: String
    ) -> Row {
        .value(name(stem), in: .request, .one, slot, path, summary, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            try invocation.template()
        }
    }

    // MARK: - Other servers, and sockets

    private var retries: [Row] {
        [
            .options(
                name("next_upstream"), in: .request, slot, \.retryConditions,
                failures, "The failures upon which the next server is asked."),
            .number(
                name("next_upstream_tries"), in: .request, slot, \.retryTries,
                "How many servers a request is sent to at most; 0 is no limit."),
            .milliseconds(
                name("next_upstream_timeout"), in: .request, slot, \.retryTimeout,
                "For how long a request may be passed to another server; 0 is no limit."),
        ]
    }

    private var sockets: [Row] {
        [
            .value(
                name("bind"), in: .request, .oneOf(1, 2), slot, \.local,
                "The local address of connections to upstreams; `off` lets the system choose.",
                syntax: "address [transparent] | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.localAddress()
            },
            .flag(
                name("socket_keepalive"), in: .request, slot, \.socketKeepalive,
                "Lets the system probe idle connections to upstreams (SO_KEEPALIVE)."),
        ]
    }

    private var socketBuffers: [Row] {
        [
            .size(
                name("socket_rcvbuf"), in: .request, slot, \.receiveBuffer,
                "The receive buffer of connections to upstreams (SO_RCVBUF)."),
            .size(
                name("socket_sndbuf"), in: .request, slot, \.sendBuffer,
                "The send buffer of connections to upstreams (SO_SNDBUF)."),
        ]
    }

    /// Makes the default folder for temporary files absolute for the whole of http.
    func placeTempFiles(in scope: Scope, of invocation: Invocation) {
        let slot = slot
        let folder = invocation.defaultTempFolder(scope[slot].tempPath.folder) { $0[slot].tempPath.folder }
        scope.write(slot) { $0.tempPath.folder = folder }
    }

    // MARK: - Not there yet

    private var later: [Row] {
        let cache = [
            "cache", "cache_background_update", "cache_bypass", "cache_key", "cache_lock", "cache_lock_age",
            "cache_lock_timeout", "cache_max_range_offset", "cache_methods", "cache_min_uses", "cache_purge",
            "cache_revalidate", "cache_use_stale", "cache_valid", "no_cache",
        ]
        return cache.map { unsupported($0, "Caches answers.", "answers are not cached: leave it out") } + [
            .unsupported(
                name("cache_path"), in: .http, "Where answers are cached.",
                advice: "answers are not cached: leave it out"),
            unsupported("store", "Stores answers as files.", "answers are not stored: leave it out"),
            unsupported("store_access", "Permissions of stored answers.", "answers are not stored: leave it out"),
        ]
    }

    /// What commercial nginx has.
    private var commercial: [Row] {
        var rows = [
            unsupported(
                "allow_upstream", "Which upstreams variables may name.",
                "check the variables before they reach \(prefix)pass"),
            unsupported("bind_dynamic", "Binds anew for every request.", "\(prefix)bind takes variables"),
        ]
        if features.contains(.fields) {
            rows.append(
                unsupported(
                    "request_dynamic", "Makes the request anew for every server.",
                    "one request serves all servers"))
        }
        if features.contains(.tls) {
            rows.append(
                unsupported(
                    "ssl_key_log", "Where the secrets of connections are written.",
                    "it is for finding faults: leave it out"))
        }
        return rows
    }

    private func unsupported(_ stem: String, _ summary: String, _ advice: String) -> Row {
        .unsupported(name(stem), in: .request, summary, advice: advice)
    }
}

extension Invocation {
    /// What the http block is built into.
    var httpBuilder: HTTPBuilder {
        guard let http = (builder as? ConfigurationBuilder)?.http else {
            preconditionFailure("a directive of http without its builder")
        }
        return http
    }

    /// An argument as a text with variables.
    func template(_ index: Int = 0) throws(ConfigurationError) -> Template {
        try Template(
            compiling: self[index], registry: httpBuilder.registry, at: arguments[index].position)
    }

    fileprivate func localAddress() throws(ConfigurationError) -> LocalAddress? {
        let text = self[0]
        if arguments.count == 1, text == "off" { return nil }
        let template = try template()
        var source = LocalAddress.Source.template(template)
        if template.constant != nil {
            guard let address = SocketAddress.ipWithPort(text.span) else {
                throw fail("invalid address \"\(text)\"", at: arguments[0])
            }
            source = .address(address)
        }
        if arguments.count == 2 {
            if self[1] != "transparent" { throw invalidParameter(arguments[1]) }
            throw fail(
                "parameter \"transparent\" is not supported yet by Apus",
                advice: "connections come from an address of this machine", at: arguments[1])
        }
        return LocalAddress(source: source, text: text)
    }
}
