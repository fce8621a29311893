/// Variables that are looked up in tables: ngx_http_map_module, ngx_http_geo_module and ngx_http_split_clients_module.
enum Maps {
    static var rows: [Row] {
        var rows: [Row] = [
            .entries(
                "map", in: .http, .two, "A variable whose value is found by that of a text.",
                syntax: "string $variable"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try MapTable.declare(invocation, registry: invocation.http().registry)
            },
            .entries(
                "geo", in: .http, .between(1, 2), "A variable whose value is found by an address.",
                syntax: "[$address] $variable"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try GeoTable.declare(
                    invocation, registry: invocation.http().registry, client: client)
            },
            .entries(
                "split_clients", in: .http, .two,
                "A variable whose value is chosen by shares of all clients.",
                syntax: "string $variable"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try SplitTable.declare(invocation, registry: invocation.http().registry)
            },
        ]
        for name in ["map_hash_bucket_size", "map_hash_max_size"] {
            rows.append(
                .ignoredNumber(
                    name, in: .http, "The size of a hash table.", reason: "the table sizes itself"))
        }
        return rows
    }

    private static let client = GeoTable.Client(
        address: { ($0 as? Request)?.address },
        forwarded: { scope, address, trusted, isRecursive in
            guard let request = scope as? Request else { return address }
            var client = address
            _ = request.followForwardedFor(
                TrustedPeers(networks: trusted), from: &client, recursive: isRecursive)
            return client
        })
}
