/// A large body that nobody looks at: the kernel moves it from the upstream's socket to the client's, through a pipe.
///
/// The pipe is filled only when the client's queue is empty, by what comes at once, and emptied at once. What the client does not take is
/// waited for, but not for long (`ClientPatience`): then the upstream is relieved by buffers and the file as ever, until the client has
/// taken all of that.
extension UpstreamExchange {
    /// With less to come, what has to be found out costs more than copying.
    static let movedSize = 128 * 1_024
    /// Bytes that are moved at once.
    private static let stride = 256 * 1_024

    /// Has the rest of the body moved from now on, if the client has taken what came before.
    func moveRest() {
        guard let connection, !connection.flags.contains(.movesInput), connection.security == nil, connection.session == nil,
            !intake.isPaused, intake.rate.limit == 0, !intake.buffering.hasFileBacklog, patienceLeft > 0 || !isRelievable,
            request.pipeline == nil, request.encoding == nil, request.isAlone, request.stream.takesPipes(of: request)
        else { return }
        let current = use
        request.lendStream { $0.flush() }
        guard use == current, stage == .receiving, request.pendingOutput == 0 else { return }
        connection.flags.insert(.movesInput)
    }

    /// Whether a slow client's upstream has not to wait for it.
    private var isRelievable: Bool { intake.buffering.hasRoomInFile }

    /// Milliseconds for which the client may still be waited for.
    private var patienceLeft: Int { intake.patience.left(given: head.contentLength - proto.plainRest) }

    /// Moves what has come of the body. Returns how many bytes; nil: there is no body to be moved.
    func moveBody(from connection: UpstreamConnection) -> Int? {
        guard stage == .receiving, lentConnection.holds(connection) else { return nil }
        let rest = lentProto.lend { $0.plainRest }
        // Bytes may have come another way meanwhile, and wait: what is moved would only wait behind them.
        guard rest > 0, request.pendingOutput == 0 else { return nil }
        guard let piece = loop.splice(connection, atMost: min(rest, Self.stride)) else { return 0 }
        let count = piece.count
        updateAttempt {
            $0.bytesReceived += count
            $0.responseLength += count
        }
        lentProto.lend { $0.skip(count) }
        if count == rest {
            completeMoved(piece, connection)
        } else {
            pass(piece, from: connection)
        }
        return count
    }

    private func pass(_ piece: Piece, from connection: UpstreamConnection) {
        loop.setInputDeadline(connection, in: setting { $0.readTimeout })
        let current = use
        request.send(piece, last: false, flush: true)
        guard use == current, stage == .receiving else { return }
        request.lendStream { $0.flush() }
        guard use == current, stage == .receiving, lentConnection.holds(connection), request.pendingOutput > 0 else { return }
        awaitClient(connection)
    }

    private func awaitClient(_ connection: UpstreamConnection) {
        intake.isPaused = true
        loop.pauseReading(connection)
        guard isRelievable else { return loop.clearInputDeadline(connection) }
        intake.patience.beginWaiting(now: loop.now)
        loop.setInputDeadline(connection, in: max(patienceLeft, 1))
    }

    /// The client was waited for long enough: what comes now is buffered.
    func relieveUpstream() {
        guard let connection else { return }
        connection.flags.remove(.movesInput)
        resumeReading(connection)
    }

    /// The piece is the body's last.
    private func completeMoved(_ piece: Piece, _ connection: UpstreamConnection) {
        var keeps = lentProto.lend { $0.keepsConnection(head) }
        // Whatever follows would be taken for the answer to the next request.
        if let more = loop.peek(connection) {
            keeps = false
            if more > 0, let message = proto.excessMessage {
                request.log(.warn, while: action) { $0.append(message) }
            }
        }
        finishUpstream(keepsConnection: keeps)
        request.send(piece, last: true, flush: true)
    }
}
