/// The machine of a client's connection: hands what comes on a stream to the stream.
final class HTTP2ServerSession: HTTP2Server {
    /// Set as soon as the connection is there, and taken away at its end.
    var connection: HTTP2Connection?
    /// By their handles.
    let streams = List<HTTP2Stream?>()
    /// One head is read at a time.
    let reader = HTTP2HeadReader()
    /// Values are written here before they are encoded.
    let scratch = Buffer(capacity: 128)

    override func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        while streams.count <= Int(handle) { streams.append(nil) }
        guard let connection, let stream = connection.beginStream(id, handle, endsStream: endsStream) else { return false }
        reader.begin(stream.request.head)
        streams[Int(handle)] = stream
        return true
    }

    override func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {
        streams[Int(handle)]?.takeFields(block, &position, self, reader)
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        streams[Int(handle)]?.headEnded(reader, size: size, endsStream: endsStream)
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>) { streams[Int(handle)]?.received(bytes) }

    override func streamEnded(_ handle: Int32) { streams[Int(handle)]?.inputEnded() }

    override func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        streams[Int(handle)]?.closed(code, byPeer: byPeer)
    }

    override func send(_ handle: Int32, atMost limit: Int, to queue: OutputQueue) -> Sent {
        streams[Int(handle)]?.send(atMost: limit, self, to: queue) ?? .nothing
    }
}
