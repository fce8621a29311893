@testable import ApusServer

/// The system calls that can be made to fail.
enum SimulatedCall: String, CaseIterable, Sendable {
    case socket, accept, localAddress, bind, connect, setOption, receive, peek, send, sendFile
    case shutdown, pollCreate, pollControl, pollWait, open, statusOf, statusAt, read, write
    case pipe, growPipe, fillPipe, emptyPipe
    case makeFolder, unlink, openFolder, readFolder, realPath

    /// What the real call fails with when a machine is in trouble.
    var plausibleErrors: [Errno] {
        switch self {
        case .socket: [.processFilesExhausted, .systemFilesExhausted, .noBuffers, .noMemory]
        case .accept:
            [.processFilesExhausted, .systemFilesExhausted, .connectionAborted, .noMemory]
        case .localAddress: [.noBuffers]
        case .bind: [.addressInUse]
        case .connect: [.connectionRefused, .timedOut, Errno(113), Errno(99)]
        case .setOption: [.invalid, .noMemory]
        case .receive, .peek: [.connectionReset, .timedOut, .noMemory]
        case .send: [.connectionReset, .brokenPipe, .noBuffers, .timedOut]
        case .sendFile: [.connectionReset, .brokenPipe, Errno(5), .noMemory]
        case .pipe: [.processFilesExhausted, .systemFilesExhausted, .noMemory]
        case .growPipe: [.notPermitted, .noMemory]
        case .fillPipe: [.connectionReset, .invalid, .noMemory, .timedOut]
        case .emptyPipe: [.connectionReset, .brokenPipe, .timedOut]
        case .shutdown: [.notConnected]
        case .pollCreate: [.processFilesExhausted, .noMemory]
        case .pollControl: [.noSpace, .noMemory]
        case .pollWait: [.interrupted]
        case .open:
            [.processFilesExhausted, .systemFilesExhausted, .notFound, .accessDenied, Errno(5)]
        case .statusOf, .statusAt: [.noMemory, Errno(5), .notFound]
        case .read: [Errno(5)]
        case .write: [.noSpace, Errno(5)]
        case .makeFolder: [.noSpace, .accessDenied]
        case .unlink: [Errno(5)]
        case .openFolder: [.processFilesExhausted, .accessDenied, Errno(5)]
        case .readFolder: [Errno(5)]
        case .realPath: [.noMemory, Errno(5)]
        }
    }
}

/// Which calls fail, and how often each was made.
struct FailurePlan {
    private(set) var counts: [SimulatedCall: Int] = [:]
    private var planned: [SimulatedCall: [Int: Errno]] = [:]
    /// The share of calls of a kind that fail with one of its plausible errors.
    var shares: [SimulatedCall: Double] = [:]
    /// Failures that really happened.
    private(set) var happened = 0

    /// Makes the n-th call of a kind from the beginning fail, counted from 1.
    mutating func fail(_ call: SimulatedCall, number: Int, with error: Errno) {
        planned[call, default: [:]][number] = error
    }

    /// No call fails any more, and counting begins anew.
    mutating func forget() { self = FailurePlan() }

    /// Counts a call; the negative error number that it has to answer, or nil.
    mutating func outcome(of call: SimulatedCall, _ random: inout SeededRandom) -> Int? {
        let count = counts[call, default: 0] + 1
        counts[call] = count
        var error = planned[call]?[count]
        if error == nil, let share = shares[call], random.chance(share) {
            error = call.plausibleErrors.randomElement(using: &random)
        }
        guard let error else { return nil }
        happened += 1
        return -Int(error.code)
    }
}
