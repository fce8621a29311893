import Testing

@testable import ApusServer

/// Records of FastCGI, read and written.
@Suite struct FastCGIRecordTests {
    private func record(_ kind: UInt8, _ content: String, padding: UInt8 = 0) -> [UInt8] {
        let bytes = Array(content.utf8)
        return [1, kind, 0, 1, UInt8(bytes.count >> 8), UInt8(bytes.count & 255), padding, 0] + bytes
            + [UInt8](repeating: 9, count: Int(padding))
    }

    /// What is read of the pieces, a word for each event.
    private func read(_ pieces: [[UInt8]]) -> [String] {
        var records = FastCGIRecords()
        var said: [String] = []
        for piece in pieces {
            var cursor = 0
            scan: while true {
                switch records.next(piece.span, &cursor) {
                case .needMore: break scan
                case .begin(let kind, let count): said.append("begin \(kind) \(count)")
                case .content(let kind, let range): said.append("\(kind): " + String(decoding: piece[range], as: UTF8.self))
                case .end(let kind): said.append("end \(kind)")
                case .failed(let fault):
                    let text = Buffer()
                    fault.appendMessage(to: text)
                    return said + [ByteString(text.span).text]
                }
            }
        }
        return said
    }

    @Test func oneAfterTheOther() {
        let bytes = record(6, "abc", padding: 5) + record(7, "said") + record(6, "") + record(3, "12345678", padding: 1)
        #expect(
            read([bytes]) == [
                "begin output 3", "output: abc", "end output", "begin errors 4", "errors: said", "end errors", "begin output 0",
                "end output", "begin endRequest 8", "endRequest: 12345678", "end endRequest",
            ])
    }

    @Test func tornAtEveryByte() {
        let bytes = record(6, "abc", padding: 5) + record(7, "said") + record(6, "") + record(3, "12345678", padding: 255)
        /// Pieces of one content are put together again.
        func joined(_ said: [String]) -> [String] {
            said.reduce(into: []) { all, word in
                guard let colon = word.firstIndex(of: ":"), let last = all.last, last.hasPrefix(word[...colon]) else { return all.append(word) }
                all[all.count - 1] = last + word[word.index(colon, offsetBy: 2)...]
            }
        }
        let whole = read([bytes])
        for position in 1..<bytes.count {
            #expect(joined(read([Array(bytes[..<position]), Array(bytes[position...])])) == whole, "at \(position)")
        }
        #expect(joined(read(bytes.map { [$0] })) == whole)
    }

    @Test(arguments: [
        ([0], "upstream sent unsupported FastCGI protocol version: 0"), ([2], "upstream sent unsupported FastCGI protocol version: 2"),
        ([1, 0], "upstream sent invalid FastCGI record type: 0"), ([1, 1], "upstream sent invalid FastCGI record type: 1"),
        ([1, 255], "upstream sent invalid FastCGI record type: 255"),
        ([1, 6, 1], "upstream sent unexpected FastCGI request id high byte: 1"),
        ([1, 6, 0, 0], "upstream sent unexpected FastCGI request id low byte: 0"),
    ] as [([UInt8], String)])
    func refusedAtOnce(_ bytes: [UInt8], _ message: String) {
        #expect(read([bytes]) == [message])
        #expect(read(bytes.map { [$0] }) == [message])
    }

    /// What a head tells is only believed when it has come.
    @Test func aLengthThatLiesIsWaitedFor() {
        let bytes: [UInt8] = [1, 6, 0, 1, 255, 255, 255, 0] + Array("abc".utf8)
        #expect(read([bytes]) == ["begin output 65535", "output: abc"])
    }

    @Test func whatIsUnreadIsReadAgain() {
        let bytes = record(6, "X: y\r\n\r\nbody", padding: 2)
        var records = FastCGIRecords()
        var cursor = 0
        #expect(records.next(bytes.span, &cursor) == .begin(.output, 12))
        #expect(records.next(bytes.span, &cursor) == .content(.output, 8..<20))
        records.unread(4)
        cursor -= 4
        #expect(records.next(bytes.span, &cursor) == .content(.output, 16..<20))
        #expect(records.next(bytes.span, &cursor) == .end(.output))
        #expect(records.next(bytes.span, &cursor) == .needMore)
        #expect(cursor == bytes.count)
    }

    @Test func lengthsTakeOneByteOrFour() {
        let output = Buffer()
        for length in [0, 127, 128, 65_535, 0x7FFF_FFFF] { FastCGIWriter.append(length: length, to: output) }
        let bytes = output.span
        #expect((0..<bytes.count).map { bytes[$0] } == [
            0, 127, 0x80, 0, 0, 128, 0x80, 0, 255, 255, 0xFF, 0xFF, 0xFF, 0xFF,
        ])
    }

    @Test func aRequestBeginsWithItsRole() {
        let output = Buffer()
        FastCGIWriter.appendBegin(keepsConnection: true, to: output)
        FastCGIWriter.appendParametersHead(0x1234, to: output)
        FastCGIWriter.appendInputHead(0, to: output)
        let bytes = output.span
        #expect((0..<bytes.count).map { bytes[$0] } == [
            1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0,
            1, 4, 0, 1, 0x12, 0x34, 0, 0,
            1, 5, 0, 1, 0, 0, 0, 0,
        ])
    }
}
