/// The server's name for itself: `nginx` with the version that it is compatible with, or `apus` with its own.
struct ServerIdentity: Sendable {
    var name: ByteString
    var version: ByteString

    init(name: ByteString, version: ByteString) {
        self.name = name
        self.version = version
    }
}

extension Request {
    /// Appends what `server_tokens` lets the `Server` header and the error pages say.
    func appendProduct(to output: Buffer) {
        let identity = cycle.identity
        switch core.value.serverTokens {
        case .off:
            output.append(identity.name)
        case .on, .build:
            output.append(identity.name)
            output.append(ASCII.slash)
            output.append(identity.version)
        case .text(let template):
            template.append(to: output, scope: self)
        }
    }
}
