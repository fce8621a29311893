extension Request {
    /// Whether the client takes a coding, and the settings let it have it: only gzip asks who wants it, and in which version of the
    /// protocol.
    func accepts(_ coding: ContentCoding) -> Bool { acceptedCodings.contains(coding) && (coding != .gzip || isAllowedGzip) }

    /// Whether the settings let the client have gzip, if it takes that.
    var isAllowedGzip: Bool {
        let settings = location.settings(Gzip.slot).value
        if settings.disablesOldExplorers, isOldExplorer { return false }
        if head.version < settings.version { return false }
        if header(.via) != nil, !isGzippedForProxies(settings.proxied) { return false }
        guard !settings.disabledAgents.isEmpty, let agent = header(.userAgent) else { return true }
        let bytes = head.bytes
        for regex in settings.disabledAgents where regex.match(bytes.span(agent)) == .matched {
            return false
        }
        return true
    }

    /// Internet Explorer up to version 6 without its second service pack, which cannot be told what is compressed.
    private var isOldExplorer: Bool {
        guard let field = header(.userAgent) else { return false }
        let bytes = head.bytes
        let agent = bytes.span(field)
        let name: StaticString = "MSIE "
        guard let start = agent.firstIndex(of: name.bytes), start + 7 < agent.count,
            agent[start + 6] == ASCII.dot
        else { return false }
        let opera: StaticString = "Opera"
        if agent.firstIndex(of: opera.bytes) != nil { return false }
        let servicePack: StaticString = "SV1"
        switch agent[start + 5] {
        case UInt8(ascii: "4"), UInt8(ascii: "5"): return true
        case UInt8(ascii: "6"):
            return agent.firstIndex(of: servicePack.bytes, from: start + 8) == nil
        default: return false
        }
    }

    private func isGzippedForProxies(_ rules: GzipSettings.Proxied) -> Bool {
        if rules.contains(.off) { return false }
        if rules.contains(.any) { return true }
        if rules.contains(.authorized), header(.authorization) != nil { return true }
        let headers = response.headers
        let bytes = headers.bytes
        if let index = headers.firstIndex(of: .expires) {
            guard rules.contains(.expired),
                let expires = bytes.span(headers[index].valueRange).httpDate
            else { return false }
            if response.date.isEmpty { return expires < engine.loop.wallSeconds }
            let date = response.date
            guard let sent = date.span.httpDate else { return false }
            return expires < sent
        }
        if headers.contains(.cacheControl) {
            return rules.contains(.noCache) && controls("no-cache")
                || rules.contains(.noStore) && controls("no-store")
                || rules.contains(.private) && controls("private")
        }
        if rules.contains(.noLastModified), headers.contains(.lastModified) { return false }
        if rules.contains(.noETag), headers.contains(.eTag) { return false }
        return true
    }

    /// Whether `Cache-Control` of the answer has this word.
    private func controls(_ word: StaticString) -> Bool {
        let headers = response.headers
        let bytes = headers.bytes
        var index = headers.firstIndex(of: .cacheControl)
        while let found = index {
            let value = bytes.span(headers[found].valueRange)
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                if value.extracting(start..<end).trimmingBlanks.equalsIgnoringCase(word) {
                    return true
                }
                start = end + 1
            }
            index = headers.firstIndex(of: .cacheControl, from: found + 1)
        }
        return false
    }
}
