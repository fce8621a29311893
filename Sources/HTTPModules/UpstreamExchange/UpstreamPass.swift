/// What a directive such as `fastcgi_pass` names: a server or a group, known or told by variables. Frozen with the configuration.
final class UpstreamPass: Sendable {
    /// Nil if variables name it.
    private let declaration: UpstreamDeclaration?
    private let template: Template?
    /// Where variables' hosts are looked for.
    private let registry: UpstreamRegistryReference
    /// The upstream is spoken to over TLS; not known of variables.
    let isSecure: Bool

    /// The beginnings that the text may have, such as `uwsgi://`, and whether they ask for TLS.
    typealias Schemes = [(text: StaticString, isSecure: Bool)]

    private init(
        _ declaration: UpstreamDeclaration?, _ template: Template?, _ registry: UpstreamRegistry, isSecure: Bool
    ) {
        self.declaration = declaration
        self.template = template
        self.registry = UpstreamRegistryReference(registry: registry)
        self.isSecure = isSecure
    }

    /// Reads the directive's argument.
    static func read(
        _ invocation: Invocation, schemes: Schemes = [], takesVariables: Bool = true
    ) throws(ConfigurationError) -> UpstreamPass {
        let url = invocation[0]
        let upstreams = invocation.httpBuilder.upstreams
        if takesVariables, Template.hasVariables(url.span) {
            return UpstreamPass(nil, try invocation.template(), upstreams, isSecure: false)
        }
        let (start, isSecure) = scheme(of: url.span, schemes)
        let rest = url.slice(start..<url.count)
        let address: AddressText
        do throws(AddressError) {
            address = try AddressText(rest, .init(resolves: false))
        } catch {
            throw invocation.fail("\(error.message) in upstream \"\(rest)\"", at: invocation.arguments[0])
        }
        let declaration = try upstreams.reference(address, at: invocation.directive.terminator)
        return UpstreamPass(declaration, nil, upstreams, isSecure: isSecure)
    }

    private static func scheme(of url: Span<UInt8>, _ schemes: Schemes) -> (length: Int, isSecure: Bool) {
        for scheme in schemes {
            let length = scheme.text.utf8CodeUnitCount
            if url.count > length, url.extracting(0..<length).equalsIgnoringCase(scheme.text) {
                return (length, scheme.isSecure)
            }
        }
        return (0, false)
    }

    var hasVariables: Bool { template != nil }

    /// What a request is passed to.
    enum Choice {
        case declared(UpstreamDeclaration)
        case named(AddressText, isSecure: Bool)
    }

    /// Evaluates the variables; nil, and logged: the upstream makes no sense.
    func choice(for request: Request, schemes: Schemes = []) -> Choice? {
        guard let template else { return declaration.map { .declared($0) } }
        let text = Buffer(capacity: 128)
        template.append(to: text, scope: request)
        let (start, secure) = Self.scheme(of: text.span, schemes)
        let rest = ByteString(text.span(start..<text.count))
        do throws(AddressError) {
            return .named(try AddressText(rest, .init(resolves: false)), isSecure: secure)
        } catch {
            request.logAddress(rest, error)
            return nil
        }
    }

    /// Has an exchange ask the servers that a choice leads to.
    func ask(_ choice: Choice, in exchange: UpstreamExchange) {
        switch choice {
        case .declared(let declaration): exchange.ask(declaration)
        case .named(let address, _): exchange.ask(address, registry.registry)
        }
    }
}

extension UpstreamPass {
    /// The handler is asked in a block that names no upstream: after another one that does.
    static func missing(_ request: Request) -> Verdict {
        request.log(.alert) { $0.append("no upstream configuration") }
        return .answer(.internalServerError)
    }
}

/// A registry of upstreams: written while the configuration is read, by one thread; frozen with it.
struct UpstreamRegistryReference: @unchecked Sendable {
    let registry: UpstreamRegistry
}

extension Request {
    /// Variables have named an upstream that makes no sense.
    func logAddress(_ text: ByteString, _ error: AddressError) {
        log(.error) {
            $0.append(error.message)
            $0.append(" in upstream \"")
            $0.append(text)
            $0.append(ASCII.quote)
        }
    }
}

extension LocationBuilder {
    /// Requests of the location are passed on by a handler. A location whose path ends with a slash has one for the path without.
    func passes(with handler: Handler) {
        contentHandler = handler
        if case .nested = kind { return }
        if name.hasSuffix("/") { redirectsToSlash = true }
    }
}
