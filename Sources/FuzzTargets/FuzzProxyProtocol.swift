/// Checks the reader of PROXY protocol headers: torn anywhere it says the same, never takes bytes behind the header, and what
/// it read can be looked through by any name. The first byte chooses how the rest is torn. Traps if something does not hold.
public func fuzzProxyProtocol(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let text = Array(input.dropFirst())
    let whole = read(text, step: max(text.count, 1))
    let torn = read(text, step: Int(options & 31) + 1)
    require(whole.end == torn.end)
    // The line that a message shows has not always come whole.
    require((whole.error == nil) == (torn.error == nil))
    if let error = whole.error {
        let message = Buffer()
        error.append(to: message)
        require(!message.isEmpty && whole.reader.header == nil)
    }
    require(whole.reader.isComplete == (whole.end != nil))
    require((whole.reader.header == nil) == (torn.reader.header == nil))
    guard let header = whole.reader.header, let other = torn.reader.header else { return }
    require(header.source.text == other.source.text && header.source.port == other.source.port)
    if let address = header.source.address { require(address.port == header.source.port) }
    let names: [ByteString] = [
        "alpn", "authority", "ssl", "ssl_verify", "ssl_cn", "ssl_0x21", "0x", "0x05", "0xffffffffffffffffff",
        "", "ssl_", "x",
    ]
    for name in names {
        let values = (Buffer(), Buffer())
        let found = header.append(addition: name, to: values.0)
        _ = other.append(addition: name, to: values.1)
        require(values.0.span.equals(values.1.span))
        if case .found = found { continue }
        require(values.0.isEmpty)
    }
}

private func read(
    _ text: [UInt8], step: Int
) -> (reader: ProxyProtocolReader, end: Int?, error: ProxyProtocolError?) {
    let reader = ProxyProtocolReader()
    var start = 0
    while start < text.count {
        let end = min(start + step, text.count)
        switch reader.take(text.span.extracting(start..<end)) {
        case .needMore:
            require(!reader.isComplete && reader.hasBegun && reader.incompleteError != nil)
        case .complete(let index):
            require(index > 0 && index <= end - start)
            return (reader, start + index, nil)
        case .failed(let error): return (reader, nil, error)
        }
        start = end
    }
    return (reader, nil, nil)
}
