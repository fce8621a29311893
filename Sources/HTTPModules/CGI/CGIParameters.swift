/// What `fastcgi_param` and its like set: the variables that a gateway gets beside the client's header fields.
final class CGIParameters: Sendable {
    struct Parameter: Sendable {
        var name: ByteString
        var value: Template
        /// An empty value is not passed: `if_not_empty`.
        var skipsEmpty: Bool
    }

    /// As the configuration has them.
    let written: [Parameter]
    /// What `Host` is passed as, where no parameter says it.
    private let host: Template?
    /// What is passed.
    private let parameters: [Parameter]
    /// The client's fields that are not: the names behind `HTTP_` of those above.
    private let replaced: [ByteString]

    init(_ written: [Parameter], host: Template?) {
        self.written = written
        self.host = host
        var parameters: [Parameter] = []
        var replaced: [ByteString] = []
        for parameter in written {
            if parameter.name.hasPrefix("HTTP_"), parameter.name.count > 5 {
                replaced.append(parameter.name.slice(5..<parameter.name.count))
                // An empty one is there to hide the field.
                if parameter.value.constant?.isEmpty == true { continue }
            }
            parameters.append(parameter)
        }
        if let host, !written.contains(where: { $0.name.span.equalsIgnoringCase("http_host") }) {
            replaced.append("HOST")
            parameters.append(Parameter(name: "HTTP_HOST", value: host, skipsEmpty: true))
        }
        self.parameters = parameters
        self.replaced = replaced
    }

    /// The same with other parameters.
    func replacing(by written: [Parameter]) -> CGIParameters { CGIParameters(written, host: host) }

    /// Passes all variables of a request on, one by one, in a pair of buffers that is used again for each.
    func each(
        of request: Request, passesFields: Bool, in pair: (name: Buffer, value: Buffer),
        _ body: (_ name: Buffer, _ value: Buffer) -> Void
    ) {
        let (name, value) = pair
        for parameter in parameters {
            value.removeAll()
            parameter.value.append(to: value, scope: request)
            if value.isEmpty, parameter.skipsEmpty { continue }
            name.removeAll()
            name.append(parameter.name)
            body(name, value)
        }
        guard passesFields else { return }
        let head = request.head
        for index in head.fields.indices where isFirst(index, head) {
            name.removeAll()
            name.append("HTTP_")
            Self.append(variableFor: head, index, to: name)
            if isReplaced(name.span(5..<name.count)) { continue }
            value.removeAll()
            join(head, from: index, into: value)
            body(name, value)
        }
    }

    private func isReplaced(_ name: Span<UInt8>) -> Bool {
        for other in replaced where other.span.equalsIgnoringCase(name) { return true }
        return false
    }

    /// The name of a field as it stands in a variable: `X-Own` becomes `X_OWN`.
    private static func append(variableFor head: RequestHead, _ index: Int, to name: Buffer) {
        let bytes = head.bytes
        let spelling = bytes.span(head.fields[index].nameRange)
        for place in spelling.indices {
            let byte = spelling[place]
            name.append(byte == ASCII.minus ? ASCII.underscore : byte.asciiUppercased)
        }
    }

    // MARK: - Fields that come more than once

    /// Whether no field before this one has its name.
    private func isFirst(_ index: Int, _ head: RequestHead) -> Bool {
        for earlier in 0..<index where haveOneName(earlier, index, head) { return false }
        return true
    }

    private func haveOneName(_ one: Int, _ other: Int, _ head: RequestHead) -> Bool {
        let (left, right) = (head.fields[one], head.fields[other])
        if left.name != right.name || left.nameRange.count != right.nameRange.count { return false }
        if left.name != .other { return true }
        let bytes = head.bytes
        return bytes.span(left.nameRange).equalsIgnoringCase(bytes.span(right.nameRange))
    }

    /// Appends the values of all fields with the name of the one at `index`.
    private func join(_ head: RequestHead, from index: Int, into value: Buffer) {
        let bytes = head.bytes
        value.append(bytes, head.fields[index].valueRange)
        let separator: StaticString = head.fields[index].name == .cookie ? "; " : ", "
        for later in index + 1..<head.fields.count where haveOneName(index, later, head) {
            value.append(separator)
            value.append(bytes, head.fields[later].valueRange)
        }
    }
}

/// The directives that FastCGI, uwsgi and SCGI share beside those of all upstreams.
struct CGIFamily<S: Sendable>: Sendable {
    /// Such as `fastcgi_`.
    let prefix: String
    let slot: Slot<S>
    let parameters: Row.Path<S, CGIParameters>
    let pass: Row.Path<S, UpstreamPass?>
    let handler: Handler
    var schemes: UpstreamPass.Schemes = []

    /// Settles what holds for the whole of http unless a directive says otherwise.
    func prepare(
        _ scope: Scope, _ invocation: Invocation, _ upstream: UpstreamFamily
    ) throws(ConfigurationError) {
        let registry = invocation.httpBuilder.registry
        let host = try Template(
            compiling: "$host$is_request_port$request_port", registry: registry, at: invocation.directive.terminator)
        let path = parameters
        scope.write(slot) { $0[keyPath: path] = CGIParameters([], host: host) }
        upstream.placeTempFiles(in: scope, of: invocation)
    }

    var parameterRow: Row {
        let (slot, path) = (slot, parameters)
        return .custom(
            prefix + "param", in: .request, .oneOf(2, 3),
            "Sets a variable that is passed to the upstream.", syntax: "parameter value [if_not_empty]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            if invocation.arguments.count == 3, invocation[2] != "if_not_empty" {
                throw invocation.invalidParameter(invocation.arguments[2])
            }
            let parameter = CGIParameters.Parameter(
                name: invocation[0], value: try invocation.template(1), skipsEmpty: invocation.arguments.count == 3)
            let known = invocation[slot][keyPath: path]
            let made = known.replacing(by: (invocation.isFirst ? [] : known.written) + [parameter])
            invocation.write(slot) { $0[keyPath: path] = made }
        }
    }

    /// - Parameter then: what else has to be done for the location.
    func passRow(_ summary: String, then more: @escaping @Sendable (Invocation, UpstreamPass) -> Void = { _, _ in }) -> Row {
        let (slot, path, handler, schemes) = (slot, pass, handler, schemes)
        return .custom(
            prefix + "pass", in: [.location, .ifInLocation], .one, summary, mayRepeat: false, syntax: "address"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let pass = try UpstreamPass.read(invocation, schemes: schemes)
            invocation.write(slot) { $0[keyPath: path] = pass }
            more(invocation, pass)
            (invocation.scope.owner as? LocationBuilder)?.passes(with: handler)
        }
    }
}
