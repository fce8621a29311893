/// Checks the parser of upstreams' heads: torn anywhere it says the same. The first byte chooses how the rest is torn. Traps
/// if something does not hold.
public func fuzzResponseHead(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let text = Array(input.dropFirst())
    let whole = ResponseHead(bytes: Buffer(capacity: 64))
    let torn = ResponseHead(bytes: Buffer(capacity: 16))
    let hasStatusLine = options & 1 == 0
    let expected = parse(text, step: max(text.count, 1), into: whole, hasStatusLine)
    let outcome = parse(text, step: Int(options >> 1 & 15) + 1, into: torn, hasStatusLine)
    require(expected == outcome)
    require(whole.fields.count == torn.fields.count)
    require(whole.contentLength == torn.contentLength && whole.isChunked == torn.isChunked)
    require(whole.statusLine == torn.statusLine && whole.status == torn.status)
    if case .failed(let error) = expected {
        let message = Buffer()
        error.appendMessage(to: message, head: whole)
        require(!message.isEmpty)
        return
    }
    let bytes = whole.bytes
    for index in whole.fields.indices {
        let field = whole.fields[index]
        require(field.nameRange == torn.fields[index].nameRange)
        require(field.valueRange == torn.fields[index].valueRange)
        require(bytes.span(field.valueRange).firstLineBreakOrNUL(from: 0) == nil)
        require(!field.nameRange.isEmpty)
    }
    if case .complete(let end) = expected {
        require(end == whole.length && end <= bytes.count)
        require(!(whole.isChunked && whole.contentLength >= 0))
    }
}

private func parse(
    _ text: [UInt8], step: Int, into head: ResponseHead, _ hasStatusLine: Bool
) -> ResponseHeadParser.Outcome {
    var parser = ResponseHeadParser(hasStatusLine: hasStatusLine)
    var start = 0
    repeat {
        let end = min(start + step, text.count)
        head.bytes.append(text.span.extracting(start..<end))
        start = end
        let outcome = parser.parse(into: head)
        if outcome != .needMore { return outcome }
    } while start < text.count
    return .needMore
}
