/// Buffers that held a secret.
extension Buffer {
    /// Overwrites the bytes in use with zeros and forgets them.
    func wipe() {
        for index in 0..<count { self[index] = 0 }
        removeAll()
    }
}

extension Span where Element == UInt8 {
    /// Equality in a time that depends on the lengths only: for secrets.
    func equalsSecretly(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var difference: UInt8 = 0
        for index in indices { difference |= self[index] ^ other[index] }
        return difference == 0
    }
}
