/// Checks the reader of FastCGI's records: torn anywhere it says the same, and what it says lies within what came. The first byte
/// chooses how the rest is torn, the second how much of a record's content is put back. Traps if something does not hold.
public func fuzzFastCGI(_ input: [UInt8]) {
    guard input.count >= 2 else { return }
    let text = Array(input.dropFirst(2))
    let step = Int(input[0] & 31) + 1
    let whole = read(text, step: max(text.count, 1), unread: 0)
    require(read(text, step: step, unread: 0) == whole)
    // What is put back is read again, and nothing else.
    require(read(text, step: step, unread: Int(input[1])) == whole)
    var told = 0
    for record in whole.records {
        require(record.content.count <= record.length)
        told += 8 + record.content.count
    }
    require(told <= text.count)
    if let fault = whole.fault {
        let message = Buffer()
        fault.appendMessage(to: message)
        require(!message.isEmpty)
    }
}

private struct Reading: Equatable {
    struct Record: Equatable {
        var kind: FastCGIRecords.Kind
        var length: Int
        var content: [UInt8] = []
        var isOver = false
    }

    var records: [Record] = []
    var fault: FastCGIRecords.Fault?
}

private func read(_ text: [UInt8], step: Int, unread: Int) -> Reading {
    var reader = FastCGIRecords()
    var reading = Reading()
    var start = 0
    // Putting back is done once for each piece, or there would be no end of it.
    var mayUnread = true
    while start < text.count {
        let end = min(start + step, text.count)
        let piece = text.span.extracting(start..<end)
        var cursor = 0
        mayUnread = true
        scan: while true {
            let before = cursor
            let event = reader.next(piece, &cursor)
            require(cursor >= before && cursor <= piece.count)
            switch event {
            case .needMore:
                require(cursor == piece.count)
                break scan
            case .begin(let kind, let length):
                require(length <= 65_535)
                reading.records.append(.init(kind: kind, length: length))
            case .content(let kind, let range):
                require(!range.isEmpty && range.upperBound == cursor && range.lowerBound >= before)
                require(reading.records.last?.kind == kind)
                var taken = range
                if mayUnread, unread > 0 {
                    mayUnread = false
                    let excess = unread % (range.count + 1)
                    reader.unread(excess)
                    cursor -= excess
                    taken = range.lowerBound..<range.upperBound - excess
                }
                for index in taken { reading.records[reading.records.count - 1].content.append(piece[index]) }
            case .end(let kind):
                require(reading.records.last?.kind == kind)
                require(reading.records.last.map { $0.content.count == $0.length && !$0.isOver } == true)
                reading.records[reading.records.count - 1].isOver = true
            case .failed(let fault):
                reading.fault = fault
                return reading
            }
        }
        start = end
    }
    return reading
}
