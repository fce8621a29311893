/// The directives that rewrite fields of answers.
extension Proxy {
    static var rewriteRows: [Row] {
        [
            .custom(
                "proxy_redirect", in: .request, .oneOf(1, 2),
                "Rewrites the URIs in Location and Refresh of answers, so that they lead here.",
                syntax: "default | off | redirect replacement"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addRedirect(&invocation)
            },
            .custom(
                "proxy_cookie_domain", in: .request, .oneOf(1, 2),
                "Rewrites the domain of cookies.", syntax: "off | domain replacement"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addRewrite(&invocation, \.cookieDomains, isDomain: true)
            },
            .custom(
                "proxy_cookie_path", in: .request, .oneOf(1, 2), "Rewrites the path of cookies.",
                syntax: "off | path replacement"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addRewrite(&invocation, \.cookiePaths, isDomain: false)
            },
            .custom(
                "proxy_cookie_flags", in: .request, .between(1, 4),
                "Sets and removes flags of cookies.", syntax: "off | cookie [flag ...]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addFlags(&invocation)
            },
        ]
    }

    private static func addRedirect(_ invocation: inout Invocation) throws(ConfigurationError) {
        var list: [ProxyRewrite] = []
        if !invocation.isFirst {
            guard case .list(let known) = invocation[slot].redirects else {
                throw invocation.refuse("is duplicate")
            }
            list = known
        }
        if invocation.arguments.count == 1 {
            switch invocation[0] {
            case "off":
                if !invocation.isFirst { throw invocation.refuse("is duplicate") }
                return invocation.write(slot) { $0.redirects = .off }
            case "default": list.append(try defaultRedirect(invocation))
            default: throw invocation.invalidParameter(invocation.arguments[0])
            }
        } else {
            list.append(try rewrite(invocation, isDomain: false))
        }
        let all = list
        invocation.write(slot) { $0.redirects = .list(all) }
    }

    private static func defaultRedirect(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> ProxyRewrite {
        guard let target = invocation[slot].target else {
            throw invocation.fail(
                "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")
        }
        if target.template != nil {
            throw invocation.fail(
                "\"proxy_redirect default\" cannot be used "
                    + "with \"proxy_pass\" directive with variables")
        }
        let hasURI = !target.parts.uri.isEmpty
        return ProxyRewrite(
            pattern: .prefix(Template(constant: hasURI ? target.url : target.url + "/")),
            replacement: Template(constant: hasURI ? target.location : "/"))
    }

    /// `pattern replacement`, where `~` begins a regular expression.
    private static func rewrite(
        _ invocation: Invocation, isDomain: Bool
    ) throws(ConfigurationError) -> ProxyRewrite {
        let registry = invocation.httpBuilder.registry
        var text = invocation[0]
        var replacement = invocation[1]
        let pattern: ProxyRewrite.Pattern
        if text.hasPrefix("~") {
            // Domains are compared without regard to case anyway.
            let isCaseless = isDomain || text.hasPrefix("~*")
            let skipped = !isDomain && isCaseless ? 2 : 1
            text = text.slice(skipped..<text.count)
            pattern = .regex(
                try Regex(pattern: text, caseless: isCaseless, registry: registry))
        } else {
            if isDomain {
                if text.hasPrefix(".") { text = text.slice(1..<text.count) }
                if replacement.hasPrefix(".") {
                    replacement = replacement.slice(1..<replacement.count)
                }
            }
            let template = try Template(
                compiling: text, registry: registry, at: invocation.arguments[0].position)
            pattern = isDomain ? .domain(template) : .prefix(template)
        }
        return ProxyRewrite(
            pattern: pattern,
            replacement: try Template(
                compiling: replacement, registry: registry,
                at: invocation.arguments[1].position))
    }

    private static func addRewrite(
        _ invocation: inout Invocation, _ path: Row.Path<ProxySettings, [ProxyRewrite]?>,
        isDomain: Bool
    ) throws(ConfigurationError) {
        var list: [ProxyRewrite] = []
        if !invocation.isFirst {
            guard let known = invocation[slot][keyPath: path] else {
                throw invocation.refuse("is duplicate")
            }
            list = known
        }
        if invocation.arguments.count == 1 {
            guard invocation[0] == "off" else {
                throw invocation.invalidParameter(invocation.arguments[0])
            }
            if !invocation.isFirst { throw invocation.refuse("is duplicate") }
            return invocation.write(slot) { $0[keyPath: path] = nil }
        }
        list.append(try rewrite(invocation, isDomain: isDomain))
        let all = list
        invocation.write(slot) { $0[keyPath: path] = all }
    }

    private static func addFlags(_ invocation: inout Invocation) throws(ConfigurationError) {
        var list: [ProxyCookieFlags] = []
        if !invocation.isFirst {
            guard let known = invocation[slot].cookieFlags else {
                throw invocation.refuse("is duplicate")
            }
            list = known
        }
        if invocation.arguments.count == 1 {
            guard invocation[0] == "off" else {
                throw invocation.invalidParameter(invocation.arguments[0])
            }
            if !invocation.isFirst { throw invocation.refuse("is duplicate") }
            return invocation.write(slot) { $0.cookieFlags = nil }
        }
        let registry = invocation.httpBuilder.registry
        let name = invocation[0]
        var flags: [Template] = []
        for index in invocation.arguments.indices.dropFirst() {
            flags.append(try invocation.template(index))
        }
        let rule: ProxyCookieFlags
        if name.hasPrefix("~") {
            let regex = try Regex(
                pattern: name.slice(1..<name.count), caseless: true, registry: registry)
            rule = ProxyCookieFlags(name: .regex(regex), flags: flags)
        } else {
            rule = ProxyCookieFlags(name: .text(try invocation.template()), flags: flags)
        }
        list.append(rule)
        let all = list
        invocation.write(slot) { $0.cookieFlags = all }
    }
}
