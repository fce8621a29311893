import CLinux

/// An open file descriptor that closes itself and cannot be copied.
public struct Descriptor: ~Copyable {
    /// The number; valid while this value lives.
    public let number: Int32

    /// Takes over `number`.
    public init(owning number: Int32) {
        self.number = number
    }

    deinit {
        _ = close(number)
    }

    /// Gives the descriptor up without closing it.
    package consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }
}
