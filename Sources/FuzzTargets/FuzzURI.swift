/// Checks the path's normaliser and the escapes: a normalised path begins with `/`, holds no NUL and no dot segment, and
/// stays as it is when escaped and normalised again. The first byte chooses the options. Traps if something does not hold.
public func fuzzURI(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let text = Array(input.dropFirst())
    checkEscapes(text)
    checkUnsafe(text)
    _ = text.span.httpDate
    let name: StaticString = "ab"
    _ = text.span.argument(named: name.bytes)
    _ = text.span.listValue(named: name.bytes, separator: ASCII.semicolon)
    var field = RangeField()
    for length in [0, 1, 100, Int.max] {
        let verdict = field.parse(text.span, contentLength: length, limit: options > 64 ? 2 : nil)
        if verdict == .ranges {
            for range in field.ranges { require(!range.isEmpty && range.upperBound <= length) }
        }
    }
    let head = RequestHead(bytes: Buffer())
    head.bytes.append(ASCII.slash)
    head.bytes.append(text.span)
    guard head.readTarget(ByteRange(0, text.count + 1)) else { return }
    checkPath(head, merges: options & 1 != 0)
}

private func checkPath(_ head: RequestHead, merges: Bool) {
    let bytes = head.bytes
    let output = Buffer()
    let needed = head.needsNormalising
    guard let result = head.normalisePath(mergesSlashes: merges, into: output) else { return }
    let path = output.span
    require(path[0] == ASCII.slash)
    require(path.firstIndex(of: ASCII.nul) == nil)
    require(!path.holds("/../") && !path.hasSuffix("/.."))
    require(!path.holds("/./") && !path.hasSuffix("/."))
    if merges { require(!path.holds("//")) }
    require(result.path == ByteRange(0, output.count))
    _ = output.span(result.pathExtension)
    _ = bytes.span(head.arguments)
    if !needed {
        // What needs no normalising must be the same to the normaliser.
        let other = Buffer()
        let full = URINormaliser.normalise(
            bytes.span(head.target), mergesSlashes: merges, into: other)
        require(full != nil && other.span.equals(path))
        require(full?.pathExtension == result.pathExtension)
    }
    let escaped = Buffer()
    escaped.append(escaped: path, for: .path)
    let again = Buffer()
    let stable = URINormaliser.normalise(escaped.span, mergesSlashes: merges, into: again)
    require(stable != nil && again.span.equals(path))
}

private func checkEscapes(_ text: [UInt8]) {
    let escaped = Buffer()
    let back = Buffer()
    for purpose in URIEscaping.allCases {
        escaped.removeAll()
        back.removeAll()
        escaped.append(escaped: text.span, for: purpose)
        require(escaped.count == text.count + 2 * purpose.escapedCount(text.span))
        back.append(unescaping: escaped.span)
        // All purposes but the refresh escape `%`; all that escape it can be undone.
        if purpose.escapes(ASCII.percent) { require(back.span.equals(text.span)) }
    }
    escaped.removeAll()
    escaped.append(htmlEscaped: text.span)
    require(escaped.span.firstIndex(of: ASCII.less) == nil)
    for mode in [Buffer.Unescaping.all, .uri, .redirect] {
        back.removeAll()
        let read = back.append(unescaping: text.span, mode)
        require(read <= text.count && back.count <= text.count)
    }
}

private func checkUnsafe(_ text: [UInt8]) {
    let output = Buffer()
    guard UnsafeURI(text.span, into: output) != nil else {
        require(output.isEmpty)
        return
    }
    let path = output.span
    require(path.firstIndex(of: ASCII.nul) == nil)
    require(!path.holds("/../"))
}
