import Foundation
@testable import ApusServer
import Testing

/// Runs every fuzz target over its corpus in Tests/Corpus, each input cut at every byte, and over twenty thousand mutations
/// (fewer where one takes long) made with a fixed seed.
@Suite struct MutationTests {
    @Test func requestHeads() throws {
        let inputs = try corpus("request-head")
        mutate(inputs, fuzzRequestHead)
        mutateOptions(inputs, fuzzRequestHead, bytes: 2)
    }

    @Test func responseHeads() throws {
        let inputs = try corpus("response-head")
        mutate(inputs, fuzzResponseHead)
        mutateOptions(inputs, fuzzResponseHead, bytes: 1)
    }

    @Test func uris() throws { mutate(try corpus("uri"), fuzzURI) }

    @Test func pagesWithCommands() throws {
        let inputs = try corpus("ssi")
        mutate(inputs, fuzzSSI)
        mutateOptions(inputs, fuzzSSI, bytes: 1)
    }

    @Test func codings() throws { mutate(try corpus("accept-encoding"), fuzzAcceptEncoding) }

    @Test func fastCGI() throws {
        let inputs = try corpus("fastcgi")
        mutate(inputs, fuzzFastCGI)
        mutateOptions(inputs, fuzzFastCGI, bytes: 2)
    }

    @Test func proxyHeaders() throws {
        let inputs = try corpus("proxy-protocol")
        mutate(inputs, fuzzProxyProtocol)
        mutateOptions(inputs, fuzzProxyProtocol, bytes: 1)
    }

    @Test func http2() throws {
        let inputs = try corpus("http2")
        mutate(inputs, fuzzHTTP2)
        mutateOptions(inputs, fuzzHTTP2, bytes: 1)
    }

    @Test func http2Answers() throws {
        let inputs = try corpus("http2-answer")
        mutate(inputs, fuzzHTTP2Answer)
        mutateOptions(inputs, fuzzHTTP2Answer, bytes: 1)
    }

    /// Handshakes take their time.
    @Test func tls() throws { mutate(try corpus("tls"), fuzzTLS, rounds: 500) }

    @Test func chunkedBodies() throws {
        let inputs = try corpus("chunked")
        mutate(inputs, fuzzChunked)
        mutateOptions(inputs, fuzzChunked, bytes: 1)
    }
}

/// The files of a corpus, in the order of their names.
private func corpus(_ name: String) throws -> [[UInt8]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Corpus/\(name)")
    let files = try FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)
    return try files.sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
}

/// Every value of the option bytes in front of every seed.
private func mutateOptions(_ seeds: [[UInt8]], _ target: ([UInt8]) -> Void, bytes: Int) {
    for seed in seeds {
        var input = seed
        for option in UInt8.min...UInt8.max {
            input[0] = option
            if bytes == 2 { input[1] = option >> 3 }
            target(input)
        }
    }
}

private func mutate(_ texts: [[UInt8]], _ target: ([UInt8]) -> Void, rounds: Int = 20_000) {
    for text in texts {
        for end in 0...text.count { target(Array(text[..<end])) }
    }
    var random = SplitMix(state: 42)
    let interesting = Array("\r\n\0 \t:/.%?#+;,-_0aA9fHC[]\u{7f}".utf8) + [0x80, 0xFF]
    for _ in 0..<rounds {
        var text = texts[random.below(texts.count)]
        for _ in 0...random.below(4) {
            guard !text.isEmpty else { break }
            let index = random.below(text.count)
            switch random.below(5) {
            case 0: text[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: text[index] = interesting[random.below(interesting.count)]
            case 2: text.insert(interesting[random.below(interesting.count)], at: index)
            case 3: text.removeSubrange(index..<min(text.count, index + 1 + random.below(3)))
            default:
                let other = texts[random.below(texts.count)]
                let start = random.below(other.count)
                text.insert(contentsOf: other[start..<min(other.count, start + 16)], at: index)
            }
        }
        target(text)
    }
}

/// A small generator with a fixed seed, so that a failure comes again.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
