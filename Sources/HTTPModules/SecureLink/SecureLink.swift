/// ngx_http_secure_link_module: links that nobody can make who does not know a secret, perhaps for a limited time.
///
/// `$secure_link` says whether the link is authentic: with `secure_link_md5` it is empty, "0" (too late) or "1"; with
/// `secure_link_secret` it is the part of the path behind the hash.
enum SecureLink {
    static let slot = Slot(.secureLink, initial: SecureLinkSettings())

    static var rows: [Row] {
        [
            template(
                "secure_link", \.link, "The hash that a link brings, and behind a comma when it expires."),
            template("secure_link_md5", \.text, "The text whose MD5 hash an authentic link brings."),
            .custom(
                "secure_link_secret", in: .request, .one,
                "The word that is hashed together with the rest of the path: /prefix/hash/link.",
                mayRepeat: false, syntax: "word"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let secret = invocation[0]
                write(invocation) { $0.secret = secret }
            },
        ]
    }

    private static func template(
        _ name: String, _ path: Row.Path<SecureLinkSettings, Template?>, _ summary: String
    ) -> Row {
        .custom(name, in: .request, .one, summary, mayRepeat: false, syntax: "expression") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let template = try invocation.template(invocation.arguments[0])
            write(invocation) { $0[keyPath: path] = template }
        }
    }

    /// A block uses one way or the other: what it sets itself decides which.
    private static func write(_ invocation: Invocation, _ change: (inout SecureLinkSettings) -> Void) {
        let scope = invocation.scope
        let owner = ObjectIdentifier(scope)
        scope.write(slot) { settings in
            if settings.owner != owner {
                settings.owner = owner
                settings.outer = (settings.link, settings.text)
                (settings.link, settings.text, settings.secret) = (nil, nil, nil)
            }
            change(&settings)
        }
        guard invocation.isFirst else { return }
        scope.whenComplete { (scope: Scope) throws(ConfigurationError) in
            guard scope[slot].owner == ObjectIdentifier(scope) else { return }
            let settings = scope[slot]
            guard settings.secret != nil else {
                return scope.write(slot) {
                    $0.link = $0.link ?? $0.outer.link
                    $0.text = $0.text ?? $0.outer.text
                }
            }
            guard settings.link == nil, settings.text == nil else {
                var error = ConfigurationError(
                    "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"")
                error.isPlaceless = true
                throw error
            }
        }
    }

    // MARK: - Variables

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("secure_link") { request, out in
            let settings = request.location.settings(slot)
            if let secret = settings.value.secret {
                return appendLink(of: request, secret: secret, to: out)
            }
            guard let link = settings.value.link, let text = settings.value.text else { return false }
            return appendVerdict(of: request, link, text, to: out)
        }
        try registry.declareValue("secure_link_expires") { request, out in
            guard let state = request.state(.secureLink, as: SecureLinkState.self) else {
                return false
            }
            out.append(state.expires)
            return true
        }
    }

    /// Appends "1" if the link brings the right hash, "0" if its time is over besides; false: it does not.
    private static func appendVerdict(
        of request: Request, _ link: Template, _ text: Template, to out: Buffer
    ) -> Bool {
        let mark = out.count
        link.append(to: out, scope: request)
        var end = out.count
        var expires = 0
        if let comma = out.span.firstIndex(of: ASCII.comma, from: mark) {
            let time = out.span(comma + 1..<end)
            guard let moment = time.decimalValue, moment > 0 else { return false }
            expires = moment
            request.setState(.secureLink, SecureLinkState(expires: ByteString(time)))
            end = comma
        }
        let hash = request.engine.loop.buffers.take()
        let digest = request.engine.loop.buffers.take()
        defer {
            request.engine.loop.buffers.give(hash)
            request.engine.loop.buffers.give(digest)
        }
        // 24 characters, with padding, stand for 16 bytes.
        guard end - mark <= 24, hash.append(base64: out.span(mark..<end), isURLSafe: true),
            hash.count == 16
        else { return false }
        out.truncate(to: mark)
        text.append(to: out, scope: request)
        var md5 = MD5()
        md5.update(out.span(mark..<out.count))
        md5.finish(into: digest)
        out.truncate(to: mark)
        guard digest.span.equalsSecretly(hash.span) else { return false }
        let isOver = expires > 0 && expires < request.engine.loop.wallSeconds
        out.append(isOver ? "0" : "1")
        return true
    }

    /// Appends what follows the hash in `/prefix/hash/link`; false: the hash is not that of the link and the secret.
    private static func appendLink(of request: Request, secret: ByteString, to out: Buffer) -> Bool {
        let head = request.head.bytes
        let target = head.span(request.head.target)
        guard target.count > 1, let first = target.firstIndex(of: ASCII.slash, from: 1),
            let second = target.firstIndex(of: ASCII.slash, from: first + 1),
            second - first == 33, second + 1 < target.count
        else { return false }
        let digits = target.extracting(first + 1..<second)
        let link = target.extracting(second + 1..<target.count)
        let digest = request.engine.loop.buffers.take()
        let hash = request.engine.loop.buffers.take()
        defer {
            request.engine.loop.buffers.give(digest)
            request.engine.loop.buffers.give(hash)
        }
        for index in 0..<16 {
            guard let high = digits[2 * index].hexValue, let low = digits[2 * index + 1].hexValue
            else { return false }
            hash.append(high << 4 | low)
        }
        var md5 = MD5()
        md5.update(link)
        md5.update(secret.span)
        md5.finish(into: digest)
        guard digest.span.equalsSecretly(hash.span) else { return false }
        out.append(link)
        return true
    }
}

/// What the directives of secure links set.
struct SecureLinkSettings: Sendable {
    /// What the link brings, and the text whose hash it has to be.
    var link: Template?
    var text: Template?
    /// The older way.
    var secret: ByteString?
    /// The block that set any of them, and what held outside of it.
    var owner: ObjectIdentifier?
    var outer: (link: Template?, text: Template?) = (nil, nil)
}

/// When a link expires, as it was written.
private final class SecureLinkState {
    let expires: ByteString

    init(expires: ByteString) {
        self.expires = expires
    }
}
