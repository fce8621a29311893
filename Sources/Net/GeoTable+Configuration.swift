extension GeoTable {
    /// Where a `geo` without a source takes its address from.
    struct Client: Sendable {
        /// The address of the scope's client.
        let address: @Sendable (VariableScope) -> SocketAddress?
        /// The address that trusted proxies forwarded for a client; nil where there are no such headers, as in stream.
        let forwarded: Forwarded?

        typealias Forwarded =
            @Sendable (VariableScope, SocketAddress, _ trusted: [Network], _ recursive: Bool)
            -> SocketAddress

        init(
            address: @escaping @Sendable (VariableScope) -> SocketAddress?,
            forwarded: Forwarded? = nil
        ) {
            self.address = address
            self.forwarded = forwarded
        }
    }

    /// Reads a `geo [$ADDRESS] $VARIABLE { ... }` block and declares its variable.
    static func declare(
        _ invocation: Invocation, registry: VariableRegistry, client: Client
    ) throws(ConfigurationError) {
        var name = try registry.declaredName(invocation.arguments[0])
        let source: VariableIndex?
        if invocation.arguments.count == 1 {
            source = nil
        } else {
            source = try registry.reference(name, at: invocation.arguments[0].position)
            name = try registry.declaredName(invocation.arguments[1])
        }
        try registry.checkDeclarable(name)
        var builder = GeoBuilder(hasProxies: client.forwarded != nil) { invocation.warn($0) }
        try invocation.forEachEntry { entry throws(ConfigurationError) in
            try builder.add([entry.name] + entry.arguments)
        }
        let table = builder.table
        let proxies = builder.proxies
        let isRecursive = builder.isRecursive
        let flags: VariableFlags = builder.isVolatile ? [.changeable, .noCacheable] : .changeable
        try registry.declare(name, flags) { scope, out in
            var address: SocketAddress?
            if let source {
                address = Self.address(in: source, scope)
            } else {
                address = client.address(scope)
            }
            if let known = address, !proxies.isEmpty, let forwarded = client.forwarded {
                address = forwarded(scope, known, proxies, isRecursive)
            }
            out.append(table.find(address).span)
            return true
        }
    }

    private static func address(
        in variable: VariableIndex, _ scope: VariableScope
    ) -> SocketAddress? {
        guard let value = scope.value(of: variable) else { return nil }
        return SocketAddress.ip(value.span)
    }
}
