extension Referer {
    static var rows: [Row] {
        let contexts: Contexts = [.server, .location]
        return [
            .custom(
                "valid_referers", in: contexts, .atLeast(1),
                "The pages that requests may come from: hosts, with a part of a URI, or `~` and a regular expression.",
                syntax: "none | blocked | server_names | string ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try read(invocation)
            },
            .ignoredNumber(
                "referer_hash_max_size", in: contexts, "The size of a hash table.",
                reason: "the table sizes itself"),
            .ignoredNumber(
                "referer_hash_bucket_size", in: contexts, "The size of a hash table.",
                reason: "the table sizes itself"),
        ]
    }

    private static func read(_ invocation: Invocation) throws(ConfigurationError) {
        var settings = RefererSettings()
        if invocation.isFirst {
            // As in nginx, an outer block's expressions hold on where the inner one has hosts only.
            settings.regexes = invocation[slot].regexes
            settings.serverNames = invocation[slot].serverNames
            invocation.scope.whenComplete { (scope: Scope) throws(ConfigurationError) in
                try settle(scope)
            }
        } else {
            settings = invocation[slot]
        }
        for word in invocation.arguments {
            switch word.value {
            case "none": settings.allowsNone = true
            case "blocked": settings.allowsBlocked = true
            case "server_names": settings.wantsServerNames = true
            case "": throw invocation.fail("invalid referer \"\"", at: word)
            default:
                do throws(ConfigurationError) {
                    try settings.add(word.value)
                } catch {
                    throw invocation.fail(error.message, advice: error.advice, at: word)
                }
            }
        }
        let final = settings
        invocation.write(slot) { $0 = final }
    }

    /// The block's own directives are read: the server's names are known.
    private static func settle(_ scope: Scope) throws(ConfigurationError) {
        var settings = scope[slot]
        if settings.wantsServerNames {
            settings.wantsServerNames = false
            settings.serverNames = []
            for name in scope.server?.names ?? [] {
                switch name {
                case .regex(let regex): settings.serverNames.append(regex)
                case .text(let text): try settings.add(text)
                }
            }
            let final = settings
            scope.write(slot) { $0 = final }
        }
        if (settings.allowsNone || settings.allowsBlocked) && settings.hosts.isEmpty {
            var error = ConfigurationError(
                "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive "
                    + "without any valid referer",
                advice: "name the hosts whose pages may use the files, or server_names")
            error.isPlaceless = true
            throw error
        }
    }
}

extension Scope {
    /// The server that the block belongs to.
    fileprivate var server: ServerBuilder? {
        var current = owner as? LocationBuilder
        while let builder = current {
            if let server = builder as? ServerBuilder { return server }
            current = builder.parent
        }
        return nil
    }
}

extension RefererSettings {
    /// Adds a host with or without a URI, or `~` and an expression.
    mutating func add(_ word: ByteString) throws(ConfigurationError) {
        if word[0] == ASCII.tilde {
            if word.count == 1 { throw ConfigurationError("empty regex in \"~\"") }
            if !hasOwnRegexes { regexes = [] }
            hasOwnRegexes = true
            regexes.append(try Regex(pattern: word.slice(1..<word.count), caseless: true))
            return
        }
        var host = word
        var place = 0
        if let slash = word.span.firstIndex(of: ASCII.slash) {
            host = word.slice(0..<slash)
            place = uris.count
            uris.append(word.slice(slash..<word.count))
        }
        switch hosts.insert(place, for: host) {
        case .inserted: return
        case .invalid:
            throw ConfigurationError(
                "invalid hostname or wildcard \"\(host)\"",
                advice: "a wildcard is *.example.com, .example.com or www.example.*")
        case .conflict: throw ConfigurationError("conflicting parameter \"\(host)\"")
        }
    }
}
