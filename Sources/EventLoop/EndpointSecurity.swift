/// What protects the bytes of a connection: a machine without I/O between the loop and an endpoint.
///
/// The loop has it open what the kernel received and hands the endpoint the plaintext; it has it seal what the endpoint queued,
/// and sends that. So an endpoint knows nothing of it but `secured` and `securityFailed`.
class EndpointSecurity {
    /// What opening bytes came to. Whatever was opened before is in the plaintext.
    enum Opening {
        /// All that came is opened; more is needed for more.
        case more
        /// The handshake is over. The rest of the bytes, if there are any, is opened by another call.
        case established
        /// The peer does not speak this protocol: its bytes, from the first on, are plaintext.
        case plain
        /// The handshake is over, but the endpoint must not hear of it before `resumeInput`. The rest is kept until then.
        case held
        /// The peer has said that it sends no more.
        case ended
        /// The bytes are not what they should be; an alert may wait to be sent.
        case failed
    }

    final let loop: EventLoop
    /// The endpoint that is protected now.
    final unowned var endpoint: Endpoint
    /// Plaintext may flow.
    final var isEstablished = false
    /// Our end was sent: nothing is sealed or opened any more.
    final var isShut = false
    /// Sealed bytes on their way to the kernel, nil while there are none.
    final var sealed: Buffer?
    /// How many of them the kernel has taken.
    final var sealedStart = 0
    /// Some of them are the endpoint's output, not only the protocol's own messages.
    final var holdsOutput = false
    /// Plaintext was opened that the next call hands out, whatever has come.
    final var holdsPlaintext = false
    /// Bytes that came while the input was held.
    final var heldInput: Buffer?
    /// Present once the kernel seals what is sent; `sealed` then holds the records that are not data, as `KernelSealing` frames them.
    /// There is no way back, and none here but by a kernel that took the keys.
    private(set) final var kernelSealing: KernelSealing?

    init(loop: EventLoop, endpoint: Endpoint) {
        self.loop = loop
        self.endpoint = endpoint
    }

    /// Sealed bytes that the kernel has not taken.
    final var unsentCount: Int { (sealed?.count ?? 0) - sealedStart }

    // MARK: - What a protocol does

    /// Sends the first bytes, if it is for this side to begin. False: it failed.
    func begin() -> Bool { true }

    /// Opens bytes from `position` on, and moves it behind what was used. The plaintext is appended to `plaintext`.
    func open(
        _ bytes: Span<UInt8>, from position: inout Int, into plaintext: Buffer
    ) -> Opening { .failed }

    /// Seals bytes behind what is sealed already. False: nothing can be sealed any more.
    func seal(_ bytes: Span<UInt8>) -> Bool { false }

    /// Seals the word that nothing follows.
    func sealEnd() {}

    /// The connection is closed: whatever is under way for it ends.
    func ended() {}

    /// The peer's bytes have ended without its word. False: before the handshake was over.
    func inputEnded() -> Bool { isEstablished }

    // MARK: - Sealing by the kernel

    final var isSealedByKernel: Bool { kernelSealing != nil }

    /// Hands the sealing of all that follows over to the kernel, with the keys as it wants them. That takes that all records sealed
    /// so far have left. False: all is as it was.
    @unsafe
    final func handOverSealing(keys: UnsafeRawPointer) -> Bool {
        guard kernelSealing == nil, loop.sendWhatIsSealed(endpoint, self),
            let sealing = unsafe KernelSealing(of: endpoint, keys: keys)
        else { return false }
        discardSealed()
        kernelSealing = sealing
        return true
    }

    // MARK: - The sealed bytes

    /// The buffer for sealed bytes, with room for `count` more.
    final func sink(for count: Int) -> Buffer {
        let needed = count + unsentCount
        guard let present = sealed else {
            let fresh = loop.pool(for: needed).take()
            sealed = fresh
            return fresh
        }
        // There is no larger one than a train's: it grows if it must.
        if present.free >= count || present.capacity >= loop.trains.size { return present }
        // A larger one from the pool rather than a growing one, which no pool would take back.
        let larger = loop.pool(for: needed).take()
        larger.append(present.span(sealedStart..<present.count))
        loop.recycle(sealed: present)
        sealed = larger
        sealedStart = 0
        return larger
    }

    /// Gives up what is not sent.
    final func discardSealed() {
        if let sealed { loop.recycle(sealed: sealed) }
        sealed = nil
        sealedStart = 0
        holdsOutput = false
    }
}
