/// What `expires` says: when an answer is no longer fresh, for the fields `Expires` and `Cache-Control`.
struct Expiry: Sendable {
    enum Kind: Equatable, Sendable {
        case off, epoch, max
        /// Seconds after the answer, or after the content was last modified.
        case access, modified
        /// At a second of the local day.
        case daily
    }

    var kind: Kind
    /// Seconds; negative for the past.
    var time = 0
    /// Read for each answer, when the time has variables.
    var template: Template?

    /// Reads `epoch`, `max`, `off`, `@15h30m`, `-1`, `24h`. The error is nginx's.
    mutating func read(_ text: Span<UInt8>) throws(ExpiryError) {
        if kind != .modified {
            if text.equals("epoch") { return kind = .epoch }
            if text.equals("max") { return kind = .max }
            if text.equals("off") { return kind = .off }
        }
        var rest = text
        var isNegative = false
        if let first = text.isEmpty ? nil : text[0] {
            switch first {
            case ASCII.at:
                guard kind != .modified else { throw .dailyWithModified }
                kind = .daily
                rest = text.extracting(1..<text.count)
            case ASCII.plus, ASCII.minus:
                isNegative = first == ASCII.minus
                rest = text.extracting(1..<text.count)
            default: break
            }
        }
        guard let seconds = Units.seconds(rest) else { throw .invalid }
        if kind == .daily, seconds > 86_400 { throw .tooLate }
        time = isNegative ? -seconds : seconds
    }

    func apply(to request: Request) {
        guard let template else { return write(to: request, configured: time) }
        var read = self
        let text = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(text) }
        template.append(to: text, scope: request)
        do throws(ExpiryError) {
            try read.read(text.span)
        } catch {
            // As in nginx, a value that makes no sense is no value.
            return
        }
        if read.kind != .off { read.write(to: request, configured: 0) }
    }

    /// - Parameter configured: the time in the configuration; nginx's "no-cache" for the past looks at that, too.
    private func write(to request: Request, configured: Int) {
        let headers = request.response.headers
        let now = request.engine.loop.wallSeconds
        switch kind {
        case .off: return
        case .epoch:
            headers.setFirst(.expires, "Thu, 01 Jan 1970 00:00:01 GMT")
            headers.set(.cacheControl, "no-cache")
            return
        case .max:
            headers.setFirst(.expires, "Thu, 31 Dec 2037 23:55:55 GMT")
            headers.set(.cacheControl, "max-age=315360000")
            return
        case .access, .modified, .daily: break
        }
        let modified = request.response.lastModified
        let date: Int
        if kind == .daily {
            date = Self.next(time, after: now)
        } else if kind == .access || modified == -1 || time == 0 {
            date = now + time
        } else {
            date = modified + time
        }
        let age = date - now
        let value = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(value) }
        value.append(httpDate: date)
        headers.setFirst(.expires, value.span)
        if configured < 0 || age < 0 { return headers.set(.cacheControl, "no-cache") }
        value.removeAll()
        value.append("max-age=")
        value.append(decimal: age)
        headers.set(.cacheControl, value.span)
    }

    /// The next moment at which `second` seconds of a local day have passed.
    private static func next(_ second: Int, after now: Int) -> Int {
        let local = LocalTime(secondsSinceEpoch: now)
        let passed = local.hour * 3_600 + local.minute * 60 + local.second
        let today = now - passed + second
        return today > now ? today : today + 86_400
    }
}

/// Why a time of `expires` cannot be used.
enum ExpiryError: Error {
    case invalid, dailyWithModified, tooLate

    /// What follows `"expires" directive`.
    var message: String {
        switch self {
        case .invalid: "invalid value"
        case .dailyWithModified: "daily time cannot be used with \"modified\" parameter"
        case .tooLate: "daily time value must be less than 24 hours"
        }
    }
}

extension HeaderList {
    /// Replaces the first field of this name, or appends one.
    fileprivate func setFirst(_ name: FieldName, _ value: Span<UInt8>) {
        if let index = firstIndex(of: name) { return setValue(at: index, value) }
        append(name, value)
    }

    fileprivate func setFirst(_ name: FieldName, _ value: StaticString) {
        setFirst(name, value.bytes)
    }
}
