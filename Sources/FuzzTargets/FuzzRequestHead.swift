/// Checks the request head's parser: torn anywhere it says the same, and all ranges are sound.
///
/// The first byte of the input chooses the limits, the second how the rest is torn. Traps if something does not hold.
public func fuzzRequestHead(_ input: [UInt8]) {
    guard input.count >= 2 else { return }
    var limits = RequestLimits()
    limits.allowsUnderscores = input[0] & 1 != 0
    limits.ignoresInvalidNames = input[0] & 2 == 0
    limits.allowsConnect = input[0] & 4 != 0
    if input[0] & 8 != 0 {
        limits.bufferSize = 24
        limits.largeBufferSize = 48
        limits.largeBufferCount = 2
    }
    if input[0] & 16 != 0 { limits.fieldCount = 3 }
    let text = Array(input[2...])
    let whole = RequestHead(bytes: Buffer(capacity: 64))
    let torn = RequestHead(bytes: Buffer(capacity: 16))
    whole.bytes.append(text.span)
    var parser = RequestHeadParser()
    let expected = parser.parse(into: whole, limits: limits)
    let outcome = parseTorn(text, step: Int(input[1] & 15) + 1, into: torn, limits)
    check(whole)
    compare(expected, whole, outcome, torn)
    if case .complete = expected { checkComplete(whole) }
}

private func parseTorn(
    _ text: [UInt8], step: Int, into head: RequestHead, _ limits: RequestLimits
) -> RequestHeadParser.Outcome {
    var parser = RequestHeadParser()
    var start = 0
    repeat {
        let end = min(start + step, text.count)
        head.bytes.append(text.span.extracting(start..<end))
        start = end
        let outcome = parser.parse(into: head, limits: limits)
        if outcome != .needMore { return outcome }
    } while start < text.count
    return .needMore
}

private func compare(
    _ expected: RequestHeadParser.Outcome, _ whole: RequestHead,
    _ outcome: RequestHeadParser.Outcome, _ torn: RequestHead
) {
    switch (expected, outcome) {
    case (.needMore, .needMore):
        break
    case (.failed(let left), .failed(let right)):
        require(left.status == right.status)
        let messages = (Buffer(), Buffer())
        left.appendMessage(to: messages.0, head: whole)
        right.appendMessage(to: messages.1, head: torn)
        // The byte behind a refused range has not always come yet.
        require(messages.0.span.equals(messages.1.span))
    case (.complete, .complete):
        require(whole.length == torn.length)
        require(whole.fields.count == torn.fields.count)
        let hosts = (whole.host, torn.host)
        require(hosts.0.span.equals(hosts.1.span))
        require(whole.isComplex == torn.isComplex && whole.isQuoted == torn.isQuoted)
        let ranges = [
            (whole.methodName, torn.methodName), (whole.target, torn.target),
            (whole.path, torn.path), (whole.arguments, torn.arguments),
            (whole.pathExtension, torn.pathExtension), (whole.authority, torn.authority),
            (whole.requestLine, torn.requestLine), (whole.protocolName, torn.protocolName),
        ]
        for (left, right) in ranges { compare(left, whole, right, torn) }
        for index in whole.fields.indices {
            let fields = (whole.fields[index], torn.fields[index])
            require(fields.0.name == fields.1.name)
            compare(fields.0.nameRange, whole, fields.1.nameRange, torn)
            compare(fields.0.valueRange, whole, fields.1.valueRange, torn)
        }
    default:
        preconditionFailure("\(expected) whole, \(outcome) torn")
    }
}

private func compare(
    _ left: ByteRange, _ whole: RequestHead, _ right: ByteRange, _ torn: RequestHead
) {
    let bytes = whole.bytes
    let others = torn.bytes
    require(bytes.span(left).equals(others.span(right)))
}

private func check(_ head: RequestHead) {
    let bytes = head.bytes
    for index in head.fields.indices {
        let field = head.fields[index]
        let name = bytes.span(field.nameRange)
        let value = bytes.span(field.valueRange)
        require(!name.isEmpty && FieldName(name) == field.name)
        require(name.firstIndex(of: ASCII.colon) == nil)
        require(value.firstLineBreakOrNUL(from: 0) == nil)
        if let first = value.indices.first, let last = value.indices.last {
            require(value[first] != ASCII.space && value[last] != ASCII.space)
        }
    }
    let host = head.host
    for index in 0..<host.count {
        require(host[index] > ASCII.space && !host[index].isASCIIUppercase)
    }
}

private func checkComplete(_ head: RequestHead) {
    let bytes = head.bytes
    require(head.length <= bytes.count)
    require(!(head.isChunked && head.contentLength >= 0))
    let line = bytes.span(head.requestLine)
    require(line.firstIndex(of: ASCII.lf) == nil && line.firstIndex(of: ASCII.nul) == nil)
    require(head.version == .http09 || head.version >= .http10)
    if head.version >= .http11 { require(!head.host.isEmpty) }
    let output = Buffer()
    guard let result = head.normalisePath(mergesSlashes: true, into: output) else { return }
    require(output[0] == ASCII.slash && result.path.count == output.count)
    _ = output.span(result.pathExtension)
    _ = bytes.span(head.arguments)
}
