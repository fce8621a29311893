/// What is under way for an endpoint in an io_uring.
struct RingOperations: OptionSet {
    let rawValue: UInt8
    /// The kernel receives by itself.
    static let receives = RingOperations(rawValue: 1)
    /// The kernel accepts by itself.
    static let accepts = RingOperations(rawValue: 2)
    static let pollsInput = RingOperations(rawValue: 4)
    static let pollsOutput = RingOperations(rawValue: 8)
    /// Receiving was asked to end, and has not yet.
    static let cancels = RingOperations(rawValue: 16)
    /// Input waits in `RingSource.held`.
    static let holdsInput = RingOperations(rawValue: 32)
    /// To be told of for as long as it can be read.
    static let staysReadable = RingOperations(rawValue: 64)

    /// A part of a file is read (`FileReads`): of no endpoint, which may be gone before.
    static let readsFile = RingOperations(rawValue: 128)

    /// Those of an endpoint that the kernel completes.
    static let requests: [RingOperations] = [.receives, .accepts, .pollsInput, .pollsOutput]
}

/// What names a request, and comes back with each of its completions: the operation, and the endpoint by slot and generation, so
/// that what comes late never reaches another that has its slot or its descriptor.
struct RingKey {
    let value: UInt64

    /// Of requests whose completions say nothing.
    static let none = RingKey(0)

    private static let slotBits: UInt64 = 24

    init(_ value: UInt64) { self.value = value }

    init(_ endpoint: Endpoint, _ operation: RingOperations) {
        let slot = UInt64(UInt32(bitPattern: endpoint.slot))
        precondition(slot < 1 << Self.slotBits, "an endpoint without a place, or more of them than there can be")
        value = UInt64(endpoint.generation) << 32 | UInt64(operation.rawValue) << Self.slotBits | slot
    }

    /// Names a read of a file by its number in `FileReads`; nil: it is too large to be told from others.
    init?(fileRead number: Int) {
        guard 0..<1 << Int(Self.slotBits) ~= number else { return nil }
        value = UInt64(RingOperations.readsFile.rawValue) << Self.slotBits | UInt64(number)
    }

    var fileRead: Int { Int(value & (1 << Self.slotBits - 1)) }

    var operation: RingOperations { RingOperations(rawValue: UInt8(truncatingIfNeeded: value >> Self.slotBits)) }

    func endpoint(_ loop: EventLoop) -> Endpoint? {
        loop.endpoint(
            at: Int(value & (1 << Self.slotBits - 1)), generation: UInt32(truncatingIfNeeded: value >> 32))
    }
}
