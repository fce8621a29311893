extension Access {
    static var rows: [Row] {
        [
            rule("allow", denies: false, "Lets clients of an address or network in."),
            rule("deny", denies: true, "Refuses clients of an address or network."),
        ]
    }

    private static func rule(_ name: String, denies: Bool, _ summary: String) -> Row {
        .custom(
            name, in: [.http, .server, .location, .limitExcept], .one, summary,
            syntax: "address | CIDR | unix: | all"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            // Rules of either kind in a block replace those outside.
            var rules = invocation.scope.hasOwn(slot) ? invocation[slot] : AccessSettings()
            let word = invocation[0]
            switch word {
            case "all":
                rules.add(.all(isIPv4: true), denies: denies)
                rules.add(.all(isIPv4: false), denies: denies)
                rules.addUnix(denies: denies)
            case "unix:":
                rules.addUnix(denies: denies)
            default:
                rules.add(try invocation.network(), denies: denies)
            }
            let result = rules
            invocation.write(slot) { $0 = result }
        }
    }
}

extension Invocation {
    /// The first argument as an address or a network; bits behind the prefix are warned about.
    func network() throws(ConfigurationError) -> Network {
        guard let found = Network.read(self[0].span) else {
            throw invalidParameter(
                arguments[0], advice: "an address or a network, such as 192.0.2.1 or 2001:db8::/32")
        }
        warnOfLowBits(found.isExact)
        return found.network
    }

    func warnOfLowBits(_ isExact: Bool) {
        if !isExact { warn("low address bits of \(self[0]) are meaningless", at: arguments[0]) }
    }
}
