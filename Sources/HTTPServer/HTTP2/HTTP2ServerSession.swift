/// The machine of a client's connection: hands what comes on a stream to the stream.
final class HTTP2ServerSession: HTTP2Server {
    /// Set as soon as the connection is there, and taken away at its end.
    let connection: LentIfAny<HTTP2Connection>
    /// By their handles.
    let streams = List<HTTP2Stream?>()
    /// One head is read at a time.
    let reader = HTTP2HeadReader()
    /// Values are written here before they are encoded.
    let scratch = Buffer(capacity: 128)

    init(limits: HTTP2Limits, departed: List<AnyObject>) {
        connection = LentIfAny(departed: departed)
        super.init(limits: limits)
    }

    override func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        while streams.count <= Int(handle) { streams.append(nil) }
        return connection.lend { streamBegan($0, handle, id: id, endsStream: endsStream) } ?? false
    }

    private func streamBegan(_ connection: HTTP2Connection, _ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        guard let stream = connection.beginStream(id, handle, endsStream: endsStream) else { return false }
        reader.begin(stream.head)
        streams[Int(handle)] = stream
        return true
    }

    override func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {
        streams.lend(Int(handle)) { $0.takeFields(block, &position, self, reader) }
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        streams.lend(Int(handle)) { $0.headEnded(reader, size: size, endsStream: endsStream) }
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>) { streams.lend(Int(handle)) { $0.received(bytes) } }

    override func streamEnded(_ handle: Int32) { streams.lend(Int(handle)) { $0.inputEnded() } }

    override func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        streams.lend(Int(handle)) { $0.closed(code, byPeer: byPeer) }
    }

    override func send(_ handle: Int32, atMost limit: Int, to queue: OutputQueue) -> Sent {
        streams.lend(Int(handle)) { $0.send(atMost: limit, self, to: queue) } ?? .nothing
    }
}
