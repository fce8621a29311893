/// One rule of `proxy_redirect`, `proxy_cookie_domain` or `proxy_cookie_path`.
struct ProxyRewrite: Sendable {
    enum Pattern: Sendable {
        /// The value begins with this text.
        case prefix(Template)
        /// The value is this domain, with or without a dot before it.
        case domain(Template)
        case regex(Regex)
    }

    var pattern: Pattern
    var replacement: Template

    /// Appends the rewritten value, of which `prefix` bytes stay as they are; false if no rule fits.
    static func applyFirst(
        of rewrites: [ProxyRewrite], _ value: Span<UInt8>, prefix: Int = 0, _ request: Request,
        to output: Buffer
    ) -> Bool {
        for rewrite in rewrites where rewrite.apply(value, prefix, request, to: output) {
            return true
        }
        return false
    }

    private func apply(
        _ value: Span<UInt8>, _ prefix: Int, _ request: Request, to output: Buffer
    ) -> Bool {
        let mark = output.count
        switch pattern {
        case .regex(let regex):
            let subject = value.extracting(prefix..<value.count)
            guard regex.match(subject, in: request) == .matched else { return false }
            output.append(value.extracting(0..<prefix))
            replacement.append(to: output, scope: request)
            return true
        case .prefix(let template):
            template.append(to: output, scope: request)
            let count = output.count - mark
            let fits =
                value.count - prefix >= count
                && output.span(mark..<output.count).equals(
                    value.extracting(prefix..<prefix + count))
            output.truncate(to: mark)
            guard fits else { return false }
            output.append(value.extracting(0..<prefix))
            replacement.append(to: output, scope: request)
            output.append(value.extracting(prefix + count..<value.count))
            return true
        case .domain(let template):
            template.append(to: output, scope: request)
            var start = prefix
            if start < value.count, value[start] == ASCII.dot { start += 1 }
            let fits = output.span(mark..<output.count)
                .equalsIgnoringCase(value.extracting(start..<value.count))
            output.truncate(to: mark)
            guard fits else { return false }
            output.append(value.extracting(0..<start))
            replacement.append(to: output, scope: request)
            return true
        }
    }

    /// `proxy_redirect default`: what `proxy_pass` names becomes the location.
    static func applyDefault(
        _ target: ProxyTarget, _ value: Span<UInt8>, _ prefix: Int, to output: Buffer
    ) -> Bool {
        guard target.template == nil else { return false }
        let rest = value.extracting(prefix..<value.count)
        let url = target.url
        guard rest.hasPrefix(url.span) else { return false }
        var count = url.count
        let hasURI = !target.parts.uri.isEmpty
        if !hasURI {
            // The URL is taken with a slash behind it, which stays.
            guard rest.count > count, rest[count] == ASCII.slash else { return false }
            count += 1
        }
        output.append(value.extracting(0..<prefix))
        if hasURI { output.append(target.location) } else { output.append(ASCII.slash) }
        output.append(rest.extracting(count..<rest.count))
        return true
    }
}
