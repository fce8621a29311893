/// The text protocol of memcached: `get KEY`, and `VALUE KEY FLAGS LENGTH`, the value and `END` in answer.
final class MemcachedProtocol: UpstreamProtocol {
    private var settings: Box<MemcachedSettings>?
    private var pass: UpstreamPass?
    private var choice: UpstreamPass.Choice?
    /// The key as it is sent.
    private let key = Buffer(capacity: 64)
    /// Bytes of the value, and of the text behind it, that have still to come.
    private var valueLeft = 0
    private var trailerLeft = 0
    private var isWhole = false
    /// The value is compressed, by its flags.
    private var isGzipped = false
    /// What is wrong with the answer's line.
    private var fault: (what: Fault, line: Range<Int>)?

    private enum Fault {
        case response, key, flags, length

        var name: StaticString {
            switch self {
            case .response: "response"
            case .key: "key"
            case .flags: "flags"
            case .length: "length"
            }
        }
    }

    private static let trailer: StaticString = "\r\nEND\r\n"
    private static let schemeText: ByteString = "memcached://"

    override var scheme: ByteString { Self.schemeText }

    /// Gets ready for a request; false, and logged: its upstream makes no sense.
    func prepare(for request: Request, _ settings: Box<MemcachedSettings>, _ pass: UpstreamPass) -> Bool {
        self.settings = settings
        self.pass = pass
        key.removeAll()
        choice = pass.choice(for: request)
        return choice != nil
    }

    override func findServers(for exchange: UpstreamExchange) {
        if let pass, let choice { pass.ask(choice, in: exchange) }
    }

    override var wantsBody: Bool { false }
    override func passesBody(of exchange: UpstreamExchange) -> Bool { false }

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        let request = exchange.request
        let scratch = exchange.scratch
        scratch.removeAll()
        settings?.value.key?.append(to: scratch, scope: request)
        guard !scratch.isEmpty else {
            request.log(.error) { $0.append("the \"$memcached_key\" variable is not set") }
            return false
        }
        key.removeAll()
        key.append(escaped: scratch.span, for: .memcached)
        output.append("get ")
        output.append(key)
        output.append("\r\n")
        return true
    }

    // MARK: - The answer

    override func begin() {
        valueLeft = 0
        trailerLeft = 0
        isWhole = false
        isGzipped = false
        fault = nil
    }

    override var hasInterimAnswers: Bool { false }

    override func parse(_ head: ResponseHead) -> HeadOutcome {
        let bytes = head.bytes
        guard let lineFeed = bytes.span.firstIndex(of: ASCII.lf) else { return .needMore }
        guard lineFeed > 0, bytes[lineFeed - 1] == ASCII.cr else { return refuse(.response, 0..<lineFeed) }
        if let fault = read(bytes.span(0..<lineFeed - 1), into: head) { return refuse(fault, 0..<lineFeed - 1) }
        return .complete(lineFeed + 1)
    }

    private func refuse(_ fault: Fault, _ line: Range<Int>) -> HeadOutcome {
        self.fault = (fault, line)
        return .failed
    }

    /// Reads the line; what of it is wrong, or nil.
    private func read(_ line: Span<UInt8>, into head: ResponseHead) -> Fault? {
        if line.equals("END") {
            logMissing()
            head.status = .notFound
            head.contentLength = 0
            return nil
        }
        guard line.hasPrefix("VALUE ") else { return .response }
        let key = key
        let end = 6 + key.count
        guard line.count >= end, line.extracting(6..<end).equals(key.span) else { return .key }
        guard line.count > end, line[end] == ASCII.space, let space = line.firstIndex(of: ASCII.space, from: end + 1)
        else { return .response }
        let gzipFlag = settings?.value.gzipFlag ?? 0
        if gzipFlag != 0 {
            guard let flags = line.extracting(end + 1..<space).decimalValue else { return .flags }
            isGzipped = flags & gzipFlag != 0
        }
        guard let length = line.extracting(space + 1..<line.count).decimalValue else { return .length }
        head.status = .ok
        head.contentLength = length
        return nil
    }

    private func logMissing() {
        exchange?.request.log(.info, while: "reading response header from upstream") {
            $0.append("key: \"")
            $0.append(key)
            $0.append("\" was not found by memcached")
        }
    }

    override func readHead(_ bytes: Span<UInt8>, into head: ResponseHead, limit: Int) -> HeadOutcome {
        let outcome = super.readHead(bytes, into: head, limit: limit)
        // What tells of the compression stands behind the line, in the place of bytes that are not the head's.
        if case .complete = outcome, isGzipped {
            let bytes = head.bytes
            let start = bytes.count
            bytes.append("Content-Encoding")
            let middle = bytes.count
            bytes.append("gzip")
            head.fields.append(
                Field(
                    name: .contentEncoding, nameRange: ByteRange(start, middle),
                    valueRange: ByteRange(middle, bytes.count)))
        }
        return outcome
    }

    override func appendFault(to line: Buffer, head: ResponseHead) {
        line.append("memcached sent invalid ")
        guard let fault else { return line.append("response") }
        line.append(fault.what.name)
        line.append(fault.what == .response ? ": \"" : " in response \"")
        line.append(head.bytes, fault.line)
        if fault.what != .response {
            line.append("\" for key \"")
            line.append(key)
        }
        line.append(ASCII.quote)
    }

    override func completeHead(_ request: Request) { StaticFiles.setContentType(of: request) }

    override func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {
        isWhole = head.status == .notFound
        valueLeft = head.contentLength
        trailerLeft = isWhole ? 0 : Self.trailer.utf8CodeUnitCount
    }

    override var isComplete: Bool { valueLeft == 0 && trailerLeft == 0 }
    override func keepsConnection(_ head: ResponseHead) -> Bool { isWhole }

    override func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        if valueLeft > 0 {
            let count = min(valueLeft, bytes.count - start)
            if count == 0 { return .needMore }
            valueLeft -= count
            return .data(start..<start + count)
        }
        let trailer = Self.trailer
        let length = trailer.utf8CodeUnitCount
        var index = start
        while index < bytes.count, trailerLeft > 0, bytes[index] == trailer.bytes[length - trailerLeft] {
            trailerLeft -= 1
            index += 1
        }
        if index < bytes.count {
            exchange?.request.log(.error, while: "reading upstream") { $0.append("memcached sent invalid trailer") }
            trailerLeft = 0
            return .end(bytes.count)
        }
        guard trailerLeft == 0 else { return .needMore }
        isWhole = true
        return .end(index)
    }

    override var excessMessage: StaticString? { nil }
}
