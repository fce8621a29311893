/// A request that is held back for a while: an answer 401 that is delayed, a request over its rate.
///
/// It costs a timer and nothing else. A client that leaves meanwhile ends the request.
final class RequestPause: Producer {
    /// What happens when the time is over.
    enum Next: Sendable {
        /// The phases go on with the handler that waits.
        case resume
        case finish(Status)
    }

    /// Pauses that are kept for later at most: a flood of requests over their rate leaves no more behind.
    private static let idleBound = 64

    private var request: Request?
    private var next = Next.resume
    private let timer: PauseTimer

    private init(loop: EventLoop) {
        timer = PauseTimer(loop: loop)
        super.init()
        timer.pause = self
        loop.addTimer(timer)
    }

    /// Holds the request back; the caller's verdict is `wait`, or it leaves the request alone.
    static func begin(_ request: Request, for milliseconds: Int, then next: Next) {
        let engine = request.engine
        let pause = engine.idlePauses.popLast() ?? RequestPause(loop: engine.loop)
        pause.request = request
        pause.next = next
        request.producer = pause
        engine.loop.setInputDeadline(pause.timer, in: milliseconds)
    }

    /// Forgets the request, and waits for another one.
    private func release() -> Request? {
        guard let request else { return nil }
        self.request = nil
        let engine = request.engine
        engine.loop.clearInputDeadline(timer)
        if engine.idlePauses.count < Self.idleBound {
            engine.idlePauses.append(self)
        } else {
            engine.loop.close(timer)
        }
        return request
    }

    /// Frees those that are kept.
    static func emptyPool(of engine: RequestEngine) {
        while let pause = engine.idlePauses.popLast() { engine.loop.close(pause.timer) }
    }

    fileprivate func isOver() {
        let next = next
        guard let request = release() else { return }
        request.producer = nil
        switch next {
        case .resume: request.resume()
        case .finish(let status): request.finish(status)
        }
    }

    override func cancel() { _ = release() }

    override func clientLeft() {
        guard let request = release() else { return }
        request.producer = nil
        request.log(.info) { $0.append("client prematurely closed connection") }
        request.finish(.clientClosedRequest)
    }
}

/// The timer of a pause. It stays registered with its loop while the pause is in the pool.
private final class PauseTimer: Endpoint {
    weak var pause: RequestPause?

    init(loop: EventLoop) {
        super.init(loop: loop, descriptor: -1)
    }

    override func inputTimedOut() { pause?.isOver() }
}
