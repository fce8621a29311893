/// ngx_http_sub_module: replaces texts in answers on their way to the client.
enum Substitution {
    static let slot = Slot(.substitution, initial: SubstitutionSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { !settings.box(slot).value.pairs.isEmpty }

    /// The filter that the body has to pass, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> SubstitutionFilter? {
        let response = request.response
        let settings = request.location.settings(slot)
        guard response.contentLength != 0 else { return nil }
        let type = response.contentType
        guard settings.value.types.matches(type.span(response.mediaType)) else { return nil }
        guard let filter = filter(settings, request) else { return nil }
        if request.isMain {
            response.contentLength = -1
            if settings.value.keepsLastModified {
                response.weakenETag()
            } else {
                response.lastModified = -1
                response.headers.removeAll(.lastModified)
                response.headers.removeAll(.eTag)
            }
        }
        return response.isHeadOnly ? nil : filter
    }

    private static func filter(
        _ settings: Box<SubstitutionSettings>, _ request: Request
    ) -> SubstitutionFilter? {
        let pairs = settings.value.pairs
        let isOnce = settings.value.isOnce
        if let table = settings.value.table {
            return SubstitutionFilter(table, pairs.map(\.value), isOnce: isOnce)
        }
        var patterns: [ByteString] = []
        var values: [Template] = []
        let scratch = Buffer(capacity: 64)
        for pair in pairs {
            scratch.removeAll()
            pair.pattern.append(to: scratch, scope: request)
            // A text that variables leave empty is nowhere.
            if scratch.isEmpty { continue }
            patterns.append(ByteString(scratch.span).lowercased)
            values.append(pair.value)
        }
        guard !patterns.isEmpty else { return nil }
        return SubstitutionFilter(SubstitutionTable(patterns), values, isOnce: isOnce)
    }
}

/// What the directives of the module set for a location.
struct SubstitutionSettings: Sendable {
    struct Pair: Sendable {
        let pattern: Template
        let value: Template
    }

    var pairs: [Pair] = []
    /// Ready for the search; nil if a pattern has variables.
    var table: SubstitutionTable?
    var types = MediaTypes.html
    var isOnce = true
    var keepsLastModified = false
}
