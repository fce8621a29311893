/// The header fields of requests to upstreams: what `proxy_set_header` sets, and what is set or dropped by itself.
final class ProxyHeaders: Sendable {
    final class Assignment: Sendable {
        let name: ByteString
        let knownName: FieldName
        let value: Template

        init(name: ByteString, value: Template) {
            self.name = name
            self.value = value
            knownName = FieldName(name.span)
        }
    }

    /// What is set in this order; `Host` is apart.
    let fields: [Assignment]
    /// The value of `Host`; nil: that of `proxy_pass`.
    let host: Template?
    /// Whether the length and the coding of the body are told by us; `proxy_set_header` may take that over.
    let tellsLength: Bool
    let tellsChunked: Bool
    /// Client fields that are not passed: those above, and those of one hop only.
    private let dropped: FieldNameSet
    private let droppedOthers: [ByteString]

    /// Fields of the client's connection with us, which is another.
    private static let ofOneHop: FieldNameSet = [
        .host, .connection, .proxyConnection, .contentLength, .transferEncoding, .te, .keepAlive,
        .expect, .upgrade,
    ]

    init(fields all: [Assignment]) {
        var host: Template?
        var dropped = Self.ofOneHop
        var others: [ByteString] = []
        var fields: [Assignment] = []
        for field in all {
            let name = field.knownName
            if name == .host { host = field.value } else { fields.append(field) }
            if name == .other { others.append(field.name) } else { dropped.insert(name) }
        }
        self.fields = fields
        self.host = host
        self.dropped = dropped
        droppedOthers = others
        tellsLength = !fields.contains { $0.knownName == .contentLength }
        tellsChunked = !fields.contains { $0.knownName == .transferEncoding }
    }

    /// Whether a field of the client is passed on.
    func passes(_ field: Field, of bytes: Buffer) -> Bool {
        if field.name != .other { return !dropped.contains(field.name) }
        return droppedOthers.isEmpty || passes(.other, spelled: bytes.span(field.nameRange))
    }

    /// The same of a name alone.
    func passes(_ name: FieldName, spelled spelling: Span<UInt8>) -> Bool {
        if name != .other { return !dropped.contains(name) }
        for other in droppedOthers where other.span.equalsIgnoringCase(spelling) { return false }
        return true
    }

    /// Appends the fields whose values are not empty. A value cannot end its line: line ends in it become spaces.
    func append(to output: Buffer, _ request: Request) {
        for index in fields.indices { fields.lend(index) { append($0, to: output, request) } }
    }

    @inline(never)
    private func append(_ field: Assignment, to output: Buffer, _ request: Request) {
        let start = output.count
        output.append(field.name)
        output.append(": ")
        let middle = output.count
        field.value.append(to: output, scope: request)
        if output.count == middle { return output.truncate(to: start) }
        Self.blankLineEnds(output, from: middle)
        output.append("\r\n")
    }

    /// Appends the same to the fields of an HTTP/2 request.
    func append(to block: HTTP2FieldBlock, _ request: Request, scratch: Buffer) {
        for field in fields {
            scratch.removeAll()
            field.value.append(to: scratch, scope: request)
            guard !scratch.isEmpty else { continue }
            Self.blankLineEnds(scratch, from: 0)
            let name = field.name
            block.append(named: name.span, scratch.span)
        }
    }

    /// Whether a field is set here, if only to nothing.
    func sets(_ name: FieldName) -> Bool {
        fields.contains { $0.knownName == name }
    }

    /// Replaces bytes that would end the line.
    static func blankLineEnds(_ output: Buffer, from start: Int) {
        for index in start..<output.count
        where output[index] == ASCII.cr || output[index] == ASCII.lf || output[index] == ASCII.nul {
            output[index] = ASCII.space
        }
    }
}
