/// `proxy_cookie_flags` for cookies of some name.
struct ProxyCookieFlags: Sendable {
    enum Name: Sendable {
        case text(Template)
        case regex(Regex)
    }

    var name: Name
    var flags: [Template]
}

/// What a cookie's flags are to become.
struct CookieFlagChange: OptionSet, Sendable {
    let rawValue: UInt8

    static let secure = CookieFlagChange(rawValue: 1)
    static let noSecure = CookieFlagChange(rawValue: 2)
    static let httpOnly = CookieFlagChange(rawValue: 4)
    static let noHTTPOnly = CookieFlagChange(rawValue: 8)
    static let strict = CookieFlagChange(rawValue: 16)
    static let lax = CookieFlagChange(rawValue: 32)
    static let none = CookieFlagChange(rawValue: 64)
    static let noSameSite = CookieFlagChange(rawValue: 128)

    static let names: [(StaticString, CookieFlagChange)] = [
        ("secure", .secure), ("nosecure", .noSecure), ("httponly", .httpOnly),
        ("nohttponly", .noHTTPOnly), ("samesite=strict", .strict), ("samesite=lax", .lax),
        ("samesite=none", .none), ("nosamesite", .noSameSite),
    ]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init?(_ text: Span<UInt8>) {
        for (name, change) in Self.names where text.equalsIgnoringCase(name) {
            self = change
            return
        }
        return nil
    }

    fileprivate var sameSite: StaticString? {
        if contains(.strict) { return "Strict" }
        if contains(.lax) { return "Lax" }
        return contains(.none) ? "None" : nil
    }
}

/// Rewrites the value of `Set-Cookie`: `name=value; attribute=value; flag`.
enum ProxyCookie {
    /// Appends the rewritten value; false if nothing is to change.
    static func rewrite(
        _ value: Span<UInt8>, _ settings: ProxySettings, _ request: Request, to output: Buffer
    ) -> Bool {
        let mark = output.count
        var isChanged = false
        var isFirst = true
        var change: CookieFlagChange = []
        var start = 0
        while start <= value.count {
            let end = value.firstIndex(of: ASCII.semicolon, from: start) ?? value.count
            let attribute = Attribute(value, start, end)
            start = end + 1
            if isFirst {
                // nginx leaves alone what has no `=`, which is no cookie.
                guard attribute.hasValue else { return false }
                isFirst = false
                if let flags = settings.cookieFlags {
                    change = Self.change(for: value.extracting(attribute.name), flags, request)
                    if !change.isEmpty { isChanged = true }
                }
                append(value, attribute, to: output)
                continue
            }
            if editFlag(value, attribute, &change, to: output) { continue }
            output.append("; ")
            if rewriteAttribute(value, attribute, settings, request, to: output) {
                isChanged = true
            } else {
                append(value, attribute, to: output)
            }
        }
        if !isChanged {
            output.truncate(to: mark)
            return false
        }
        appendMissing(change, to: output)
        return true
    }

    /// The name and value of one attribute, as ranges of the field's value.
    private struct Attribute {
        var name: Range<Int>
        var value: Range<Int>
        var hasValue = false

        init(_ text: Span<UInt8>, _ start: Int, _ end: Int) {
            var start = start
            while start < end, text[start] == ASCII.space { start += 1 }
            var equals = start
            while equals < end, text[equals] != ASCII.equals { equals += 1 }
            name = Self.trimmed(text, start..<equals)
            value = end..<end
            if equals < end {
                hasValue = true
                var first = equals + 1
                while first < end, text[first] == ASCII.space { first += 1 }
                value = Self.trimmed(text, first..<end)
            }
        }

        private static func trimmed(_ text: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
            var end = range.upperBound
            while end > range.lowerBound, text[end - 1] == ASCII.space { end -= 1 }
            return range.lowerBound..<end
        }
    }

    private static func append(_ text: Span<UInt8>, _ attribute: Attribute, to output: Buffer) {
        output.append(text.extracting(attribute.name))
        if attribute.hasValue {
            output.append(ASCII.equals)
            output.append(text.extracting(attribute.value))
        }
    }

    /// Appends a rewritten `Domain` or `Path`; false: it is neither, or no rule fits.
    private static func rewriteAttribute(
        _ text: Span<UInt8>, _ attribute: Attribute, _ settings: ProxySettings,
        _ request: Request, to output: Buffer
    ) -> Bool {
        guard attribute.hasValue else { return false }
        let name = text.extracting(attribute.name)
        let rewrites: [ProxyRewrite]
        if let domains = settings.cookieDomains, name.equalsIgnoringCase("domain") {
            rewrites = domains
        } else if let paths = settings.cookiePaths, name.equalsIgnoringCase("path") {
            rewrites = paths
        } else {
            return false
        }
        let mark = output.count
        output.append(name)
        output.append(ASCII.equals)
        let value = text.extracting(attribute.value)
        if ProxyRewrite.applyFirst(of: rewrites, value, request, to: output) { return true }
        output.truncate(to: mark)
        return false
    }

    // MARK: - Flags

    /// What the first rule that fits the cookie's name says.
    private static func change(
        for name: Span<UInt8>, _ rules: [ProxyCookieFlags], _ request: Request
    ) -> CookieFlagChange {
        for rule in rules {
            switch rule.name {
            case .regex(let regex):
                guard regex.match(name, in: request) == .matched else { continue }
            case .text(let template):
                let pattern = Buffer(capacity: 32)
                template.append(to: pattern, scope: request)
                guard pattern.span.equalsIgnoringCase(name) else { continue }
            }
            var change: CookieFlagChange = []
            for flag in rule.flags {
                let text = Buffer(capacity: 32)
                flag.append(to: text, scope: request)
                if let one = CookieFlagChange(text.span) { change.insert(one) }
            }
            return change
        }
        return []
    }

    /// Handles a flag that a rule is about; false: the attribute is to be treated like any other.
    private static func editFlag(
        _ text: Span<UInt8>, _ attribute: Attribute, _ change: inout CookieFlagChange,
        to output: Buffer
    ) -> Bool {
        let name = text.extracting(attribute.name)
        if name.equalsIgnoringCase("secure") {
            if change.contains(.secure) {
                change.remove(.secure)
            } else if change.contains(.noSecure) {
                return true
            }
        } else if name.equalsIgnoringCase("httponly") {
            if change.contains(.httpOnly) {
                change.remove(.httpOnly)
            } else if change.contains(.noHTTPOnly) {
                return true
            }
        } else if name.equalsIgnoringCase("samesite") {
            guard let wanted = change.sameSite else { return change.contains(.noSameSite) }
            change.subtract([.strict, .lax, .none])
            if text.extracting(attribute.value).equalsIgnoringCase(wanted) { return false }
            output.append("; SameSite=")
            output.append(wanted)
            return true
        }
        return false
    }

    /// Appends the flags that are wanted and were not there.
    private static func appendMissing(_ change: CookieFlagChange, to output: Buffer) {
        if change.contains(.secure) { output.append("; Secure") }
        if change.contains(.httpOnly) { output.append("; HttpOnly") }
        if let sameSite = change.sameSite {
            output.append("; SameSite=")
            output.append(sameSite)
        }
    }
}
