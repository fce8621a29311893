/// Directives about bodies, sending and the connection.
extension Core {
    private static let slot = CoreSettings.slot

    static var bodyRows: [Row] {
        [
            .offset(
                "client_max_body_size", in: .request, slot, \.maxBodySize,
                "The largest body a request may have; 0: any."),
            .size(
                "client_body_buffer_size", in: .request, slot, \.bodyBufferSize,
                "How much of a request's body is kept in memory."),
            .milliseconds(
                "client_body_timeout", in: .request, slot, \.bodyTimeout,
                "How long may pass between two pieces of a request's body."),
            .choice(
                "client_body_in_file_only", in: .request, slot, \.bodyInFileOnly,
                [("off", .off), ("on", .on), ("clean", .clean)],
                "Whether each request's body is written to a file, and whether that is kept."),
            .ignoredFlag(
                "client_body_in_single_buffer", in: .request, "Whether a body in memory is in one piece.",
                reason: "it always is"),
            .value(
                "client_body_temp_path", in: .request, .between(1, 4), slot, \.bodyTempPath,
                "Where bodies that do not fit into memory are written.",
                syntax: "path [level1 [level2 [level3]]]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.tempPath()
            },
        ]
    }

    static var sendRows: [Row] {
        [
            .ignoredFlag(
                "tcp_nopush", in: .request, "Whether heads and bodies are gathered into full packets.",
                reason: "they always are"),
            .ignoredFlag(
                "tcp_nodelay", in: .request, "Whether the last, short packet is sent at once.",
                reason: "it always is"),
            .milliseconds(
                "send_timeout", in: .request, slot, \.sendTimeout,
                "How long a client may take nothing of the answer."),
            .size(
                "postpone_output", in: .request, slot, \.postponeOutput,
                "How much is gathered before it is sent."),
            .value(
                "limit_rate", in: inIf, .one, slot, \.limitRate,
                "Bytes a second that an answer is sent with at most.", syntax: "rate"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.sizeTemplate()
            },
            .value(
                "limit_rate_after", in: inIf, .one, slot, \.limitRateAfter,
                "Bytes that are sent before the rate is limited.", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.sizeTemplate()
            },
            .flag(
                "reset_timedout_connection", in: .request, slot, \.resetsTimedOut,
                "Whether timed-out connections are reset, which frees the kernel's buffers at once."),
            .flag(
                "chunked_transfer_encoding", in: .request, slot, \.chunkedTransferEncoding,
                "Whether answers of unknown length are sent in chunks."),
            .ignoredLowWater("send_lowat", in: .request),
        ]
    }

    static var keepaliveRows: [Row] {
        [
            .custom(
                "keepalive_timeout", in: .request, .between(1, 2),
                "How long an idle connection is kept; the second time is told to the client.",
                mayRepeat: false, syntax: "timeout [header_timeout]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                guard let time = Units.milliseconds(invocation[0]) else {
                    throw invocation.refuse("invalid value")
                }
                var header = 0
                if invocation.arguments.count == 2 {
                    guard let seconds = Units.seconds(invocation[1]) else {
                        throw invocation.refuse("invalid value")
                    }
                    header = seconds
                }
                invocation.write(slot) {
                    $0.keepaliveTimeout = time
                    $0.keepaliveHeader = header
                }
            },
            .milliseconds(
                "keepalive_min_timeout", in: .request, slot, \.keepaliveMinTimeout,
                "How long an idle connection is kept even by a server that shuts down."),
            .number(
                "keepalive_requests", in: .request, slot, \.keepaliveRequests,
                "How many requests one connection may carry."),
            .milliseconds(
                "keepalive_time", in: .request, slot, \.keepaliveTime,
                "How long one connection may be used."),
            .options(
                "keepalive_disable", in: .request, slot, \.keepaliveDisable,
                [("none", .none), ("msie6", .msie6), ("safari", .safari)], arity: .between(1, 2),
                "Browsers whose connections are not kept after a POST."),
            .choice(
                "lingering_close", in: .request, slot, \.lingeringClose,
                [("off", .off), ("on", .on), ("always", .always)],
                "Whether what a client still sends is read before its connection is closed."),
            .milliseconds(
                "lingering_time", in: .request, slot, \.lingeringTime,
                "How long this may last in all."),
            .milliseconds(
                "lingering_timeout", in: .request, slot, \.lingeringTimeout,
                "How long it waits for more."),
        ]
    }

    static var headRows: [Row] {
        [
            .value(
                "server_tokens", in: .request, .one, slot, \.serverTokens,
                "What the `Server` header and the error pages say of this server.",
                syntax: "on | off | build | string"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                switch invocation[0].text {
                case "on": return .on
                case "off": return .off
                case "build": return .build
                default: return .text(try invocation.template(invocation.arguments[0]))
                }
            },
            .flag(
                "absolute_redirect", in: .request, slot, \.absoluteRedirect,
                "Whether redirects name the host."),
            .flag(
                "server_name_in_redirect", in: .request, slot, \.serverNameInRedirect,
                "Whether redirects name the server's first name rather than the host asked for."),
            .flag(
                "port_in_redirect", in: .request, slot, \.portInRedirect,
                "Whether redirects name the port."),
            .flag("etag", in: .request, slot, \.eTag, "Whether files are sent with an ETag."),
            .choice(
                "if_modified_since", in: .request, slot, \.ifModifiedSince,
                [("off", .off), ("exact", .exact), ("before", .before)],
                "How a file's time is compared with the one the client has."),
            .number(
                "max_ranges", in: .request, slot, \.maxRanges,
                "How many ranges one request may ask for."),
            .flag(
                "msie_padding", in: .request, slot, \.msiePadding,
                "Whether error pages are padded for browsers that hide short ones."),
            .flag(
                "msie_refresh", in: .request, slot, \.msieRefresh,
                "Whether Internet Explorer is redirected by a page instead of a header."),
            .list(
                "early_hints", in: .request, .atLeast(1), slot, \.earlyHints,
                "Conditions under which early hints of upstreams pass to the client.",
                syntax: "string ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                var templates: [Template] = []
                for word in invocation.arguments { templates.append(try invocation.template(word)) }
                return templates
            },
        ]
    }

    /// Sizes of tables that grow by themselves here, and memory pools that do not exist.
    static var hashRows: [Row] {
        let reason = "the table sizes itself"
        let names: [(String, Contexts)] = [
            ("server_names_hash_bucket_size", .http), ("server_names_hash_max_size", .http),
            ("types_hash_bucket_size", .request), ("types_hash_max_size", .request),
            ("variables_hash_bucket_size", .http), ("variables_hash_max_size", .http),
        ]
        var rows: [Row] = names.map {
            .ignoredNumber($0.0, in: $0.1, "The size of a hash table.", reason: reason)
        }
        for name in ["connection_pool_size", "request_pool_size"] {
            rows.append(
                .ignored(
                    name, in: [.http, .server], .one, "The size of a memory pool.",
                    reason: "there are no pools: connections and requests are objects of one size",
                    syntax: "size"
                ) { (invocation: inout Invocation) throws(ConfigurationError) in
                    try checkPoolSize(invocation)
                })
        }
        rows.append(
            .size(
                "subrequest_output_buffer_size", in: .request, slot, \.subrequestBufferSize,
                "How large an answer to a subrequest may be that is kept in memory."))
        return rows
    }

    /// nginx's bounds for its pools, on 64-bit machines.
    static func checkPoolSize(_ invocation: Invocation) throws(ConfigurationError) {
        let size = try invocation.size()
        let (least, step) = (112, 16)
        if size < least { throw invocation.fail("the pool size must be no less than \(least)") }
        if size % step != 0 { throw invocation.fail("the pool size must be a multiple of \(step)") }
    }

    /// What nginx has and this version does not have yet.
    static var laterRows: [Row] {
        let names: [(String, Contexts)] = [
            ("resolver", .request), ("resolver_timeout", .request),
            ("error_log_tag", .request),
        ]
        return names.map { .unsupported($0.0, in: $0.1, "Not built yet.") }
    }
}

extension Row {
    /// A directive for the least that a socket takes: nginx warns, too, that it does nothing.
    static func ignoredLowWater(_ name: String, in contexts: Contexts) -> Row {
        .ignored(
            name, in: contexts, .one, "The least that a socket takes before it is writable.",
            reason: "Linux does not let SO_SNDLOWAT be changed", syntax: "size"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            _ = try invocation.size()
            invocation.warn("\"\(invocation.name)\" is not supported, ignored")
        }
    }
}

extension Invocation {
    /// The default place of a folder for temporary files: below the prefix, but below the packages' cache folder where the prefix
    /// is the packages' own, since configurations are no place for them. It is made if a server uses it.
    ///
    /// - Parameter use: the folder that is used by who has these settings.
    func defaultTempFolder(_ name: ByteString, use: @escaping (SettingsTable) -> ByteString) -> ByteString {
        let evaluation = scope.evaluation
        let http = (builder as? ConfigurationBuilder)?.http
        let isPackaged = evaluation.prefix == "/etc/nginx/"
        let packaged = name == "client_body_temp" ? "client_temp" : name
        let folder = isPackaged ? Self.cacheFolder + "/" + packaged : path(name)
        evaluation.afterwards { () throws(ConfigurationError) in
            guard let http, http.servers.contains(where: { $0.location.map { use($0.settings) } == folder }) else { return }
            if isPackaged { evaluation.addSharedFolder(Self.cacheFolder) }
            evaluation.addWorkerFolder(folder)
        }
        return folder
    }

    private static let cacheFolder: ByteString = "/var/cache/nginx"
    private static let levelAdvice = "a level is the number of digits in its folders' names, ten in all"

    /// A folder for temporary files and up to three levels of subfolders, which the server makes when it starts.
    func tempPath() throws(ConfigurationError) -> TempPath {
        let path = try readTempPath()
        scope.evaluation.addWorkerFolder(path.folder)
        return path
    }

    /// The same without making anything.
    func readTempPath() throws(ConfigurationError) -> TempPath {
        var levels: [Int] = []
        for word in arguments.dropFirst() {
            guard let digits = Units.number(word.value), digits > 0 else {
                throw refuse("invalid value", advice: Self.levelAdvice, at: word)
            }
            levels.append(digits)
        }
        // File numbers have ten digits.
        if levels.contains(where: { $0 > 10 }) || levels.reduce(0, +) > 10 {
            throw refuse("invalid value", advice: Self.levelAdvice)
        }
        return TempPath(path(self[0]), levels: levels)
    }
}
