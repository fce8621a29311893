import Bytes
package import HTTPMessage

/// Why an upstream's head is refused.
package enum ResponseError: Error, Equatable, Sendable {
    case noStatusLine
    case invalidFieldLine(ByteRange)
}

/// Reads the head of an upstream's answer from `head.bytes`, however torn.
package struct ResponseHeadParser {
    package typealias Outcome = ParseOutcome<ResponseError>

    package init(start: Int = 0) {
    }

    package mutating func parse(into head: ResponseHead) -> Outcome { .needMore }
}
