import CNghttp2
import Testing

@testable import ApusServer

/// The same blocks read and written by us and by nghttp2, field by field.
@Suite struct HPACKOracleTests {
    private static let names = [
        ":path", ":method", "cookie", "x-a", "etag", "server", "content-type", "x_b", "very-long-name-of-a-field-that-nobody-knows",
    ]

    private static func text(_ random: inout SystemRandomNumberGenerator) -> [UInt8] {
        let length = Int.random(in: 0..<10, using: &random) == 0
            ? Int.random(in: 0..<3_000, using: &random) : Int.random(in: 0..<40, using: &random)
        let kind = Int.random(in: 0..<4, using: &random)
        return (0..<length).map { _ in
            switch kind {
            case 0: UInt8.random(in: 0...255, using: &random)
            case 1: UInt8.random(in: 0x30...0x39, using: &random)
            default: UInt8.random(in: 0x20...0x7E, using: &random)
            }
        }
    }

    private static func fields(_ random: inout SystemRandomNumberGenerator, _ known: inout [[UInt8]]) -> [([UInt8], [UInt8])] {
        (0..<Int.random(in: 1..<8, using: &random)).map { _ in
            let name = names[Int.random(in: 0..<names.count, using: &random)]
            // Half of the values were there before.
            if known.count > 4, Bool.random(using: &random) {
                return (Array(name.utf8), known[Int.random(in: 0..<known.count, using: &random)])
            }
            let value = text(&random)
            known.append(value)
            return (Array(name.utf8), value)
        }
    }

    @Test func whatNghttp2WritesIsRead() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            let deflater = Deflater()
            let decoder = newDecoder()
            var known: [[UInt8]] = []
            for round in 0..<60 {
                if round % 20 == 19 { deflater.setLimit(Int.random(in: 0...4_096, using: &random)) }
                let fields = Self.fields(&random, &known)
                let block = deflater.encode(fields)
                let output = Buffer()
                var position = 0
                var index = 0
                decoder.begin()
                while position < block.count {
                    let step = decoder.next(block.span, &position, into: output)
                    if case .update = step { continue }
                    guard case .field = step else {
                        Issue.record("no field in \(block): \(decoder.failure.text)")
                        return
                    }
                    let field = decoder.field
                    #expect(Array(copying: output.span(field.start..<field.middle)) == fields[index].0)
                    #expect(Array(copying: output.span(field.middle..<field.end)) == fields[index].1)
                    index += 1
                }
                #expect(index == fields.count)
            }
        }
    }

    @Test func whatIsWrittenNghttp2Reads() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            let inflater = Inflater()
            let encoder = HPACKEncoder()
            var known: [[UInt8]] = []
            for round in 0..<60 {
                if round % 20 == 19 {
                    for _ in 0..<Int.random(in: 1...3, using: &random) {
                        let limit = Int.random(in: 0...6_000, using: &random)
                        inflater.setLimit(limit)
                        encoder.setLimit(limit)
                    }
                }
                let fields = Self.fields(&random, &known).filter { $0.0[0] != 0x3A }
                let output = Buffer()
                encoder.begin(output)
                encoder.append(Status(rawValue: 418), output)
                encoder.append(contentLength: 12_345, output)
                for (name, value) in fields {
                    let known = FieldName(name.span)
                    if known == .other {
                        encoder.append(named: name.span, value.span, output)
                    } else {
                        encoder.append(known, value.span, output)
                    }
                }
                let got = inflater.decode(Array(copying: output.span))
                let told = [(":status", "418"), ("content-length", "12345")].map { (Array($0.0.utf8), Array($0.1.utf8)) }
                #expect(got.map { $0.0 } == (told + fields).map { $0.0 })
                #expect(got.map { $0.1 } == (told + fields).map { $0.1 })
            }
        }
    }

    @Test func whatComesAgainTakesAByte() {
        let encoder = HPACKEncoder()
        var sizes: [Int] = []
        for value in ["text/html", "text/html", "text/plain", "text/plain"] {
            let output = Buffer()
            encoder.append(.contentType, value.utf8Span.span, output)
            sizes.append(output.count)
        }
        #expect(sizes[0] > 5 && sizes[1] == 1 && sizes[2] > 5 && sizes[3] == 1)
        // A peer that has no table gets every field in full.
        encoder.setLimit(0)
        let output = Buffer()
        encoder.begin(output)
        #expect(output.count == 1 && output[0] == 0x20)
        for _ in 0..<2 {
            let field = Buffer()
            encoder.append(.contentType, "text/html".utf8Span.span, field)
            #expect(field.count > 5)
        }
    }
}

/// nghttp2's side that writes.
@safe private final class Deflater {
    private var own: OpaquePointer?

    init() { _ = unsafe nghttp2_hd_deflate_new(&own, 4_096) }
    deinit { unsafe nghttp2_hd_deflate_del(own) }

    func setLimit(_ size: Int) { _ = unsafe nghttp2_hd_deflate_change_table_size(own, size) }

    func encode(_ fields: [([UInt8], [UInt8])]) -> [UInt8] {
        let block = HTTP2FieldBlock()
        for (name, value) in fields { block.append(named: name.span, value.span) }
        var output = [UInt8](repeating: 0, count: 100_000)
        let count = unsafe block.withPlaces(flags: 0) { places, count in
            unsafe nghttp2_hd_deflate_hd(own, &output, output.count, places, count)
        }
        return Array(output[..<count])
    }
}

/// nghttp2's side that reads.
@safe private final class Inflater {
    private var own: OpaquePointer?

    init() { _ = unsafe nghttp2_hd_inflate_new(&own) }
    deinit { unsafe nghttp2_hd_inflate_del(own) }

    func setLimit(_ size: Int) { _ = unsafe nghttp2_hd_inflate_change_table_size(own, size) }

    func decode(_ block: [UInt8]) -> [([UInt8], [UInt8])] {
        var fields: [([UInt8], [UInt8])] = []
        var start = 0
        while true {
            var field = unsafe nghttp2_nv()
            var flags: Int32 = 0
            let count = unsafe block.withUnsafeBufferPointer {
                unsafe nghttp2_hd_inflate_hd2(own, &field, &flags, $0.baseAddress.map { unsafe $0 + start }, block.count - start, 1)
            }
            guard count >= 0 else { return fields + [(Array("failed".utf8), [])] }
            start += count
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                fields.append(
                    unsafe (
                        Array(UnsafeBufferPointer(start: field.name, count: field.namelen)),
                        Array(UnsafeBufferPointer(start: field.value, count: field.valuelen))
                    ))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
        }
        unsafe nghttp2_hd_inflate_end_headers(own)
        return fields
    }
}
