import CLinux

/// An open file descriptor that closes itself and cannot be copied.
struct Descriptor: ~Copyable {
    /// The number; valid while this value lives.
    let number: Int32

    /// Takes over `number`.
    init(owning number: Int32) {
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
