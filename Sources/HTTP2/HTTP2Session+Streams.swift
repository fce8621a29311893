import CNghttp2

/// What is done with single streams.
extension HTTP2Session {
    /// The fields stay where they are until nghttp2 has encoded them, which is at once.
    private static let inPlace = UInt8(
        truncatingIfNeeded: NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue
            | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)

    /// Sends the head of an answer, encoded at once into the queue; a body follows as `offer` gives it, unless `endsStream`.
    ///
    /// - Parameter chunk: the longest frame that the body may be cut into.
    final func sendHead(
        _ handle: Int32, stream id: Int32, _ block: HTTP2FieldBlock, endsStream: Bool, chunk: Int = 16_384,
        into queue: OutputQueue
    ) {
        guard !isOver else { return }
        if chunk > longestFrame { longestFrame = min(chunk, Self.longestChunk) }
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.fd = handle
        unsafe provider.read_callback = Self.bodySource
        let code = unsafe block.withPlaces(flags: Self.inPlace) { places, count in
            let code =
                endsStream
                ? unsafe nghttp2_submit_response(session, id, places, count, nil)
                : unsafe nghttp2_submit_response(session, id, places, count, &provider)
            // Heads go before bodies: the frames that are made now are what waited before it, and the head itself. The
            // fields are not looked at any more when they are made.
            if code == 0 { makeHeadFrame(id, queue) }
            return code
        }
        if code != 0 || lastFieldsStream != id { reset(id, .internalError) }
    }

    /// The longest frame of a body: nghttp2 has a buffer of that size for each connection.
    private static let longestChunk = 128 * 1_024

    /// Makes frames until the stream's fields are among them.
    private func makeHeadFrame(_ id: Int32, _ queue: OutputQueue) {
        let outer = (sink, bound)
        sink = queue
        bound = 0
        lastFieldsStream = 0
        while makeFrame(into: queue) > 0, lastFieldsStream != id || !lastFieldsAreComplete {}
        (sink, bound) = outer
    }

    /// Sends an interim head.
    final func sendInterimHead(_ id: Int32, _ block: HTTP2FieldBlock) {
        guard !isOver else { return }
        _ = unsafe block.withPlaces(flags: 0) { places, count in
            unsafe nghttp2_submit_headers(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, places, count, nil)
        }
    }

    func submitTrailers(_ id: Int32, _ block: HTTP2FieldBlock) {
        _ = unsafe block.withPlaces(flags: 0) { places, count in
            unsafe nghttp2_submit_trailer(session, id, places, count)
        }
    }

    /// Opens a stream with a request: its number, or nil if no more can be opened on this connection.
    final func sendRequest(_ handle: Int32, _ block: HTTP2FieldBlock, endsStream: Bool) -> Int32? {
        guard takesRequests else { return nil }
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.fd = handle
        unsafe provider.read_callback = Self.bodySource
        let user = unsafe UnsafeMutableRawPointer(bitPattern: Int(handle) + 1)
        let id = unsafe block.withPlaces(flags: 0) { places, count in
            endsStream
                ? unsafe nghttp2_submit_request(session, nil, places, count, nil, user)
                : unsafe nghttp2_submit_request(session, nil, places, count, &provider, user)
        }
        return id > 0 ? id : nil
    }

    /// There is more of a body than when nothing was offered.
    final func resume(_ id: Int32) {
        guard !isOver else { return }
        unsafe nghttp2_session_resume_data(session, id)
    }

    /// Bytes of a body were used: the peer may send as many more.
    final func consume(_ id: Int32, _ count: Int) {
        guard !isOver, count > 0 else { return }
        unsafe nghttp2_session_consume_stream(session, id, count)
    }

    /// The widest window that a stream can have: until the peer has acknowledged the settings, with room for the change that
    /// they make.
    final var widestWindow: Int {
        let widest = Int(Self.largestWindow)
        return settingsAreAcknowledged ? widest : widest - max(limits.window - 65_535, 0)
    }

    /// How many bytes of a body may come before they are consumed.
    final func setWindow(_ id: Int32, to size: Int) {
        guard !isOver else { return }
        unsafe nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, Int32(clamping: size))
    }

    /// Breaks a stream off.
    final func reset(_ id: Int32, _ code: HTTP2Code) {
        guard !isOver else { return }
        unfinished.insert(id)
        allowance.expectLeftovers()
        unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    /// Nothing more is told of a stream; its handle may be used again.
    final func forget(_ id: Int32, _ handle: Int32) {
        guard !isOver else { return }
        if current == handle { current = -1 }
        if lastClosed.id == id { lastClosed = (0, -1) }
        unsafe nghttp2_session_set_stream_user_data(session, id, nil)
    }
}
