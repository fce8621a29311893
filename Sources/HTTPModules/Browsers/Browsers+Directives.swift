extension Browsers {
    static var rows: [Row] {
        [
            .custom(
                "modern_browser", in: .request, .between(1, 2),
                "A browser that is modern from a version on; `unlisted`: all that no directive names.",
                syntax: "browser version | unlisted"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addModern(invocation)
            },
            .custom(
                "ancient_browser", in: .request, .atLeast(1),
                "Texts by which ancient browsers are known; `netscape4` stands for that one.",
                syntax: "string ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                addAncient(invocation)
            },
            // As in nginx, the last one counts.
            .value(
                "modern_browser_value", in: .request, .one, slot, \.modernValue,
                "The value of $modern_browser for a modern browser.", mayRepeat: true, syntax: "string"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation[0]
            },
            .value(
                "ancient_browser_value", in: .request, .one, slot, \.ancientValue,
                "The value of $ancient_browser for an ancient browser.", mayRepeat: true, syntax: "string"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation[0]
            },
        ]
    }

    private static func addModern(_ invocation: Invocation) throws(ConfigurationError) {
        let owner = ObjectIdentifier(invocation.scope)
        invocation.write(slot) { settings in
            guard settings.modernOwner != owner else { return }
            settings.modernOwner = owner
            settings.modern = []
            settings.unlistedAreModern = false
        }
        if invocation.arguments.count == 1 {
            guard invocation[0] == "unlisted" else { throw invocation.invalidCount() }
            return invocation.write(slot) { $0.unlistedAreModern = true }
        }
        let name = invocation[0]
        guard
            let family = BrowserFamily.allCases.first(where: { name.span.equalsIgnoringCase($0.name) })
        else {
            throw invocation.fail(
                "unknown browser name \"\(name)\"",
                advice: "the browsers are opera, msie, gecko, safari and konqueror",
                at: invocation.arguments[0])
        }
        guard let version = BrowserFamily.version(invocation[1]) else {
            throw invocation.fail(
                "invalid browser version \"\(invocation[1])\"", at: invocation.arguments[1])
        }
        invocation.write(slot) { settings in
            settings.modern.removeAll { $0.version == BrowserFamily.unreachable }
            settings.modern.append(.init(family: family, version: version))
            if !settings.modern.contains(where: { $0.family == .opera }) {
                // It also says that it is Internet Explorer, so it has to be looked for first.
                settings.modern.append(.init(family: .opera, version: BrowserFamily.unreachable))
            }
            settings.modern.sort { $0.family.rawValue < $1.family.rawValue }
        }
    }

    private static func addAncient(_ invocation: Invocation) {
        let owner = ObjectIdentifier(invocation.scope)
        let words = invocation.arguments.map(\.value)
        invocation.write(slot) { settings in
            if settings.ancientOwner != owner {
                settings.ancientOwner = owner
                settings.ancient = []
                settings.netscape4IsAncient = false
            }
            for word in words {
                if word == "netscape4" {
                    settings.netscape4IsAncient = true
                } else {
                    settings.ancient.append(word)
                }
            }
        }
    }
}
