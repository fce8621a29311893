extension RealIP {
    static var rows: [Row] {
        [
            .custom(
                "set_real_ip_from", in: .request, .one,
                "A proxy whose word about its clients' addresses is taken.",
                syntax: "address | CIDR | hostname | unix:"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                var trusted = invocation.isFirst ? TrustedPeers() : invocation[slot].trusted
                try add(invocation, to: &trusted)
                let result = trusted
                invocation.write(slot) { $0.trusted = result }
            },
            .value(
                "real_ip_header", in: .request, .one, slot, \.source,
                "Where proxies tell the addresses of their clients.",
                syntax: "field | X-Real-IP | X-Forwarded-For | proxy_protocol"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                switch invocation[0] {
                case "X-Real-IP": .realIP
                case "X-Forwarded-For": .forwardedFor
                case "proxy_protocol": .proxyProtocol
                default: .header(invocation[0])
                }
            },
            .flag(
                "real_ip_recursive", in: .request, slot, \.isRecursive,
                "Whether trusted proxies in a list of addresses are skipped, too."),
        ]
    }

    private static func add(
        _ invocation: Invocation, to trusted: inout TrustedPeers
    ) throws(ConfigurationError) {
        let word = invocation[0]
        if word == "unix:" {
            trusted.includesUnix = true
            return
        }
        if let found = Network.read(word.span) {
            invocation.warnOfLowBits(found.isExact)
            return trusted.networks.append(found.network)
        }
        guard let addresses = HostLookup.addresses(of: word) else {
            throw invocation.fail(
                "host not found in set_real_ip_from \"\(word)\"", at: invocation.arguments[0])
        }
        for address in addresses {
            let isIPv4 = address.family == .ipv4
            trusted.networks.append(
                Network(isIPv4: isIPv4, address.number, prefixLength: isIPv4 ? 32 : 128))
        }
    }
}
