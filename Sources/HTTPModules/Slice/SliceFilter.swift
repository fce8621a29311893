/// Lets the ranges follow the first one, whose request this filter belongs to.
final class SliceFilter {
    private let state: SliceState
    /// The end of the body is held back: it comes behind the last range.
    private(set) var isHolding = false
    private var fetched: FetchedSlice?

    init(_ state: SliceState) {
        self.state = state
    }

    var isWaiting: Bool {
        guard let fetched else { return false }
        return !fetched.hasEnded
    }

    func run(_ request: Request) -> Bool {
        guard isHolding else {
            if request.outgoing.isLast {
                // What an end would have sent at once can wait for what follows.
                request.outgoing.isLast = false
                request.outgoing.flush = false
                isHolding = true
                settle(request.response)
            }
            return true
        }
        if isWaiting { return true }
        guard state.isActive else {
            request.log(.error) { $0.append("missing slice response") }
            return false
        }
        if state.start >= state.end {
            isHolding = false
            request.setState(.slice, nil)
            request.outgoing.isLast = true
            return true
        }
        state.isActive = false
        let next = FetchedSlice()
        guard let made = request.engine.cloneRequest(request, observer: next) else { return false }
        state.asked = state.start
        made.setState(.slice, state)
        fetched = next
        return true
    }

    /// What the client is sent has been settled by the other filters.
    private func settle(_ response: Response) {
        guard response.status == .partialContent else { return }
        let wanted = response.contentOffset..<response.contentOffset + max(response.contentLength, 0)
        state.wanted = wanted
        state.end = wanted.upperBound
        if wanted.lowerBound - state.start >= state.size {
            state.start = wanted.lowerBound / state.size * state.size
        }
    }
}

/// Notes when a range has come.
private final class FetchedSlice: SubrequestObserver {
    private(set) var hasEnded = false

    override func subrequestEnds(_ request: Request, code: UInt16) -> UInt16 {
        if code == 0 { hasEnded = true }
        return code
    }
}
