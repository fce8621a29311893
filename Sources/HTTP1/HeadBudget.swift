/// Counts a head against `client_header_buffer_size` and `large_client_header_buffers`.
///
/// nginx reads a head into a small buffer and then into a limited number of large ones; a line torn by a buffer's end moves
/// to the next buffer as a whole. Here the head lies in one piece, but what fits and what does not stays the same.
struct HeadBudget: Sendable {
    /// What is left of the buffer that nginx would be reading into; nil before the first.
    private var free: Int?
    private var largeBuffers = 0
    /// How much of the line that did not fit did.
    private(set) var fitting = 0

    /// Accounts for a complete line of `count` bytes. False: it does not fit.
    mutating func take(_ count: Int, _ limits: RequestLimits) -> Bool {
        let free = self.free ?? limits.bufferSize
        if count <= free {
            self.free = free - count
            return true
        }
        guard moveOn(free, limits) else { return false }
        fitting = limits.largeBufferSize
        guard count <= limits.largeBufferSize else { return false }
        self.free = limits.largeBufferSize - count
        return true
    }

    /// Accounts for the first `count` bytes of a line that goes on. False: it will not fit.
    mutating func holds(_ count: Int, _ limits: RequestLimits) -> Bool {
        let free = self.free ?? limits.bufferSize
        if count < free { return true }
        guard moveOn(free, limits) else { return false }
        self.free = limits.largeBufferSize
        fitting = limits.largeBufferSize
        return count < limits.largeBufferSize
    }

    /// Takes another large buffer for a line of which `part` bytes filled the last one.
    private mutating func moveOn(_ part: Int, _ limits: RequestLimits) -> Bool {
        fitting = part
        if part > 0, part >= limits.largeBufferSize { return false }
        largeBuffers += 1
        return largeBuffers <= limits.largeBufferCount
    }
}
