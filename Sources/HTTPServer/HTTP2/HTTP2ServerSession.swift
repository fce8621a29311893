/// The session of a client's connection: hands what comes on a stream to the stream.
final class HTTP2ServerSession: HTTP2Session {
    unowned let connection: HTTP2Connection

    init(connection: HTTP2Connection, limits: Limits) {
        self.connection = connection
        super.init(role: .server, limits: limits)
    }

    override func streamBegan(_ id: Int32, endsStream: Bool) -> Int32? {
        connection.beginStream(id, endsStream: endsStream)
    }

    override func headBegan(_ handle: Int32) { connection.stream(handle)?.headBegan() }

    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        connection.stream(handle)?.field(name, value)
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        connection.stream(handle)?.headEnded(size: size, endsStream: endsStream)
    }

    override func trailersEnded(_ handle: Int32) { connection.stream(handle)?.inputEnded() }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>) {
        connection.stream(handle)?.received(bytes)
    }

    override func streamEnded(_ handle: Int32) { connection.stream(handle)?.inputEnded() }

    override func streamWillBeReset(_ handle: Int32) { connection.stream(handle)?.isGone = true }

    override func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        connection.stream(handle)?.closed(code, byPeer: byPeer)
    }

    override func offer(
        _ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue
    ) -> Offer {
        guard let stream = connection.stream(handle), stream.id == id else { return .nothing }
        return stream.offer(atMost: limit, to: queue)
    }

    override func trailers(_ handle: Int32) -> HTTP2FieldBlock? {
        connection.stream(handle)?.trailerBlock()
    }

    override func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool,
        to queue: OutputQueue
    ) {
        guard let stream = connection.stream(handle) else {
            preconditionFailure("a body without a stream was offered")
        }
        stream.writeBody(frameHead, count, endsStream: endsStream, to: queue)
    }

    override func fieldsSent(_ handle: Int32, _ count: Int, endsStream: Bool) {
        connection.stream(handle)?.fieldsSent(count, endsStream: endsStream)
    }
}
