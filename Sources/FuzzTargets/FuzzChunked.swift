/// Checks the chunked coding's decoder: torn anywhere it yields the same data and the same end, and what it yields can be
/// encoded and decoded again. The first byte chooses how the rest is torn. Traps if something does not hold.
public func fuzzChunked(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let text = Array(input.dropFirst())
    let keepsTrailers = options & 1 != 0
    let whole = decode(text, step: max(text.count, 1), keepsTrailers)
    let torn = decode(text, step: Int(options >> 1 & 15) + 1, keepsTrailers)
    require(whole.data.span.equals(torn.data.span))
    require(whole.end == torn.end && whole.isValid == torn.isValid)
    guard !whole.data.isEmpty else { return }
    let encoded = Buffer()
    ChunkedEncoder.appendHead(of: whole.data.count, to: encoded)
    encoded.append(whole.data.span)
    ChunkedEncoder.appendTail(to: encoded)
    ChunkedEncoder.appendEnd(to: encoded)
    let back = decode(Array(copying: encoded.span), step: encoded.count, false)
    require(back.data.span.equals(whole.data.span) && back.end == encoded.count)
}

private func decode(
    _ text: [UInt8], step: Int, _ keepsTrailers: Bool
) -> (data: Buffer, end: Int?, isValid: Bool) {
    var decoder = ChunkedDecoder(keepsTrailers: keepsTrailers)
    let data = Buffer()
    var start = 0
    while start < text.count {
        let end = min(start + step, text.count)
        let piece = text.span.extracting(start..<end)
        var cursor = 0
        var isDone = false
        while !isDone {
            switch decoder.decode(piece, from: cursor) {
            case .needMore:
                isDone = true
            case .invalid:
                return (data, nil, false)
            case .end(let index):
                require(decoder.isAtEnd && index <= piece.count)
                return (data, start + index, true)
            case .data(let range):
                require(range.lowerBound >= cursor && !range.isEmpty)
                data.append(piece.extracting(range))
                cursor = range.upperBound
            }
        }
        start = end
    }
    return (data, nil, true)
}
