/// ngx_http_autoindex_module: answers with a list of what is in a folder, for people or for programs.
enum Autoindex {
    static let slot = Slot(.autoindex, initial: AutoindexSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings.box(slot).value.isOn }

    static func handle(_ request: Request) -> Verdict {
        let settings = request.location.settings(slot)
        let path = request.routing.path
        guard settings.value.isOn, !path.isEmpty, path[path.count - 1] == ASCII.slash,
            request.method == .get || request.method == .head
        else { return .decline }
        var format = settings.value.format
        let callback = Buffer(capacity: 16)
        if format == .jsonp {
            guard readCallback(request, into: callback) else { return .answer(.badRequest) }
            if callback.isEmpty { format = .json }
        }
        let listing = FolderListing(request)
        switch listing.open(statuses: !request.response.isHeadOnly) {
        case .opened: break
        case .failed(let status): return .answer(status)
        }
        let response = request.response
        response.status = .ok
        switch format {
        case .html: response.setContentType("text/html" as StaticString)
        case .json: response.setContentType("application/json" as StaticString)
        case .jsonp: response.setContentType("application/javascript" as StaticString)
        case .xml:
            response.setContentType("text/xml" as StaticString)
            response.charset.append("utf-8")
        }
        request.sendHead()
        guard !response.isHeadOnly else {
            request.sendLast()
            return .done
        }
        listing.sort()
        let page = Buffer(capacity: 1_024 + 160 * listing.entries.count)
        switch format {
        case .html: appendHTML(request, listing, to: page)
        case .json: appendJSON(listing, to: page)
        case .jsonp:
            page.append("/* callback */\r\n")
            page.append(callback)
            page.append(ASCII.openParenthesis)
            appendJSON(listing, to: page)
            page.append(");")
        case .xml: appendXML(listing, to: page)
        }
        request.send(.shared(page, 0..<page.count), last: true)
        return .done
    }

    /// The argument `callback`; false if it cannot be the name of a function.
    private static func readCallback(_ request: Request, into name: Buffer) -> Bool {
        guard request.appendArgument(named: "callback", to: name) else { return true }
        var problem: StaticString = ""
        if name.count > 128 { problem = "client sent too long callback name: \"" }
        for index in 0..<name.count where problem.utf8CodeUnitCount == 0 {
            let byte = name[index]
            if byte.isASCIILetter || byte.isASCIIDigit || byte == ASCII.underscore
                || byte == ASCII.dot
            {
                continue
            }
            problem = "client sent invalid callback name: \""
        }
        if problem.utf8CodeUnitCount == 0 { return true }
        request.log(.info) {
            $0.append(problem)
            $0.append(name)
            $0.append(ASCII.quote)
        }
        return false
    }
}

/// What the directives of lists of files set.
struct AutoindexSettings: Sendable {
    enum Format: Sendable {
        case html, xml, json, jsonp
    }

    var isOn = false
    var format = Format.html
    var usesLocalTime = false
    var showsExactSize = true
}

extension Autoindex {
    static var rows: [Row] {
        [
            .flag(
                "autoindex", in: .request, slot, \.isOn,
                "Whether a folder without an index is answered with a list of its files."),
            .choice(
                "autoindex_format", in: .request, slot, \.format,
                [("html", .html), ("json", .json), ("jsonp", .jsonp), ("xml", .xml)],
                "The form of lists of files."),
            .flag(
                "autoindex_localtime", in: .request, slot, \.usesLocalTime,
                "Whether lists in HTML show times of the server's zone instead of UTC."),
            .flag(
                "autoindex_exact_size", in: .request, slot, \.showsExactSize,
                "Whether lists in HTML show sizes in bytes, or rounded."),
        ]
    }
}
