/// What an upstream is told before all else, by the PROXY protocol: whose connection this is. Set by `proxy_protocol`.
final class UpstreamIntroduction: Sendable {
    struct Addition: Sendable {
        let name: ProxyProtocolHeader.AdditionName
        let value: Template
    }

    let version: ProxyProtocolWriter.Version
    /// Of version 2, in the order of the directive.
    let additions: [Addition]

    init(version: ProxyProtocolWriter.Version, additions: [Addition]) {
        self.version = version
        self.additions = additions
    }

    /// The most that additions may take, all together: a header that is longer is refused by nginx, as it is here.
    private static let bound = ProxyProtocolReader.limit - 64

    /// The additions of a request; nil: they are too long. Empty values are left out.
    func additions(of request: Request) -> Buffer? {
        let all = Buffer(capacity: 128)
        let nested = Buffer(capacity: 128)
        let value = Buffer(capacity: 128)
        var flags: UInt8 = 0
        var isVerified = false
        for addition in additions {
            value.removeAll()
            addition.value.append(to: value, scope: request)
            if value.isEmpty { continue }
            guard value.count + all.count + nested.count <= Self.bound else { return nil }
            switch addition.name {
            case .plain(let type): ProxyProtocolWriter.append(addition: type, value.span, to: all)
            case .ofTLS(let type):
                flags |= type == ProxyProtocolHeader.certificateName ? ClientFlags.certificate : ClientFlags.tls
                ProxyProtocolWriter.append(addition: type, value.span, to: nested)
            case .verification: isVerified = value.span.equals("SUCCESS") || value.span.equals("0")
            }
        }
        if nested.isEmpty { return all }
        value.removeAll()
        value.append(flags | ClientFlags.tls)
        for byte: UInt8 in [0, 0, 0, isVerified ? 0 : 1] { value.append(byte) }
        value.append(nested.span)
        ProxyProtocolWriter.append(addition: ProxyProtocolHeader.tlsType, value.span, to: all)
        return all
    }

    private enum ClientFlags {
        static let tls: UInt8 = 1
        /// The client showed a certificate, on this connection and in this session.
        static let certificate: UInt8 = 2 | 4
    }
}

extension UpstreamExchange {
    /// Whether connections to upstreams begin with a word about the client.
    var introducesClient: Bool { lentSettings.lend { $0.value.introduction != nil } }

    /// Says on a new connection whose it is. False: that did not work, and the exchange goes on with that.
    func introduceClient(on connection: UpstreamConnection) -> Bool {
        guard let introduction = settings.value.introduction, !connection.isPersonal else { return true }
        connection.isPersonal = true
        guard let additions = introduction.additions(of: request) else {
            request.log(.error, while: action) { $0.append("the additions to the PROXY protocol header are too long") }
            end(.internalServerError)
            return false
        }
        let header = Buffer(capacity: 256)
        ProxyProtocolWriter.append(
            introduction.version, source: request.address, destination: request.connection.localAddress,
            additions: additions, to: header)
        // Before a handshake it goes out by itself, since what is queued would be protected; else with the request.
        guard lentProto.lend({ $0.isSecure }) else {
            loop.output(of: connection).append(.shared(header, 0..<header.count))
            return true
        }
        let current = use
        loop.send(header, to: connection)
        guard use == current, lentConnection.holds(connection) else { return false }
        guard connection.hasOutput else { return true }
        // Nothing else was sent: a socket that has no room for so little is of no use.
        failed(Fault(.upstream, .error, .connect))
        return false
    }
}
