/// ngx_http_ssi_module: pages with commands in them, which include the answers of subrequests, show and set variables, and choose
/// parts of the page.
enum SSI {
    static let slot = Slot(.ssi, initial: SSISettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings.box(slot).value.isOn }

    /// The filter that the body has to pass, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> SSIFilter? {
        let response = request.response
        let settings = request.location.settings(slot)
        let type = response.contentType
        guard response.contentLength != 0, settings.value.types.matches(type.span(response.mediaType))
        else { return nil }
        if request.isMain {
            let date = response.lastModified
            response.forgetLength()
            if settings.value.keepsLastModified {
                response.lastModified = date
                response.weakenETag()
            } else {
                response.lastModified = -1
                response.headers.removeAll(.lastModified)
                response.headers.removeAll(.eTag)
            }
        }
        if response.isHeadOnly { return nil }
        let filter = SSIFilter(settings, page(of: request))
        request.setState(.ssi, filter)
        return filter
    }

    /// What all parts of a page share.
    private static func page(of request: Request) -> SSIPage {
        let main = request.main
        if let known = main.state(.ssiPage, as: SSIPage.self) { return known }
        let made = SSIPage()
        main.setState(.ssiPage, made)
        return made
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        for (name, isLocal) in [("date_local", true), ("date_gmt", false)] {
            try registry.declareValue(ByteString(name), .noCacheable) { request, out in
                let form = request.state(.ssi, as: SSIFilter.self)?.dateForm ?? SSIFilter.usualDateForm
                let now = request.engine.loop.wallSeconds
                if form == "%s" {
                    out.append(decimal: now)
                    return true
                }
                guard
                    let text = TimeText.format(
                        form.bytes + [0], secondsSinceEpoch: now, isLocal: isLocal)
                else { return false }
                out.append(text.span)
                return true
            }
        }
    }

    static var rows: [Row] {
        [
            .flag(
                "ssi", in: [.request, .ifInLocation], slot, \.isOn,
                "Whether commands in answers are obeyed."),
            .flag(
                "ssi_silent_errors", in: .request, slot, \.isSilent,
                "Whether wrong commands leave no message in the page."),
            .size(
                "ssi_value_length", in: .request, slot, \.valueLength,
                "How long the value of a command's parameter may be."),
            .mediaTypes(
                "ssi_types", in: .request, slot, \.types,
                "Media types of answers in which commands are obeyed, besides text/html."),
            .flag(
                "ssi_last_modified", in: .request, slot, \.keepsLastModified,
                "Whether answers keep their date of modification."),
            .ignoredSize(
                "ssi_min_file_chunk", in: .request, "The least part of a file that is sent as such.",
                reason: "what was searched for commands is in memory, and is sent from there"),
            .ignored(
                "ssi_ignore_recycled_buffers", in: .request, .one, "How nginx's buffers are used again.",
                reason: "there are no such buffers", syntax: "on | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                _ = try invocation.flag()
            },
        ]
    }
}

/// What the directives of the module set.
struct SSISettings: Sendable {
    var isOn = false
    var isSilent = false
    var valueLength = 255
    var types = MediaTypes.html
    var keepsLastModified = false
}

/// What the main request and the subrequests that make parts of its page share: variables, blocks, and groups of the last match.
final class SSIPage {
    private var variables: [(name: ByteString, value: ByteString, isComputed: Bool)] = []
    /// Bytes of the values that were computed from others.
    private var computedBytes = 0
    private(set) var blocks: [(name: ByteString, text: Buffer)] = []
    let captures = Captures()

    /// The value of a variable that the page has set, by its name in lower case, or of a group.
    func value(of name: ByteString) -> ByteString? {
        if name.count == 1, name[0].isASCIIDigit {
            let captures = captures
            let number = Int(name[0] - ASCII.zero)
            if number < captures.count { return ByteString(captures.group(number)) }
        }
        return variables.first { $0.name == name }?.value
    }

    func set(_ name: ByteString, _ value: ByteString) {
        store(name.lowercased, value, isComputed: false)
    }

    /// Likewise for a value that a command makes of others, which could double what there is with each command. False: all such
    /// values would be longer than this together, and the variable keeps what it has.
    func compute(_ name: ByteString, _ value: ByteString, atMost limit: Int) -> Bool {
        let name = name.lowercased
        let present = variables.first { $0.name == name && $0.isComputed }?.value.count ?? 0
        guard computedBytes - present + value.count <= limit else { return false }
        store(name, value, isComputed: true)
        return true
    }

    private func store(_ name: ByteString, _ value: ByteString, isComputed: Bool) {
        if isComputed { computedBytes += value.count }
        if let index = variables.firstIndex(where: { $0.name == name }) {
            if variables[index].isComputed { computedBytes -= variables[index].value.count }
            variables[index] = (name, value, isComputed)
        } else {
            variables.append((name, value, isComputed))
        }
    }

    func beginBlock(_ name: ByteString) { blocks.append((name, Buffer(capacity: 256))) }

    func block(named name: ByteString) -> Buffer? { blocks.first { $0.name == name }?.text }
}
