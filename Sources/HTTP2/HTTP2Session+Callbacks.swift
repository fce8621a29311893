import CNghttp2

/// What nghttp2 calls: it notes what came, to be told when nghttp2 has returned, since a callback must not enter it again.
extension HTTP2Session {
    /// The callbacks, the same for all sessions.
    nonisolated(unsafe) private static let callbacks: OpaquePointer? = unsafe makeCallbacks()
    nonisolated(unsafe) private static let options: OpaquePointer? = unsafe makeOptions()

    /// The largest window there is.
    static let largestWindow: Int32 = .max

    @unsafe
    func open() {
        let own = unsafe Unmanaged.passUnretained(self).toOpaque()
        var made: OpaquePointer?
        unsafe nghttp2_session_client_new2(&made, Self.callbacks, own, Self.options)
        precondition(unsafe made != nil, "no memory for an HTTP/2 session")
        unsafe session = made
        let window = UInt32(clamping: limits.window)
        let settings = [
            entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0), entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window),
        ]
        unsafe nghttp2_submit_settings(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        // Streams have windows of their own; that of the connection would only let one hold up the others.
        unsafe nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.largestWindow)
    }

    private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(bitPattern: id.rawValue), value: value)
    }

    @unsafe
    private static func makeOptions() -> OpaquePointer? {
        var options: OpaquePointer?
        unsafe nghttp2_option_new(&options)
        // Windows grow as bodies are used, not as they come.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        // What messages may look like is nginx's to say: most of what is wrong is answered, not broken off.
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_max_outbound_ack(options, 1_000)
        // What an upstream may send in a head is bounded elsewhere; nghttp2 would not pass on more than 64 KB.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 16 * 1_048_576)
        // Their bytes are bounded by the limits of a head.
        unsafe nghttp2_option_set_max_continuations(options, 64)
        // `HTTP2Allowance` counts what is broken off.
        unsafe nghttp2_option_set_stream_reset_rate_limit(options, 1_000, 1_000)
        return unsafe options
    }

    @unsafe
    private static func makeCallbacks() -> OpaquePointer? {
        var made: OpaquePointer?
        unsafe nghttp2_session_callbacks_new(&made)
        unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(made) { _, head, user in
            guard let head = unsafe head else { return 0 }
            unsafe owner(of: user)._withUnsafeGuaranteedRef { unsafe $0.beginFrame(head.pointee) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(made) { _, frame, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef { unsafe $0.beginBlock(frame) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(made) {
            _, _, name, nameCount, value, valueCount, _, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef {
                unsafe $0.takeField(
                    UnsafeBufferPointer(start: name, count: nameCount),
                    UnsafeBufferPointer(start: value, count: valueCount))
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(made) { _, frame, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef { unsafe $0.endFrame(frame) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made) {
            _, _, id, data, count, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef { unsafe $0.takeData(id, data, count) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(made) { _, id, code, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef { $0.endStream(id, code) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(made) {
            _, frame, head, count, source, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef {
                unsafe $0.sendBody(frame, head, count, source?.pointee.fd ?? -1)
            }
        }
        unsafe nghttp2_session_callbacks_set_data_source_read_length_callback(made) {
            _, _, _, _, _, remote, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef { min(Int(remote), $0.longestFrame) }
        }
        return unsafe made
    }

    // MARK: - Input

    @unsafe
    func handle(of id: Int32) -> Int32 {
        Int32(Int(bitPattern: unsafe nghttp2_session_get_stream_user_data(session, id))) - 1
    }

    private func beginFrame(_ head: nghttp2_frame_hd) {
        allowance.ignore(-9 - head.length)
        // What DATA carries is seen when it comes.
        allowance.spend(UInt32(head.type) == NGHTTP2_DATA.rawValue ? 9 : 9 + head.length)
        let isOfBlock = UInt32(head.type) == NGHTTP2_HEADERS.rawValue || UInt32(head.type) == NGHTTP2_CONTINUATION.rawValue
        // Packed fields may take more room than plain ones, but not so much more.
        if isOfBlock, head.length > 2 * limits.head + 16_384 {
            return terminate(.enhanceYourCalm, "HEADERS: too large")
        }
        if UInt32(head.type) == NGHTTP2_PUSH_PROMISE.rawValue {
            return terminate(.protocolError, "PUSH_PROMISE: not wanted")
        }
    }

    @unsafe
    private func beginBlock(_ frame: UnsafePointer<nghttp2_frame>?) {
        guard let frame = unsafe frame else { return }
        let head = unsafe apus_h2_head(frame).pointee
        blockSize = 0
        unsafe current = handle(of: head.stream_id)
        if current >= 0 { headBegan(current) }
    }

    @unsafe
    private func takeField(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) {
        blockSize += name.count + value.count
        if name.isEmpty { return terminate(.protocolError, "HEADERS: empty name") }
        if name.count > limits.field || value.count > limits.field || blockSize > limits.head {
            return terminate(.enhanceYourCalm, "HEADERS: too large")
        }
        guard current >= 0 else { return }
        field(current, unsafe Span(_unsafeElements: name), unsafe Span(_unsafeElements: value))
    }

    @unsafe
    private func endFrame(_ frame: UnsafePointer<nghttp2_frame>?) {
        guard let frame = unsafe frame else { return }
        let head = unsafe apus_h2_head(frame).pointee
        let endsStream = UInt32(head.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard current >= 0 else { return }
            let size = unsafe apus_h2_block_length(frame)
            allowance.carry(size)
            events.append(
                Event(
                    kind: .head, handle: current,
                    first: UInt32(clamping: size), second: endsStream ? 1 : 0))
            current = -1
        case NGHTTP2_DATA.rawValue:
            allowance.spend(unsafe apus_h2_padding(frame))
            guard endsStream else { return }
            let handle = unsafe handle(of: head.stream_id)
            if handle >= 0 { events.append(Event(kind: .end, handle: handle)) }
        case NGHTTP2_RST_STREAM.rawValue:
            resetByPeer = head.stream_id
            let handle = unsafe handle(of: head.stream_id)
            if handle >= 0 { allowance.spendStream() }
        case NGHTTP2_GOAWAY.rawValue:
            events.append(
                Event(
                    kind: .goAway, handle: -1, first: unsafe apus_h2_goaway_code(frame),
                    second: UInt32(bitPattern: unsafe apus_h2_goaway_last(frame))))
        default: break
        }
    }

    @unsafe
    private func takeData(_ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int) {
        unsafe nghttp2_session_consume_connection(session, count)
        let handle = unsafe handle(of: id)
        guard handle >= 0, count > 0, let data = unsafe data, let input = unsafe input else {
            unsafe nghttp2_session_consume_stream(session, id, count)
            return
        }
        allowance.carry(count)
        let start = unsafe UnsafeRawPointer(data) - input
        events.append(
            Event(kind: .data, handle: handle, first: UInt32(start), second: UInt32(count)))
    }

    private func endStream(_ id: Int32, _ code: UInt32) {
        let handle = unsafe handle(of: id)
        guard handle >= 0 else { return }
        if handle == current { current = -1 }
        lastClosed = (id, handle)
        events.append(
            Event(kind: id == resetByPeer ? .reset : .closed, handle: handle, first: code))
    }

    // MARK: - Output

    /// What nghttp2 reads a body from: it asks how much there is, and `sendBody` writes it.
    @unsafe
    static var bodySource: nghttp2_data_source_read_callback {
        { _, id, _, limit, flags, source, user in
            unsafe owner(of: user)._withUnsafeGuaranteedRef {
                unsafe $0.offerBody(source?.pointee.fd ?? -1, id, limit, flags)
            }
        }
    }

    @unsafe
    private func offerBody(
        _ handle: Int32, _ id: Int32, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>?
    ) -> Int {
        guard let sink,
            case .bytes(let count, let isLast) = offer(
                handle, stream: id, atMost: limit, to: sink)
        else {
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        precondition(count <= limit, "more was offered than was asked for")
        var set = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if isLast {
            set |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if let block = trailers(handle), block.count > 0 {
                set |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                submitTrailers(id, block)
            }
        }
        unsafe flags?.pointee = set
        return count
    }

    @unsafe
    private func sendBody(
        _ frame: UnsafeMutablePointer<nghttp2_frame>?, _ head: UnsafePointer<UInt8>?, _ count: Int,
        _ handle: Int32
    ) -> Int32 {
        guard let frame = unsafe frame, let head = unsafe head, let sink else {
            return Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        allowance.carry(count)
        let flags = unsafe UInt32(apus_h2_head(frame).pointee.flags)
        writeBody(
            handle, unsafe Span(_unsafeStart: head, count: 9), count,
            endsStream: flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0, to: sink)
        return sink.size < bound ? 0 : Int32(NGHTTP2_ERR_PAUSE.rawValue)
    }
}

/// The session that a callback is about. It is alive: the callback runs within one of its calls.
@unsafe
private func owner(of user: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Session> {
    guard let user = unsafe user else { preconditionFailure("nghttp2 has lost its session") }
    return unsafe Unmanaged.fromOpaque(user)
}
