extension HTTP2 {
    static var rows: [Row] {
        let contexts: Contexts = [.http, .server]
        return [
            .flag(
                "http2", in: contexts, slot, \.isOn,
                "Whether clients may speak HTTP/2: over TLS by ALPN, without it by its preface."),
            .number(
                "http2_max_concurrent_streams", in: contexts, slot, \.streams,
                "How many streams of one connection may be open at a time."),
            .value(
                "http2_body_preread_size", in: contexts, .one, slot, \.prereadSize,
                "How much of a request's body may come before it is asked for.", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let size = try invocation.size()
                let most = 0x7FFF_FFFF
                guard size <= most else {
                    throw invocation.fail("the maximum body preread buffer size is \(most)")
                }
                return size
            },
            .value(
                "http2_chunk_size", in: .request, .one, slot, \.chunkSize,
                "The longest frame that a response's body is cut into.", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let size = try invocation.size()
                guard size > 0 else { throw invocation.fail("the http2 chunk size cannot be zero") }
                return min(size, 0xFF_FFFF)
            },
        ] + ignoredRows + obsoleteRows
    }

    /// What nginx makes buffers and tables of.
    private static var ignoredRows: [Row] {
        let contexts: Contexts = [.http, .server]
        return [
            .ignored(
                "http2_recv_buffer_size", in: .http, .one, "The buffer that input is read into.",
                reason: "a worker reads into one buffer, whatever the protocol", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                // What nginx keeps of a frame that has not come whole.
                if try invocation.size() <= 16 { throw invocation.refuse("value is too small") }
            },
            .ignored(
                "http2_pool_size", in: contexts, .one, "The size of a connection's pool.",
                reason: "there are no pools of this kind", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try Core.checkPoolSize(invocation)
            },
            .ignored(
                "http2_streams_index_size", in: contexts, .one, "The size of a hash table.",
                reason: "tables size themselves", syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let size = try invocation.number()
                if size.nonzeroBitCount != 1 { throw invocation.refuse("must be a power of two") }
            },
        ]
    }

    /// What nginx has had, and warns of.
    private static var obsoleteRows: [Row] {
        let contexts: Contexts = [.http, .server]
        let header = "use the \"client_header_timeout\" directive instead"
        let keepalive = "use the \"keepalive_timeout\" directive instead"
        let requests = "use the \"keepalive_requests\" directive instead"
        let buffers = "use the \"large_client_header_buffers\" directive instead"
        return [
            obsolete("http2_recv_timeout", in: contexts, header),
            obsolete("http2_idle_timeout", in: contexts, keepalive),
            obsolete("http2_max_requests", in: contexts, requests),
            obsolete("http2_max_field_size", in: contexts, buffers),
            obsolete("http2_max_header_size", in: contexts, buffers),
            obsolete("http2_max_concurrent_pushes", in: contexts, "ignored"),
            obsolete("http2_push", in: .request, "ignored"),
            obsolete("http2_push_preload", in: .request, "ignored"),
        ]
    }

    private static func obsolete(
        _ name: String, in contexts: Contexts, _ remedy: String
    ) -> Row {
        .custom(name, in: contexts, .one, "Obsolete: \(remedy).") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            invocation.warn("the \"\(invocation.name)\" directive is obsolete, \(remedy)")
        }
    }
}
