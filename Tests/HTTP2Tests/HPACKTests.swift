import Testing

@testable import ApusServer

/// What a block decodes to, field by field, or the error's code.
func decodeBlock(_ decoder: HPACKDecoder, _ block: [UInt8]) -> (fields: [String], code: HTTP2Code?) {
    let output = Buffer()
    var position = 0
    var fields: [String] = []
    decoder.begin()
    while position < block.count {
        let before = position
        switch decoder.next(block.span, &position, into: output) {
        case .field:
            let field = decoder.field
            fields.append(output.span(field.start..<field.middle).text + ": " + output.span(field.middle..<field.end).text)
            let facts = HPACKFacts(output.span(field.start..<field.middle), output.span(field.middle..<field.end))
            #expect(facts.name == field.facts.name && facts.kind == field.facts.kind)
            #expect(facts.hasValidValue == field.facts.hasValidValue)
        case .update: break
        case .needMore:
            #expect(position == before)
            return (fields, .frameSizeError)
        case .failed: return (fields, decoder.failure.code)
        }
    }
    return (fields, nil)
}

func newDecoder() -> HPACKDecoder { HPACKDecoder(longest: 8_192, most: 32_768) }

func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue ?? 0) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The blocks of RFC 7541 appendix C, and what is no block at all.
@Suite struct HPACKTests {
    private static let requests = [
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
        [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"],
    ]
    private static let responses = [
        [":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"],
        [":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"],
        [
            ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com",
            "content-encoding: gzip", "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ],
    ]

    @Test(arguments: [
        ["82868441 0f777777 2e657861 6d706c65 2e636f6d", "828684be 58086e6f 2d636163 6865",
         "828785bf 400a6375 73746f6d 2d6b6579 0c637573 746f6d2d 76616c75 65"],
        ["82868441 8cf1e3c2 e5f23a6b a0ab90f4 ff", "828684be 5886a8eb 10649cbf",
         "828785bf 408825a8 49e95ba9 7d7f8925 a849e95b b8e8b4bf"],
    ])
    func requestsOfTheAppendix(_ blocks: [String]) {
        let decoder = newDecoder()
        for (block, fields) in zip(blocks, Self.requests) {
            let got = decodeBlock(decoder, hex(block))
            #expect(got.fields == fields && got.code == nil)
        }
    }

    /// With a table of 256 bytes, so that fields are dropped.
    @Test(arguments: [
        ["48033330 32580770 72697661 7465611d 4d6f6e2c 20323120 4f637420 32303133 2032303a 31333a32 3120474d 546e1768 74747073 "
            + "3a2f2f77 77772e65 78616d70 6c652e63 6f6d", "48033330 37c1c0bf",
         "88c1611d 4d6f6e2c 20323120 4f637420 32303133 2032303a 31333a32 3220474d 54c05a04 677a6970 7738666f 6f3d4153 444a4b48 "
            + "514b425a 584f5157 454f5049 55415851 57454f49 553b206d 61782d61 67653d33 3630303b 20766572 73696f6e 3d31"],
        ["48826402 5885aec3 771a4b61 96d07abe 941054d4 44a82005 95040b81 66e082a6 2d1bff6e 919d29ad 171863c7 8f0b97c8 e9ae82ae 43d3",
         "4883640e ffc1c0bf",
         "88c16196 d07abe94 1054d444 a8200595 040b8166 e084a62d 1bffc05a 839bd9ab 77ad94e7 821dd7f2 e6c7b335 dfdfcd5b 3960d5af "
            + "27087f36 72c1ab27 0fb5291f 95873160 65c003ed 4ee5b106 3d5007"],
    ])
    func responsesOfTheAppendix(_ blocks: [String]) {
        let decoder = newDecoder()
        _ = decodeBlock(decoder, hex("3fe101"))
        for (block, fields) in zip(blocks, Self.responses) {
            let got = decodeBlock(decoder, hex(block))
            #expect(got.fields == fields && got.code == nil)
        }
    }

    @Test(arguments: [
        ("80", HTTP2Code.compressionError), ("be", .compressionError), ("7e 01 61", .compressionError),
        // A name or a value that is missing, or a part of it.
        ("40", .frameSizeError), ("82 44", .frameSizeError), ("44 02 61", .frameSizeError), ("00 03 61 62", .frameSizeError),
        ("ff", .frameSizeError), ("ff ff ff", .frameSizeError), ("42 ff", .frameSizeError),
        // Integers of more than four bytes.
        ("ff ff ff ff ff", .compressionError), ("42 ff ff ff ff ff", .compressionError), ("3f ff ff ff 7f", .compressionError),
        // A table of 4,097 bytes.
        ("3f e2 1f", .compressionError), ("00 00 01 61", .protocolError), ("00 80 01 61", .protocolError),
        // Codes: the one for the end of a string, padding of zeros, and a byte that ends within a code.
        ("44 84 ff ff ff ff", .compressionError), ("44 81 18", .compressionError), ("44 81 fe", .compressionError),
        // A string of 8,193 bytes.
        ("44 7f 82 3f", .enhanceYourCalm),
    ])
    func whatIsNoBlock(_ block: String, _ code: HTTP2Code) {
        #expect(decodeBlock(newDecoder(), hex(block)).code == code)
    }

    @Test func aCodeMayEndWithWholeBytesOfPadding() {
        // "a" is 00011.
        #expect(decodeBlock(newDecoder(), hex("44 81 1f")).fields == [":path: a"])
        #expect(decodeBlock(newDecoder(), hex("44 82 1f ff")).fields == [":path: a"])
        #expect(decodeBlock(newDecoder(), hex("44 85 1f ff ff ff ff")).code == .compressionError)
        #expect(decodeBlock(newDecoder(), hex("44 80")).fields == [":path: "])
    }

    @Test func namesAndValuesOfABlockAreBounded() {
        let decoder = newDecoder()
        let entry = [0x40, 1, 0x61, 0x7F, 0x81, 0x1E] + [UInt8](repeating: 0x62, count: 3_968)
        #expect(decodeBlock(decoder, entry + [UInt8](repeating: 0xBE, count: 7)).code == nil)
        let got = decodeBlock(decoder, [UInt8](repeating: 0xBE, count: 1_000))
        #expect(got.code == .enhanceYourCalm && got.fields.count == 8)
    }

    @Test func aSmallerTableDropsTheOldest() {
        let decoder = newDecoder()
        let block = hex("40 01 61 01 62  40 01 63 01 64")
        #expect(decodeBlock(decoder, block).fields == ["a: b", "c: d"])
        #expect(decodeBlock(decoder, hex("be bf")).fields == ["c: d", "a: b"])
        #expect(decodeBlock(decoder, hex("3f 23 be")).fields == ["c: d"])
        #expect(decodeBlock(decoder, hex("bf")).code == .compressionError)
        // An entry that is larger than the table empties it.
        let other = newDecoder()
        #expect(decodeBlock(other, hex("3f 23") + block + hex("40 01 61 22") + [UInt8](repeating: 0x62, count: 34)).fields.count == 3)
        #expect(decodeBlock(other, hex("be")).code == .compressionError)
    }

    @Test func aBlockThatIsTornAnywhereWaitsForTheRest() {
        let block = hex("82 86 44 8c f1e3c2e5f23a6ba0ab90f4ff 40 8825a849e95ba97d7f 8925a849e95bb8e8b4bf be 3f e1 1f 0f 0d 01 35")
        let whole = decodeBlock(newDecoder(), block).fields
        #expect(whole.count == 6)
        for step in 1..<block.count {
            let decoder = newDecoder()
            decoder.begin()
            let output = Buffer()
            var (position, end, fields) = (0, 0, 0)
            while end < block.count {
                end = min(end + step, block.count)
                let part = block.span.extracting(0..<end)
                while position < end {
                    let before = output.count
                    let next = decoder.next(part, &position, into: output)
                    if case .field = next { fields += 1 }
                    guard case .needMore = next else { continue }
                    #expect(output.count == before)
                    break
                }
            }
            #expect(fields == whole.count && position == block.count, "in steps of \(step)")
        }
    }
}
