/// ngx_http_userid_module: cookies by which browsers are known again.
///
/// An identifier is four words: the service, the second and the worker that made it, and a number that counts up. `$uid_got` is
/// the one that a request brought, `$uid_set` the one that its answer sets.
enum UserID {
    static let slot = Slot(.userID, initial: UserIDSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings.box(slot).value.mode >= .version1 }

    static func filterHead(_ request: Request) {
        let settings = request.location.settings(slot)
        guard settings.value.mode >= .version1 else { return }
        let state = state(of: request, settings)
        makeIdentifier(state, request, settings)
        guard state.set[3] != 0 else { return }
        appendCookie(state, request, settings)
        if !settings.value.p3p.isEmpty {
            let opening = request.response.headers.begin(named: ("P3P" as StaticString).bytes)
            request.response.headers.bytes.append(settings.value.p3p)
            request.response.headers.end(opening)
        }
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("uid_got") { request, out in
            let settings = request.location.settings(slot)
            guard settings.value.mode != .off else { return false }
            let state = state(of: request, settings)
            return append(state.got, settings.value.name, to: out)
        }
        try registry.declareValue("uid_set") { request, out in
            let settings = request.location.settings(slot)
            guard settings.value.mode >= .version1 else { return false }
            let state = state(of: request, settings)
            makeIdentifier(state, request, settings)
            return append(state.set, settings.value.name, to: out)
        }
        // For configurations to set: whether identifiers are made anew.
        try registry.declare("uid_reset", .changeable) { _, _ in true }
    }

    /// `NAME=` and the words in hexadecimal; false if there is no identifier.
    private static func append(_ words: UserIDState.Words, _ name: ByteString, to out: Buffer) -> Bool {
        guard words[3] != 0 else { return false }
        out.append(name)
        out.append(ASCII.equals)
        for index in 0..<4 { out.append(words.word(index)) }
        return true
    }

    // MARK: - What came

    private static func state(of request: Request, _ settings: Box<UserIDSettings>) -> UserIDState {
        if let known = request.state(.userID, as: UserIDState.self) { return known }
        let made = UserIDState()
        request.setState(.userID, made)
        read(into: made, request, settings.value.name)
        return made
    }

    /// Characters that stand for the 16 bytes; what follows may be a mark, or anything.
    private static let encodedSize = 22

    private static func read(into state: UserIDState, _ request: Request, _ name: ByteString) {
        let fields = request.head.fields
        let bytes = request.head.bytes
        var index = fields.firstIndex(of: .cookie)
        while let found = index {
            let cookies = bytes.span(fields[found].valueRange)
            guard let range = cookies.listValue(named: name.span, separator: ASCII.semicolon) else {
                index = fields.firstIndex(of: .cookie, from: found + 1)
                continue
            }
            state.cookie = ByteString(cookies[range])
            let scratch = request.engine.loop.buffers.take()
            defer { request.engine.loop.buffers.give(scratch) }
            let cookie = state.cookie
            if cookie.count < encodedSize {
                complain("client sent too short userid cookie \"", fields[found], request)
            } else if scratch.append(base64: cookie.span.extracting(0..<encodedSize)) {
                state.got = UserIDState.Words(scratch.span)
            } else {
                complain("client sent invalid userid cookie \"", fields[found], request)
            }
            return
        }
    }

    private static func complain(_ message: StaticString, _ field: Field, _ request: Request) {
        request.log(.error) {
            $0.append(message)
            $0.append(request.head.bytes, field.valueRange)
            $0.append(ASCII.quote)
        }
    }

    // MARK: - What is sent

    /// Decides once whether the answer sets an identifier, and which.
    private static func makeIdentifier(
        _ state: UserIDState, _ request: Request, _ settings: Box<UserIDSettings>
    ) {
        guard state.set[3] == 0 else { return }
        if state.got[3] != 0 {
            guard asksForReset(state, request, settings.value.name) else {
                // Marked cookies are sent again only for the mark's sake.
                if let mark = settings.value.mark, !state.bears(mark) { state.set = state.got }
                return
            }
            state.isReset = true
        }
        let numbers = request.engine.moduleState(.userID) { UserIDNumbers(request.engine.loop) }
        let now = UInt32(truncatingIfNeeded: request.engine.loop.wallSeconds)
        let service = settings.value.service.map { UInt32(truncatingIfNeeded: $0) }
        if settings.value.mode == .version1 {
            state.set = .init(service ?? 0, now, numbers.start, numbers.nextOfVersion1())
        } else {
            state.set = .init(
                bigEndian: service ?? address(request), now, numbers.start, numbers.nextOfVersion2())
        }
    }

    /// The last four bytes of the server's address.
    private static func address(_ request: Request) -> UInt32 {
        let address = request.connection.localAddress
        return address.isUnix ? 0 : UInt32(truncatingIfNeeded: address.low)
    }

    private static func asksForReset(
        _ state: UserIDState, _ request: Request, _ name: ByteString
    ) -> Bool {
        let variable: StaticString = "uid_reset"
        let value = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(value) }
        guard request.append(named: variable.bytes, to: value), !value.isEmpty else { return false }
        if value.count == 1, value[0] == ASCII.zero { return false }
        if value.span.equals("log") {
            request.log(.notice) {
                $0.append("userid cookie \"")
                _ = append(state.got, name, to: $0)
                $0.append("\" was reset")
            }
        }
        return true
    }

    private static func appendCookie(
        _ state: UserIDState, _ request: Request, _ settings: Box<UserIDSettings>
    ) {
        let headers = request.response.headers
        let opening = headers.begin(.setCookie)
        let value = headers.bytes
        value.append(settings.value.name)
        value.append(ASCII.equals)
        if state.got[3] == 0 || state.isReset {
            let start = value.count
            let bytes = request.engine.loop.buffers.take()
            state.set.append(to: bytes)
            value.append(asBase64: bytes.span)
            request.engine.loop.buffers.give(bytes)
            if let mark = settings.value.mark { value[start + encodedSize] = mark }
        } else if let mark = settings.value.mark {
            let cookie = state.cookie
            value.append(cookie.span.extracting(0..<encodedSize))
            value.append(mark)
            value.append(ASCII.equals)
        }
        switch settings.value.expiry {
        case .session: break
        case .max: value.append("; expires=Thu, 31-Dec-37 23:55:55 GMT")
        case .after(let seconds):
            value.append("; expires=")
            value.append(cookieDate: request.engine.loop.wallSeconds + seconds)
        }
        if !settings.value.domain.isEmpty {
            value.append("; domain=")
            value.append(settings.value.domain)
        }
        value.append("; path=")
        value.append(settings.value.path)
        settings.value.flags.append(to: value)
        headers.end(opening)
    }
}

/// What the directives of the module set.
struct UserIDSettings: Sendable {
    enum Mode: Int, Comparable, Sendable {
        case off
        /// Identifiers are logged, none is set.
        case log
        case version1
        case version2

        static func < (left: Mode, right: Mode) -> Bool { left.rawValue < right.rawValue }
    }

    enum Expiry: Sendable {
        case session, max
        case after(Int)
    }

    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let off = Flags(rawValue: 1)
        static let secure = Flags(rawValue: 2)
        static let httpOnly = Flags(rawValue: 4)
        static let strict = Flags(rawValue: 8)
        static let lax = Flags(rawValue: 16)
        static let none = Flags(rawValue: 32)

        func append(to cookie: Buffer) {
            if contains(.secure) { cookie.append("; secure") }
            if contains(.httpOnly) { cookie.append("; httponly") }
            if contains(.strict) { cookie.append("; samesite=strict") }
            if contains(.lax) { cookie.append("; samesite=lax") }
            if contains(.none) { cookie.append("; samesite=none") }
        }
    }

    var mode = Mode.off
    var name: ByteString = "uid"
    var domain = ByteString.empty
    var path: ByteString = "/"
    var expiry = Expiry.session
    var flags = Flags.off
    var p3p = ByteString.empty
    var mark: UInt8?
    /// Nil: nothing in version 1, the server's address in version 2.
    var service: Int?
}
