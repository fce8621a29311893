/// Access logs gather their lines: those without `buffer=` until the end of the loop's turn, which costs one system call for
/// all requests of the turn and delays nothing that a reader could notice; those with it as long as it says.
extension LogFiles {
    /// Lets lines gather from now on, written by the loop's turns. Until then each line is written at once.
    func attach(to loop: EventLoop) {
        environment.clock.follow(loop)
        let timer = FlushTimer(loop: loop, descriptor: -1)
        timer.files = self
        loop.addTimer(timer)
        self.timer = timer
        loop.endOfTurn.append { [weak self] in self?.endTurn() }
    }

    /// Leaves the loop: what is gathered is written, and later lines are written at once.
    func detach() {
        flush()
        if let timer { timer.loop.close(timer) }
        timer = nil
    }

    /// Writes all gathered lines: before a rotation and before the process ends.
    func flush() {
        for file in all where !file.pending.isEmpty { file.writePending(self) }
        for index in dirty.indices { dirty[index].isDirty = false }
        dirty.removeAll()
    }

    /// Writes what the logs without a buffer have gathered in this turn.
    func endTurn() {
        if dirty.isEmpty { return }
        for index in dirty.indices {
            let file = dirty[index]
            file.isDirty = false
            file.writePending(self)
        }
        dirty.removeAll()
    }

    /// Writes the buffers that have waited for their `flush=` time, and sees to the next.
    fileprivate func flushDue(at now: Int) {
        var next = Int.max
        for file in all {
            guard let deadline = file.flushDeadline else { continue }
            if deadline <= now {
                file.writePending(self)
            } else {
                next = min(next, deadline)
            }
        }
        if next < .max { timer?.wake(at: next) }
    }
}

/// Wakes the buffered logs of a worker whose `flush=` time is over.
final class FlushTimer: Endpoint {
    fileprivate weak var files: LogFiles?
    private var deadline = Int.max

    func wake(at moment: Int) {
        if moment >= deadline { return }
        deadline = moment
        loop.setInputDeadline(self, in: max(moment - loop.now, 1))
    }

    override func inputTimedOut() {
        deadline = .max
        files?.flushDue(at: loop.now)
    }
}

extension LogFile {
    /// Sets how lines are held back. False if another log of the same file has set it otherwise.
    func setBuffering(_ buffering: LogBuffering) -> Bool {
        if let old = self.buffering { return old == buffering }
        self.buffering = buffering
        return true
    }

    /// Says that a line has been appended to `pending`, where it starts at `start`.
    func finishLine(from start: Int, _ files: LogFiles) {
        let limit = buffering?.size ?? gatherLimit
        if pending.count > limit, start > 0 {
            writePending(files, upTo: start)
        }
        if pending.count > limit { return writePending(files) }
        guard let timer = files.timer else {
            // Without a loop, nothing would write an unbuffered line later.
            if buffering == nil { writePending(files) }
            return
        }
        if let buffering {
            guard let delay = buffering.flush, flushDeadline == nil else { return }
            let deadline = timer.loop.now + delay
            flushDeadline = deadline
            timer.wake(at: deadline)
        } else if !isDirty {
            isDirty = true
            files.dirty.append(self)
            timer.loop.closesLate = true
        }
    }

    /// Writes the gathered lines, or the first of them up to `end`; as one gzip member where that is asked for.
    func writePending(_ files: LogFiles, upTo end: Int? = nil) {
        let pending = pending
        let end = end ?? pending.count
        flushDeadline = nil
        if end == 0 { return }
        let second = files.environment.clock.seconds
        if let level = buffering?.gzip {
            if let member = GzipMember.compress(pending.span(0..<end), level: level) {
                write(member.span, at: second, complaints: files.errorLog)
            } else {
                files.errorLog.write(.alert) { $0.append("deflate() failed") }
            }
        } else {
            write(pending.span(0..<end), at: second, complaints: files.errorLog)
        }
        pending.removeFirst(end)
    }
}
