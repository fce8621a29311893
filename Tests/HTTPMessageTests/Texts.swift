@testable import ApusServer

extension Buffer {
    /// The bytes as text: an expectation may not hold a span.
    var text: String { span.text }
}
