/// The proxies whose word about their clients is taken.
struct TrustedPeers: Sendable {
    var networks: [Network] = []
    /// Whatever connects over a Unix domain socket.
    var includesUnix = false

    var isEmpty: Bool { networks.isEmpty && !includesUnix }

    func contains(_ address: SocketAddress) -> Bool {
        if address.isUnix { return includesUnix }
        for index in networks.indices where networks[index].contains(address) { return true }
        return false
    }

    /// What a chain of forwarded addresses told.
    enum Answer {
        /// Nothing that is to be believed.
        case nothing
        /// An address was taken, and what stands before it is not to be believed.
        case final
        /// Everything was taken: another list that was sent before goes on.
        case exhausted
    }

    /// Follows a list such as `client, proxy, proxy` from its end. `address` is who sent it, and becomes whom it tells of:
    /// the last that is named, or with `recursive` the last that is no trusted proxy.
    func follow(
        _ list: Span<UInt8>, from address: inout SocketAddress, recursive: Bool
    ) -> Answer {
        var end = list.count
        var found = false
        repeat {
            guard contains(address) else { return found ? .final : .nothing }
            while end > 1, Self.isSeparator(list[end - 1]) { end -= 1 }
            guard end > 0 else { return found ? .final : .nothing }
            var start = end - 1
            while start > 0, !Self.isSeparator(list[start]) { start -= 1 }
            if start > 0 { start += 1 }
            guard start < end, let named = SocketAddress.ipWithPort(list.extracting(start..<end))
            else { return found ? .final : .nothing }
            address = named
            found = true
            end = max(start - 1, 0)
        } while recursive && end > 0
        return .exhausted
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == ASCII.space || byte == ASCII.comma
    }
}
