/// ngx_http_headers_module: header and trailer fields that the configuration adds to answers, and when answers expire.
enum Headers {
    static let slot = Slot(.headers, initial: HeadersSettings())

    /// Whether answers of a location have to pass the filter.
    static func isUsed(_ settings: SettingsTable) -> Bool {
        let own = settings[slot]
        return own.expiry != nil || !own.headers.effective.isEmpty
            || !own.trailers.effective.isEmpty
    }

    static func filterHead(_ request: Request) {
        let settings = request.location.settings(slot).value
        let isSafe = isSafe(request.response.status)
        if isSafe, let expiry = settings.expiry { expiry.apply(to: request) }
        let headers = settings.headers.effective
        for index in headers.indices where isSafe || headers[index].isAlways {
            headers[index].apply(to: request)
        }
        for trailer in settings.trailers.effective where isSafe || trailer.isAlways {
            request.response.hasTrailers = true
            break
        }
    }

    /// Adds the trailer fields to those of the response, when the body is complete.
    static func addTrailers(to request: Request) {
        let trailers = request.location.settings(slot).value.trailers.effective
        guard !trailers.isEmpty else { return }
        let isSafe = isSafe(request.response.status)
        let list = request.response.trailers ?? HeaderList(capacity: 128)
        request.response.trailers = list
        for index in trailers.indices where isSafe || trailers[index].isAlways {
            let trailer = trailers[index]
            let opening = list.begin(named: trailer.name.span)
            let start = list.bytes.count
            trailer.value.append(to: list.bytes, scope: request)
            if list.bytes.count == start { list.abandon(opening) } else { list.end(opening) }
        }
    }

    /// The statuses whose answers get the fields that are not marked `always`.
    private static func isSafe(_ status: Status) -> Bool {
        switch status.rawValue {
        case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308: true
        default: false
        }
    }
}

/// What ngx_http_headers_module's directives set for a location.
struct HeadersSettings: Sendable {
    /// Nil: `off`.
    var expiry: Expiry?
    var headers = AddedFields()
    var trailers = AddedFields()

    init() {}
}

/// The fields of `add_header` or `add_trailer` in one block, and how they come together with those of the outer block.
struct AddedFields: Sendable {
    enum Inheritance: Sendable { case on, off, merge }

    /// What holds in this block: its own and perhaps the outer block's.
    var effective: [AddedField] = []
    /// Those that the block with the identity `owner` names itself.
    var own: [AddedField] = []
    var owner: ObjectIdentifier?
    var inheritance = Inheritance.on

    /// The fields that hold in a block, given those of the block around it.
    func settled(in scope: Scope, outer: [AddedField]) -> [AddedField] {
        let hasOwn = owner == ObjectIdentifier(scope)
        switch inheritance {
        case .on: return hasOwn ? own : outer
        case .off: return hasOwn ? own : []
        case .merge: return hasOwn ? own + outer : outer
        }
    }
}

/// One `add_header` or `add_trailer`.
struct AddedField: Sendable {
    /// What is done with the value.
    enum Kind: Sendable {
        /// It becomes one more field.
        case added
        /// It replaces the field that is there; without a value, that field goes.
        case entityTag
        case lastModified
    }

    let name: ByteString
    let field: FieldName
    let kind: Kind
    let value: Template
    let isAlways: Bool

    init(name: ByteString, value: Template, isAlways: Bool) {
        self.name = name
        self.value = value
        self.isAlways = isAlways
        field = FieldName(name.span)
        switch field {
        case .eTag: kind = .entityTag
        case .lastModified: kind = .lastModified
        default: kind = .added
        }
    }

    func apply(to request: Request) {
        let response = request.response
        let headers = response.headers
        let opening = headers.begin(named: name.span, field)
        let start = headers.bytes.count
        // Variables may show the list itself, but only its finished fields.
        value.append(to: headers.bytes, scope: request)
        let value = ByteRange(start, headers.bytes.count)
        if kind == .lastModified {
            let bytes = headers.bytes
            response.lastModified = bytes.span(value).httpDate ?? -1
        }
        guard !value.isEmpty else {
            headers.abandon(opening)
            if kind != .added { headers.removeAll(field) }
            return
        }
        if kind != .added, let index = headers.firstIndex(of: field) {
            headers.setValueRange(at: index, value)
        } else {
            headers.end(opening)
        }
    }
}
