/// Checks the search for commands in pages: torn anywhere it finds the same, and text without commands comes out as it went in. The
/// first byte chooses how the rest is torn. Traps if something does not hold.
public func fuzzSSI(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let page = Array(input.dropFirst())
    let whole = read(page, step: max(page.count, 1))
    let torn = read(page, step: Int(options & 15) + 1)
    require(whole.text == torn.text && whole.commands == torn.commands)
    require(whole.text.count <= page.count)
    let opening: StaticString = "<!--#"
    if page.span.firstIndex(of: opening.bytes) == nil { require(whole.text == page) }
}

private func read(_ page: [UInt8], step: Int) -> (text: [UInt8], commands: [ByteString]) {
    var parser = SSIParser(valueLimit: 20)
    var text: [UInt8] = []
    var commands: [ByteString] = []
    var start = 0
    while start < page.count {
        let end = min(start + step, page.count)
        let piece = page.span.extracting(start..<end)
        var position = 0
        reading: while true {
            switch parser.next(piece, from: position) {
            case .needMore: break reading
            case .text(let marks, let range):
                require(range.lowerBound >= position && (marks > 0 || !range.isEmpty))
                text += Array(copying: SSIParser.opening.bytes.extracting(0..<marks))
                text += Array(copying: piece.extracting(range))
                position = range.upperBound
            case .malformed(let end):
                require(end > position && !parser.problem.isEmpty)
                commands.append(parser.problem)
                position = end
            case .command(let end):
                require(end > position && !parser.command.isEmpty && parser.command.count <= 32)
                for parameter in parser.parameters { require(parameter.name.count <= 32 && parameter.value.count <= 20) }
                commands.append(ByteString(parser.command))
                position = end
            }
        }
        start = end
    }
    let marks = parser.takeMarks()
    text += Array(copying: SSIParser.opening.bytes.extracting(0..<marks))
    return (text, commands)
}
