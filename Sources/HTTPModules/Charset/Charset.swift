/// ngx_http_charset_module: names the charset of answers, and recodes them from the one that they are in.
enum Charset {
    static let slot = Slot(.charset, initial: CharsetSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool {
        if case .off = settings[slot].charset { return settings[slot].recodesForUpstreams }
        return true
    }

    /// Sets the charset; returns the filter that recodes the body, or nil when it is sent as it is.
    static func filterHead(_ request: Request) -> CharsetFilter? {
        let response = request.response
        guard !response.contentType.isEmpty else { return nil }
        let target = request.engine.loop.buffers.take()
        let source = request.engine.loop.buffers.take()
        defer {
            request.engine.loop.buffers.give(target)
            request.engine.loop.buffers.give(source)
        }
        guard appendTarget(of: request, to: target) else { return nil }
        guard appendSource(of: request, to: source) else {
            name(target, of: response)
            return nil
        }
        return settle(request, from: source, to: target)
    }

    private static func settle(
        _ request: Request, from source: Buffer, to target: Buffer
    ) -> CharsetFilter? {
        let response = request.response
        let charsets = request.cycle.charsets
        guard let from = charsets.index(of: source.span), let to = charsets.index(of: target.span)
        else {
            if source.span.equalsIgnoringCase(target.span) {
                name(target, of: response)
            } else {
                logNoMap(request, source, target)
            }
            return nil
        }
        if from == to {
            response.dropReceivedCharset()
            name(target, of: response)
            return nil
        }
        if let index = response.headers.firstIndex(of: .contentEncoding),
            !response.headers[index].valueRange.isEmpty
        {
            return nil
        }
        guard let recoding = charsets.recoding(from: from, to: to) else {
            logNoMap(request, source, target)
            return nil
        }
        response.dropReceivedCharset()
        name(target, of: response)
        if recoding.changesLength { response.contentLength = -1 }
        return response.isHeadOnly ? nil : CharsetFilter(recoding)
    }

    /// Redirects have no charset: very old browsers took it for that of the page they led to.
    private static func name(_ charset: Buffer, of response: Response) {
        response.charset.removeAll()
        if response.status == .movedPermanently || response.status == .found { return }
        response.charset.append(charset)
    }

    /// Appends the charset that the answer is to be in; false when it is left as it is.
    private static func appendTarget(of request: Request, to name: Buffer) -> Bool {
        let response = request.response
        // A part of a page has to be in the page's charset.
        guard request.isMain else {
            name.append(request.main.response.charset)
            return !name.isEmpty
        }
        if !response.overridingCharset.isEmpty {
            name.append(response.overridingCharset)
            if request.cycle.charsets.index(of: name.span) != nil { return true }
            request.log(.error) {
                $0.append("unknown charset \"")
                $0.append(name)
                $0.append("\" to override")
            }
            return false
        }
        let settings = request.location.settings(slot).value
        if case .off = settings.charset { return false }
        if response.charset.isEmpty {
            let type = response.contentType
            guard settings.types.contains(type.span(response.mediaType)) else { return false }
        } else if !settings.overrides {
            return false
        }
        return settings.charset.append(to: name, request)
    }

    /// Appends the charset that the answer is in; false when nothing is known of it.
    private static func appendSource(of request: Request, to name: Buffer) -> Bool {
        if !request.response.charset.isEmpty {
            name.append(request.response.charset)
            return true
        }
        return request.location.settings(slot).value.source.append(to: name, request)
    }

    private static func logNoMap(_ request: Request, _ source: Buffer, _ target: Buffer) {
        request.log(.error) {
            $0.append("no \"charset_map\" between the charsets \"")
            $0.append(source)
            $0.append("\" and \"")
            $0.append(target)
            $0.append(ASCII.quote)
        }
    }
}

/// What ngx_http_charset_module's directives set for a location.
struct CharsetSettings: Sendable {
    enum Choice: Equatable, Sendable {
        case off
        case named(ByteString)
        case variable(VariableIndex)

        /// Appends the charset's name; false if there is none.
        func append(to name: Buffer, _ request: Request) -> Bool {
            switch self {
            case .off: return false
            case .named(let text):
                name.append(text)
                return true
            case .variable(let index): return request.append(index, to: name)
            }
        }
    }

    var charset = Choice.off
    var source = Choice.off
    var overrides = false
    var types = MediaTypes([
        "text/html", "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript",
        "application/rss+xml",
    ])
    /// There are `charset_map`s, so that `X-Accel-Charset` may ask for one.
    var recodesForUpstreams = false
}
