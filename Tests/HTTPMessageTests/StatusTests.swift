@testable import ApusServer
import Testing

@Suite struct StatusTests {
    @Test func linesAreNginxs() {
        #expect(Status.notFound.line.description == "404 Not Found")
        #expect(Status.found.line.description == "302 Moved Temporarily")
        #expect(Status.requestTimeout.line.description == "408 Request Time-out")
    }

    @Test func aStatusWithoutPhraseIsWrittenWithASpace() {
        let output = Buffer()
        output.append(statusLine: 418)
        output.append(statusLine: .ok)
        #expect(output.text == "418 200 OK")
    }
}
