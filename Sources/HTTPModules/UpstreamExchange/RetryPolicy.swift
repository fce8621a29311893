/// The cases that `proxy_next_upstream` names: each is a kind of failure upon which the next server may be asked.
struct RetryConditions: OptionSet, Sendable {
    let rawValue: UInt16
    init(rawValue: UInt16) { self.rawValue = rawValue }

    static let error = RetryConditions(rawValue: 1 << 0)
    static let timeout = RetryConditions(rawValue: 1 << 1)
    static let invalidHeader = RetryConditions(rawValue: 1 << 2)
    static let http500 = RetryConditions(rawValue: 1 << 3)
    static let http502 = RetryConditions(rawValue: 1 << 4)
    static let http503 = RetryConditions(rawValue: 1 << 5)
    static let http504 = RetryConditions(rawValue: 1 << 6)
    static let http403 = RetryConditions(rawValue: 1 << 7)
    static let http404 = RetryConditions(rawValue: 1 << 8)
    static let http429 = RetryConditions(rawValue: 1 << 9)
    static let nonIdempotent = RetryConditions(rawValue: 1 << 10)
    /// Of caches alone.
    static let updating = RetryConditions(rawValue: 1 << 11)
    static let off = RetryConditions(rawValue: 1 << 12)
    /// No server was there to be asked: no directive names it, so it is never tried again.
    static let noLive = RetryConditions(rawValue: 1 << 13)

    static let choices: [(String, RetryConditions)] = [
        ("error", .error), ("timeout", .timeout), ("invalid_header", .invalidHeader),
        ("non_idempotent", .nonIdempotent), ("http_500", .http500), ("http_502", .http502),
        ("http_503", .http503), ("http_504", .http504), ("http_403", .http403),
        ("http_404", .http404), ("http_429", .http429), ("updating", .updating), ("off", .off),
    ]

    /// Those of the gateways' protocols, which know no gateway behind themselves.
    static let ofGateways = choices.filter { $0.1 != .http502 && $0.1 != .http504 }

    /// The case that an answer with this status is, or nil.
    init?(status: Status) {
        switch status.code {
        case 500: self = .http500
        case 502: self = .http502
        case 503: self = .http503
        case 504: self = .http504
        case 403: self = .http403
        case 404: self = .http404
        case 429: self = .http429
        default: return nil
        }
    }

    /// What the client is told when this was the last try.
    var status: Status {
        switch self {
        case .timeout, .http504: .gatewayTimeout
        case .http500: .internalServerError
        case .http503: .serviceUnavailable
        case .http403: .forbidden
        case .http404: .notFound
        case .http429: .tooManyRequests
        default: .badGateway
        }
    }
}

/// Why a try at an upstream failed: whose fault it was, which case of `proxy_next_upstream` it is, and what happened.
struct Fault: Sendable {
    enum Side: Sendable {
        /// The server that was asked.
        case upstream
        /// There was none to ask, or we could not.
        case local
    }

    enum Cause: Sendable {
        case connect, send, receive, timeout, closed, invalidHead, tooBigHead, status, noLivePeers
    }

    var side: Side
    var retry: RetryConditions
    var cause: Cause
    var errno: Errno?

    init(_ side: Side, _ retry: RetryConditions, _ cause: Cause, errno: Errno? = nil) {
        self.side = side
        self.retry = retry
        self.cause = cause
        self.errno = errno
    }

    /// Whether the server is counted as failing for it. Answers with 403 or 404 are no failure of the server.
    var countsAgainstPeer: Bool {
        side == .upstream && retry != .http403 && retry != .http404
    }
}

/// Whether another server may be asked after a failure.
struct RetryPolicy: Sendable {
    var conditions: RetryConditions
    /// Milliseconds since the first try after which none is made; 0 for no limit.
    var timeout: Int

    /// What is known of the request when a try has failed.
    struct Situation: Sendable {
        var method: Method
        /// A part of the request may have reached the server.
        var isSent: Bool
        /// The body was passed on as it came, and is gone.
        var isStreamed: Bool
        var triesLeft: Int
        /// Milliseconds since the first try.
        var elapsed: Int

        init(
            method: Method, isSent: Bool, isStreamed: Bool, triesLeft: Int, elapsed: Int
        ) {
            self.method = method
            self.isSent = isSent
            self.isStreamed = isStreamed
            self.triesLeft = triesLeft
            self.elapsed = elapsed
        }
    }

    init(conditions: RetryConditions, timeout: Int) {
        self.conditions = conditions
        self.timeout = timeout
    }

    /// - Parameter triesNeeded: tries that must be left. An answer is still an answer: it is given up only when there is
    ///   another try beside the one that brought it.
    func allowsRetry(
        after fault: RetryConditions, _ situation: Situation, triesNeeded: Int = 1
    ) -> Bool {
        if conditions.contains(.off) || situation.triesLeft < triesNeeded { return false }
        if situation.isSent, situation.isStreamed { return false }
        if timeout > 0, situation.elapsed >= timeout { return false }
        var wanted = fault
        if situation.isSent, Self.isNonIdempotent(situation.method) {
            wanted.insert(.nonIdempotent)
        }
        return conditions.isSuperset(of: wanted)
    }

    /// Methods that nginx does not repeat by itself once they were sent.
    private static func isNonIdempotent(_ method: Method) -> Bool {
        method == .post || method == .lock || method == .patch
    }
}
