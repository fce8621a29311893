@testable import ApusServer
@testable import Simulation

/// An answer as a client reads it.
struct Answer: Equatable, CustomStringConvertible {
    var status = 0
    /// The lines of the head, without that of the date.
    var head: [String] = []
    var body: [UInt8] = []
    /// All of it came, as far as its head tells where it ends.
    var isComplete = false

    var text: String { String(decoding: body, as: UTF8.self) }

    var description: String {
        let shown = body.count > 300 ? "\(body.count) bytes" : text.debugDescription
        return "\(head.joined(separator: " | ")) => \(shown)\(isComplete ? "" : " (incomplete)")"
    }

    /// Without the boundary of several ranges, which is another each time.
    var withoutBoundary: Answer {
        guard let boundary = value(of: "Content-Type")?.split(separator: "boundary=").dropFirst().first
        else { return self }
        var copy = self
        copy.head = head.map { $0.split(separator: boundary, omittingEmptySubsequences: false).joined(separator: "B") }
        copy.body = Array(text.split(separator: boundary, omittingEmptySubsequences: false).joined(separator: "B").utf8)
        return copy
    }

    func value(of name: String) -> String? {
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { continue }
            return String(parts[1].drop { $0 == " " })
        }
        return nil
    }

    /// All answers in what a client received, one behind the other. Those to HEAD requests have no body: their places are
    /// `headOnly`. A body without a length goes to the end.
    static func all(in bytes: [UInt8], headOnly: Set<Int> = []) -> [Answer] {
        var answers: [Answer] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let (answer, length) = first(in: rest, isHeadOnly: headOnly.contains(answers.count))
            answers.append(answer)
            rest = rest.dropFirst(length)
        }
        return answers
    }

    /// A request, as an upstream reads it; `status` says nothing.
    static func request(in bytes: [UInt8]) -> Answer {
        first(in: bytes[...], isHeadOnly: false, isRequest: true).0
    }

    private static func first(
        in bytes: ArraySlice<UInt8>, isHeadOnly: Bool, isRequest: Bool = false
    ) -> (Answer, length: Int) {
        var answer = Answer()
        guard let end = end(ofHead: bytes) else {
            answer.head = [String(decoding: bytes, as: UTF8.self)]
            return (answer, bytes.count)
        }
        var lines: [String] = []
        var line: [UInt8] = []
        for byte in bytes[..<end] {
            if byte != 10 {
                line.append(byte)
                continue
            }
            if line.last == 13 { line.removeLast() }
            lines.append(String(decoding: line, as: UTF8.self))
            line = []
        }
        answer.head = lines.filter { !$0.isEmpty && !$0.hasPrefix("Date: ") }
        answer.status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        let body = bytes[end...]
        let headLength = end - bytes.startIndex
        let status = answer.status
        let hasNoBody = status == 304 || status == 204 || status < 200 && status != 101
        if isHeadOnly || hasNoBody && !isRequest {
            answer.isComplete = true
            return (answer, headLength)
        }
        if answer.value(of: "Transfer-Encoding") == "chunked" {
            let length = answer.takeChunks(body)
            return (answer, headLength + length)
        }
        if let length = answer.value(of: "Content-Length").flatMap(Int.init) {
            answer.body = Array(body.prefix(length))
            answer.isComplete = body.count >= length
            return (answer, headLength + answer.body.count)
        }
        if isRequest {
            answer.isComplete = true
            return (answer, headLength)
        }
        answer.body = Array(body)
        return (answer, bytes.count)
    }

    static func end(ofHead bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while index + 3 < bytes.endIndex {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }

    /// Decodes a chunked body; returns its length on the wire.
    private mutating func takeChunks(_ bytes: ArraySlice<UInt8>) -> Int {
        var position = bytes.startIndex
        while true {
            guard let lineEnd = bytes[position...].firstIndex(of: 10) else { return bytes.count }
            let line = String(decoding: bytes[position..<lineEnd].dropLast(), as: UTF8.self)
            guard let size = Int(line, radix: 16) else { return bytes.count }
            position = lineEnd + 1
            if size == 0 {
                // Trailers, and the empty line.
                while let end = bytes[position...].firstIndex(of: 10) {
                    let isLast = end - position < 2
                    if !isLast { head.append("trailer " + String(decoding: bytes[position..<end - 1], as: UTF8.self)) }
                    position = end + 1
                    if isLast {
                        isComplete = true
                        return position - bytes.startIndex
                    }
                }
                return bytes.count
            }
            guard position + size + 2 <= bytes.endIndex else {
                body += bytes[position...].prefix(size)
                return bytes.count
            }
            body += bytes[position..<position + size]
            position += size + 2
        }
    }
}

/// Counts complete answers as they come, without reading what it has seen again.
struct AnswerCounter {
    /// Places of answers to HEAD requests.
    var headOnly: Set<Int> = []
    /// Complete answers, interim ones not counted.
    private(set) var count = 0
    private var position = 0
    /// The head of the answer under way is there; its body goes on at `position`.
    private var body = Body.none

    private enum Body {
        case none
        case length(Int)
        case chunks
        case untilEnd
    }

    init(headOnly: Set<Int> = []) {
        self.headOnly = headOnly
    }

    mutating func update(_ bytes: [UInt8]) {
        while true {
            switch body {
            case .none:
                guard let end = Answer.end(ofHead: bytes[position...]) else { return }
                begin(Answer.all(in: Array(bytes[position..<end]))[0])
                position = end
            case .length(let length):
                if bytes.count - position < length { return }
                position += length
                complete()
            case .chunks:
                guard let (length, isLast) = Self.chunk(bytes, at: position) else { return }
                position += length
                if isLast { complete() }
            case .untilEnd: return
            }
        }
    }

    private mutating func begin(_ answer: Answer) {
        let status = answer.status
        if status < 200, status != 101 { return }
        if headOnly.contains(count) || status == 304 || status == 204 {
            body = .length(0)
        } else if answer.value(of: "Transfer-Encoding") == "chunked" {
            body = .chunks
        } else if let length = answer.value(of: "Content-Length").flatMap(Int.init) {
            body = .length(length)
        } else {
            body = .untilEnd
        }
    }

    private mutating func complete() {
        count += 1
        body = .none
    }

    /// The bytes of the chunk that begins there, if it is complete; with the last one those of the trailers.
    private static func chunk(_ bytes: [UInt8], at start: Int) -> (length: Int, isLast: Bool)? {
        guard let end = bytes[start...].prefix(12).firstIndex(of: 10),
            let size = Int(String(decoding: bytes[start..<end - 1], as: UTF8.self), radix: 16)
        else { return nil }
        if size == 0 {
            // Behind the size, or the last trailer, follows an empty line.
            return Answer.end(ofHead: bytes[(end - 1)...]).map { ($0 - start, true) }
        }
        let length = end + 1 - start + size + 2
        return bytes.count - start < length ? nil : (length, false)
    }
}

extension ScriptedPeer {
    var answers: [Answer] { Answer.all(in: received) }

    /// For an upstream: the request that is being received is there whole.
    var hasRequest: Bool { Answer.request(in: received).isComplete }
}

extension ScriptedPeer.Step {
    /// Goes on when so many answers are complete, or none can be any more.
    static func wait(answers count: Int, headOnly: Set<Int> = []) -> Self {
        var counter = AnswerCounter(headOnly: headOnly)
        // A script may be played by several peers.
        weak var counted: ScriptedPeer?
        return .wait { peer in
            if counted !== peer { counter = AnswerCounter(headOnly: headOnly) }
            counted = peer
            counter.update(peer.received)
            return peer.isOver || counter.count >= count
        }
    }

    /// For an upstream: plays the steps for each request that comes, one after the other.
    static func answerEach(with steps: [Self]) -> [Self] {
        [.wait { $0.hasRequest }, .act { $0.takeReceived() }] + steps
            + [.act { $0.append(answerEach(with: steps)) }]
    }
}
