extension Request {
    /// Appends `user:password` of `Authorization: Basic`; nil if there is none. The result is the end of the user's name.
    func appendCredentials(to out: Buffer) -> Int? {
        let field = method == .connect ? FieldName.proxyAuthorization : .authorization
        guard let range = header(field) else { return nil }
        let bytes = head.bytes
        let value = bytes.span(range)
        let scheme: StaticString = "Basic "
        guard value.count > 6, value.extracting(0..<6).equalsIgnoringCase(scheme) else { return nil }
        var start = 6
        while start < value.count, value[start] == ASCII.space { start += 1 }
        let base = out.count
        guard start < value.count, out.append(base64: value.extracting(start..<value.count)) else {
            return nil
        }
        let text = out.span(base..<out.count)
        guard let colon = text.firstIndex(of: ASCII.colon), colon > 0 else {
            out.truncate(to: base)
            return nil
        }
        return base + colon
    }
}
