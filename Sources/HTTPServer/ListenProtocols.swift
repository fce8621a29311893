/// Whether the `listen`s of one address agree on the protocols spoken there. nginx lets them differ and warns where that looks
/// like a mistake: a server that takes away what others ask for, or changes what was changed before.
struct ListenProtocols {
    private var current: UInt8
    private var agreed: UInt8?
    private var isChanged = false
    private var hasSetter: Bool

    init(_ first: ServerBuilder.Listen) {
        current = first.protocols
        hasSetter = first.setsOptions
    }

    /// Takes the next `listen` of the address; true if nginx warns of it.
    mutating func add(_ listen: ServerBuilder.Listen) -> Bool {
        let added = listen.protocols & ~current != 0
        let removed = current & ~listen.protocols != 0
        // As in nginx, a `listen` that sets the socket's options is the one that the others are measured by.
        let setterBefore = hasSetter
        hasSetter = hasSetter || listen.setsOptions
        defer { current |= listen.protocols }
        if added {
            let warns = setterBefore && !listen.setsOptions || isChanged || removed
            agreed = current
            isChanged = true
            return warns
        }
        if removed {
            let warns = listen.setsOptions || agreed.map { $0 != listen.protocols } ?? false
            agreed = listen.protocols
            isChanged = true
            return warns
        }
        let warns = listen.setsOptions && isChanged || agreed.map { $0 != listen.protocols } ?? false
        agreed = listen.protocols
        return warns
    }
}

extension ServerBuilder.Listen {
    /// The protocols that it asks for, a bit each.
    var protocols: UInt8 { expectsProxyProtocol ? 1 : 0 }
}
