/// The time of day as logs write it. Each form is made at most once a second, when first asked for.
///
/// In a worker the time is the event loop's, read once a turn. In the master, which has no loop, it reads the system's clock.
final class WallClock {
    /// Seconds since the epoch.
    private(set) var seconds = 0
    /// Milliseconds of the running second.
    private(set) var milliseconds = 0
    private var loop: EventLoop?
    private var local = LocalTime(secondsSinceEpoch: 0)
    private var localSecond = 0
    private let errorForm = CachedForm()
    private let accessForm = CachedForm()
    private let isoForm = CachedForm()
    private let syslogForm = CachedForm()

    init() {
        refresh()
    }

    /// Takes the time from a worker's loop from now on.
    func follow(_ loop: EventLoop) {
        self.loop = loop
        refresh()
    }

    /// Takes the loop's time, or reads the system's clock.
    func refresh() {
        if let loop {
            let now = loop.wallMilliseconds
            seconds = now / 1_000
            milliseconds = now % 1_000
        } else {
            (seconds, milliseconds) = SystemClock.now
        }
    }

    /// `2026/11/23 10:00:00`
    func appendErrorTime(to buffer: Buffer) {
        let text = errorForm.text
        if errorForm.isStale(at: seconds) { composeErrorTime(text) }
        buffer.append(text.span)
    }

    /// `23/Nov/2026:10:00:00 +0000`
    func appendLocalTime(to buffer: Buffer) {
        let text = accessForm.text
        if accessForm.isStale(at: seconds) { composeLocalTime(text) }
        buffer.append(text.span)
    }

    /// `2026-11-23T10:00:00+00:00`
    func appendISO8601(to buffer: Buffer) {
        let text = isoForm.text
        if isoForm.isStale(at: seconds) { composeISO8601(text) }
        buffer.append(text.span)
    }

    /// `2026-11-23T10:00:00.123+00:00`
    func appendISO8601Milliseconds(to buffer: Buffer) {
        let text = isoForm.text
        if isoForm.isStale(at: seconds) { composeISO8601(text) }
        let dateLength = "2026-11-23T10:00:00".utf8.count
        buffer.append(text, 0..<dateLength)
        buffer.append(ASCII.dot)
        buffer.append(decimal: milliseconds, width: 3)
        buffer.append(text, dateLength..<text.count)
    }

    /// `Nov  3 10:00:00`
    func appendSyslogTime(to buffer: Buffer) {
        let text = syslogForm.text
        if syslogForm.isStale(at: seconds) { composeSyslogTime(text) }
        buffer.append(text.span)
    }

    /// `1795428000.123`
    func appendMilliseconds(to buffer: Buffer) {
        buffer.append(decimal: seconds)
        buffer.append(ASCII.dot)
        buffer.append(decimal: milliseconds, width: 3)
    }

    // MARK: - The forms

    private var localTime: LocalTime {
        if localSecond != seconds {
            local = LocalTime(secondsSinceEpoch: seconds)
            localSecond = seconds
        }
        return local
    }

    private func composeErrorTime(_ text: Buffer) {
        let time = localTime
        text.append(decimal: time.year)
        text.append(ASCII.slash)
        text.append(decimal: time.month, width: 2)
        text.append(ASCII.slash)
        text.append(decimal: time.day, width: 2)
        text.append(ASCII.space)
        text.append(timeOfDay: time)
    }

    private func composeLocalTime(_ text: Buffer) {
        let time = localTime
        text.append(decimal: time.day, width: 2)
        text.append(ASCII.slash)
        text.append(CivilTime.months[time.month - 1])
        text.append(ASCII.slash)
        text.append(decimal: time.year)
        text.append(ASCII.colon)
        text.append(timeOfDay: time)
        text.append(ASCII.space)
        text.append(offset: time.offset, separator: "")
    }

    private func composeISO8601(_ text: Buffer) {
        let time = localTime
        text.append(decimal: time.year, width: 4)
        text.append(ASCII.minus)
        text.append(decimal: time.month, width: 2)
        text.append(ASCII.minus)
        text.append(decimal: time.day, width: 2)
        text.append("T")
        text.append(timeOfDay: time)
        text.append(offset: time.offset, separator: ":")
    }

    private func composeSyslogTime(_ text: Buffer) {
        let time = localTime
        text.append(CivilTime.months[time.month - 1])
        text.append(ASCII.space)
        if time.day < 10 { text.append(ASCII.space) }
        text.append(decimal: time.day)
        text.append(ASCII.space)
        text.append(timeOfDay: time)
    }
}

/// One written form of the time and the second it is of.
private final class CachedForm {
    let text = Buffer(capacity: 32)
    private var second = Int.min

    /// Whether the text must be written anew for `second`; if so, it is emptied for that.
    func isStale(at second: Int) -> Bool {
        if second == self.second { return false }
        self.second = second
        text.removeAll()
        return true
    }
}

extension Buffer {
    fileprivate func append(timeOfDay time: LocalTime) {
        append(decimal: time.hour, width: 2)
        append(ASCII.colon)
        append(decimal: time.minute, width: 2)
        append(ASCII.colon)
        append(decimal: time.second, width: 2)
    }

    fileprivate func append(offset minutes: Int, separator: StaticString) {
        append(minutes < 0 ? ASCII.minus : ASCII.plus)
        append(decimal: abs(minutes) / 60, width: 2)
        append(separator)
        append(decimal: abs(minutes) % 60, width: 2)
    }
}
