/// One question to a responder over HTTP, and its answer: asks the responder's addresses one after the other until one has answered.
final class OCSPExchange: LogContext {
    let query: OCSPQuery
    private let responder: OCSPResponder
    private let loop: EventLoop
    private let errorLog: ErrorLog
    /// Of the client that the question is about; 0: it is about a certificate of ours.
    let connectionNumber: UInt64
    /// The certificate's name in the configuration; empty for a client's.
    private let certificateName: ByteString
    private let addresses: [SocketAddress]
    private var next = 0
    private var peer: SocketAddress?
    private var connection: OCSPConnection?
    private let request = Buffer(capacity: 512)
    /// Told of the end: the answer with its bytes, or nil if there is none, which is logged.
    private var completion: ((OCSPQuery.Answer?, ByteString) -> Void)?

    private static let timeout = 60_000

    init(
        _ query: OCSPQuery, _ responder: OCSPResponder, loop: EventLoop, errorLog: ErrorLog,
        connection: UInt64 = 0, certificate: ByteString = .empty,
        _ completion: @escaping (OCSPQuery.Answer?, ByteString) -> Void
    ) {
        self.query = query
        self.responder = responder
        self.loop = loop
        self.errorLog = errorLog
        connectionNumber = connection
        certificateName = certificate
        addresses = responder.addresses
        self.completion = completion
    }

    /// Begins; the completion may be called at once.
    func start() {
        guard appendRequest() else { return end(with: nil) }
        guard !addresses.isEmpty else {
            log { line in
                line.append("no resolver defined to resolve ")
                line.append(self.responder.host)
            }
            return end(with: nil)
        }
        connect()
    }

    /// Gives up; the completion is not called.
    func cancel() {
        completion = nil
        close()
    }

    private func close() {
        if let connection { loop.close(connection) }
        connection = nil
    }

    private func appendRequest() -> Bool {
        let question = Buffer(capacity: 256)
        guard query.appendQuestion(to: question) else {
            log {
                $0.append("i2d_OCSP_REQUEST() failed")
                OpenSSLErrors.append(to: $0)
            }
            return false
        }
        request.append("GET ")
        request.append(responder.uri)
        if !responder.uri.hasSuffix("/") { request.append(ASCII.slash) }
        let text = Buffer(capacity: 512)
        text.append(asBase64: question.span)
        for index in 0..<text.count {
            switch text[index] {
            case ASCII.plus: request.append("%2B")
            case ASCII.slash: request.append("%2F")
            case ASCII.equals: request.append("%3D")
            default: request.append(text[index])
            }
        }
        request.append(" HTTP/1.0\r\nHost: ")
        request.append(responder.host)
        request.append("\r\n\r\n")
        return true
    }

    // MARK: - The addresses in turn

    private func connect() {
        close()
        guard next < addresses.count else { return end(with: nil) }
        let address = addresses[next]
        next += 1
        peer = address
        let descriptor = loop.kernel.socket(family: address.systemFamily, type: Kernel.streamType)
        guard descriptor >= 0 else {
            log(errno: Errno(Int32(-descriptor))) { $0.append("socket() failed") }
            return end(with: nil)
        }
        let made = OCSPConnection(loop: loop, descriptor: Int32(descriptor), exchange: self)
        connection = made
        let code = loop.kernel.connect(made.descriptor, to: address)
        let error = Errno(Int32(-code))
        do throws(Errno) {
            if code == 0 { try loop.add(made) }
            if code < 0, error == .inProgress { try loop.addConnecting(made) }
        } catch {
            return end(with: nil)
        }
        guard code == 0 || error == .inProgress else { return failed(error) }
        loop.setInputDeadline(made, in: Self.timeout)
        if code == 0 { made.connected() }
    }

    fileprivate func connected(_ connection: OCSPConnection) {
        let bytes = request
        loop.send(bytes.span, to: connection)
    }

    fileprivate func failed(_ error: Errno) {
        log(errno: error) { line in
            guard let peer = self.peer else { return }
            line.append("connect() to ")
            peer.appendText(to: line, withPort: true)
            line.append(" failed")
        }
        connect()
    }

    fileprivate func timedOut() {
        log(errno: .timedOut) { $0.append("OCSP responder timed out") }
        connect()
    }

    /// The responder has sent all that it sends.
    fileprivate func answered(_ bytes: Buffer) {
        switch OCSPReply.read(bytes.span) {
        case .incomplete:
            log { $0.append("OCSP responder prematurely closed connection") }
            return connect()
        case .malformed:
            log { $0.append("OCSP responder sent invalid response") }
            return connect()
        case .otherType(let range):
            log { line in
                line.append("OCSP responder sent invalid \"Content-Type\" header: \"")
                line.append(bytes, range)
                line.append(ASCII.quote)
            }
            return connect()
        case .failed: return end(with: nil)
        case .answer(let start):
            let body = bytes.span(start..<bytes.count)
            do throws(OCSPQuery.Refusal) {
                let answer = try query.read(body, now: loop.wallSeconds)
                end(with: answer, ByteString(body))
            } catch {
                log { $0.append(error.message) }
                end(with: nil)
            }
        }
    }

    private func end(with answer: OCSPQuery.Answer?, _ body: ByteString = .empty) {
        let completion = completion
        self.completion = nil
        close()
        completion?(answer, body)
    }

    // MARK: - The log

    func appendContext(to line: Buffer) {
        line.append(" while requesting certificate status, responder: ")
        line.append(responder.host)
        if let peer {
            line.append(", peer: ")
            peer.appendText(to: line, withPort: true)
        }
        if !certificateName.isEmpty {
            line.append(", certificate: \"")
            line.append(certificateName)
            line.append(ASCII.quote)
        }
    }

    private func log(errno: Errno? = nil, _ compose: (Buffer) -> Void) {
        errorLog.write(.error, errno: errno, self, compose)
    }
}

/// The connection to a responder: gathers what comes until it ends.
private final class OCSPConnection: Endpoint {
    private unowned let exchange: OCSPExchange
    private let bytes = Buffer(capacity: 4_096)

    /// As in nginx, an answer has to fit into this.
    private static let bound = 16 * 1_024

    init(loop: EventLoop, descriptor: Int32, exchange: OCSPExchange) {
        self.exchange = exchange
        super.init(loop: loop, descriptor: descriptor)
    }

    override func connected() { exchange.connected(self) }

    override func received(_ span: Span<UInt8>) {
        guard bytes.count + span.count <= Self.bound else {
            bytes.removeAll()
            return exchange.answered(bytes)
        }
        bytes.append(span)
    }

    override func peerEnded() { exchange.answered(bytes) }

    override func failed(_ error: Errno) { exchange.failed(error) }

    override func inputTimedOut() { exchange.timedOut() }
}

/// What a responder has sent, as far as HTTP goes.
enum OCSPReply: Equatable {
    /// The body begins here.
    case answer(Int)
    /// Another status than 200.
    case failed
    case malformed
    /// The value of Content-Type, which is not what it should be.
    case otherType(Range<Int>)
    case incomplete

    static func read(_ bytes: Span<UInt8>) -> OCSPReply {
        guard let first = bytes.firstIndex(of: ASCII.lf) else {
            return bytes.count >= 5 && !bytes.extracting(0..<5).equals("HTTP/") ? .malformed : .incomplete
        }
        guard let status = self.status(bytes.extracting(0..<first)) else { return .malformed }
        var position = first + 1
        while true {
            guard let end = bytes.firstIndex(of: ASCII.lf, from: position) else { return .incomplete }
            var last = end
            if last > position, bytes[last - 1] == ASCII.cr { last -= 1 }
            if last == position { return status == 200 ? .answer(end + 1) : .failed }
            guard let colon = bytes.extracting(position..<last).firstIndex(of: ASCII.colon) else {
                return .malformed
            }
            if bytes.extracting(position..<position + colon).equalsIgnoringCase("content-type") {
                var start = position + colon + 1
                while start < last, bytes[start] == ASCII.space { start += 1 }
                if !bytes.extracting(start..<last).equalsIgnoringCase("application/ocsp-response") {
                    return .otherType(start..<last)
                }
            }
            position = end + 1
        }
    }

    /// The number in `HTTP/1.0 200 OK`.
    private static func status(_ line: Span<UInt8>) -> Int? {
        guard line.count >= 12, line.extracting(0..<5).equals("HTTP/"), line[5].isASCIIDigit,
            line[6] == ASCII.dot, line[7].isASCIIDigit, line[8] == ASCII.space,
            line.count == 12 || !line[12].isASCIIDigit
        else { return nil }
        return line.extracting(9..<12).decimalValue
    }
}
