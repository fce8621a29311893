/// How a connection turns to HTTP/2: over TLS by the protocol that was agreed upon; without it by a preface, which looks like a
/// request of HTTP/1, of a client that knows that the server speaks it.
extension HTTP1Connection {
    /// Whether clients of an address may begin with the preface.
    static func takesPreface(_ binding: ListenBinding) -> Bool {
        !binding.isSecure
            && (binding.hasHTTP2 || binding.servers.standard.root.settings(HTTP2.slot).value.isOn)
    }

    /// Hands the connection over to one of HTTP/2, with the bytes that have come.
    func becomeHTTP2(_ bytes: Span<UInt8>) {
        engine.count(self, as: .none)
        let successor = HTTP2Connection(replacing: self)
        loop.replace(self, by: successor)
        successor.begin(bytes)
    }
}
