/// The session of a client's connection: hands what comes on a stream to the stream.
final class HTTP2ServerSession: HTTP2Session {
    /// Set as soon as the connection is there.
    weak var connection: HTTP2Connection?
    /// By their handles.
    let streams = List<HTTP2Stream?>()

    init(limits: Limits) {
        super.init(role: .server, limits: limits)
    }

    override func streamBegan(_ id: Int32, endsStream: Bool) -> Int32? {
        connection?.beginStream(id, endsStream: endsStream)
    }

    override func headBegan(_ handle: Int32) { streams[Int(handle)]?.headBegan() }

    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        streams[Int(handle)]?.field(name, value)
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        streams[Int(handle)]?.headEnded(size: size, endsStream: endsStream)
    }

    override func trailersEnded(_ handle: Int32) { streams[Int(handle)]?.inputEnded() }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {
        streams[Int(handle)]?.received(bytes)
    }

    override func streamEnded(_ handle: Int32) { streams[Int(handle)]?.inputEnded() }

    override func streamWillBeReset(_ handle: Int32) { streams[Int(handle)]?.isGone = true }

    override func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        streams[Int(handle)]?.closed(code, byPeer: byPeer)
    }

    override func offer(
        _ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue
    ) -> Offer {
        streams[Int(handle)]?.offer(id, atMost: limit, to: queue) ?? .nothing
    }

    override func trailers(_ handle: Int32) -> HTTP2FieldBlock? {
        streams[Int(handle)]?.trailerBlock()
    }

    override func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool,
        to queue: OutputQueue
    ) {
        streams[Int(handle)]?.writeBody(frameHead, count, endsStream: endsStream, to: queue)
    }

    override func fieldsSent(_ handle: Int32, _ count: Int, endsStream: Bool) {
        streams[Int(handle)]?.fieldsSent(count, endsStream: endsStream)
    }
}
