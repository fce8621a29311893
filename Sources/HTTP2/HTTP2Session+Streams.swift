import CNghttp2

/// What is done with single streams.
extension HTTP2Session {
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

    /// Nothing more is told of a stream; its handle may be used again.
    final func forget(_ id: Int32, _ handle: Int32) {
        guard !isOver else { return }
        if current == handle { current = -1 }
        if lastClosed.id == id { lastClosed = (0, -1) }
        unsafe nghttp2_session_set_stream_user_data(session, id, nil)
    }
}
