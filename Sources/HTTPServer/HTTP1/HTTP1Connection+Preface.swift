/// What a client begins HTTP/2 with, when it knows that the server speaks it: it looks like a request of HTTP/1.
extension HTTP1Connection {
    /// Whether clients of an address may begin so.
    static func mayBeHTTP2(_ binding: ListenBinding) -> Bool {
        binding.hasHTTP2 || binding.servers.standard.root.settings(HTTP2.slot).value.isOn
    }

    /// Hands the connection over to one of HTTP/2, with the bytes that have come.
    func becomeHTTP2(_ bytes: Span<UInt8>) {
        engine.count(self, as: .none)
        let successor = HTTP2Connection(replacing: self)
        loop.replace(self, by: successor)
        successor.begin(bytes)
    }
}
