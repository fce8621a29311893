/// ngx_http_auth_basic_module: asks for a user's name and password and looks them up in a file of hashes.
///
/// The file is read anew for each request, as in nginx, so that changes hold at once; it is read in pieces and never held whole.
enum AuthBasic {
    static let slot = Slot(.authBasic, initial: AuthBasicSettings())

    /// Whether requests of a block have to be asked at all.
    static func isUsed(_ settings: SettingsTable) -> Bool {
        let settings = settings.box(slot)
        return settings.value.realm != nil && settings.value.userFile != nil
    }

    static func handle(_ request: Request) -> Verdict {
        let settings = request.location.settings(slot)
        guard let realm = settings.value.realm, let file = settings.value.userFile else {
            return .decline
        }
        let buffers = request.engine.loop.buffers
        let text = buffers.take()
        defer { buffers.give(text) }
        realm.append(to: text, scope: request)
        if text.span.equals("off") { return .decline }

        let credentials = buffers.take()
        defer {
            credentials.wipe()
            buffers.give(credentials)
        }
        guard let end = request.appendCredentials(to: credentials) else {
            request.log(.info) {
                $0.append("no user/password was provided for basic authentication")
            }
            return refuse(request, realm: text)
        }
        let path = buffers.take()
        defer { buffers.give(path) }
        file.append(to: path, scope: request)
        switch PasswordFile.find(credentials.span(0..<end), in: path, request) {
        case .failed(let status): return .answer(status)
        case .absent:
            request.log(.error) {
                $0.append("user \"")
                $0.append(credentials.span(0..<end))
                $0.append("\" was not found in \"")
                $0.append(path)
                $0.append(ASCII.quote)
            }
            return refuse(request, realm: text)
        case .found(let entry):
            defer {
                entry.wipe()
                buffers.give(entry)
            }
            return check(request, credentials, nameEnd: end, entry, realm: text)
        }
    }

    private static func check(
        _ request: Request, _ credentials: Buffer, nameEnd end: Int, _ entry: Buffer,
        realm: Buffer
    ) -> Verdict {
        // To the C library, and so to nginx, a password ends at a NUL.
        let stop = credentials.span.firstIndex(of: ASCII.nul, from: end + 1) ?? credentials.count
        let password = credentials.span(end + 1..<stop)
        do throws(Errno) {
            if try PasswordHash.matches(password, entry.span) { return .allow }
        } catch {
            request.log(.crit, errno: error) { $0.append("crypt_r() failed") }
            return .answer(.internalServerError)
        }
        request.log(.error) {
            $0.append("user \"")
            $0.append(credentials.span(0..<end))
            $0.append("\": password mismatch")
        }
        return refuse(request, realm: realm)
    }

    private static func refuse(_ request: Request, realm: Buffer) -> Verdict {
        let isProxy = request.method == .connect
        let headers = request.response.headers
        let opening = headers.begin(isProxy ? .proxyAuthenticate : .wwwAuthenticate)
        headers.bytes.append("Basic realm=\"")
        for index in 0..<realm.count {
            // A line end from a variable must not begin another header.
            let byte = realm[index]
            headers.bytes.append(byte == ASCII.cr || byte == ASCII.lf ? ASCII.space : byte)
        }
        headers.bytes.append(ASCII.quote)
        headers.end(opening)
        return .answer(isProxy ? .proxyAuthenticationRequired : .unauthorized)
    }
}

/// What the directives of basic authentication set.
struct AuthBasicSettings: Sendable {
    /// What is asked for; nil or "off": nothing.
    var realm: Template?
    var userFile: PathTemplate?
}

/// A path with variables, made absolute when they are known.
struct PathTemplate: Sendable {
    let template: Template
    /// Stands before a relative path.
    let prefix: ByteString

    func append(to out: Buffer, scope: VariableScope) {
        if let constant = template.constant { return out.append(constant.span) }
        let scratch = scope.values.scratch
        let mark = scratch.count
        defer { scratch.truncate(to: mark) }
        template.append(to: scratch, scope: scope)
        if scratch.count == mark || scratch[mark] != ASCII.slash { out.append(prefix) }
        out.append(scratch, mark..<scratch.count)
    }
}
