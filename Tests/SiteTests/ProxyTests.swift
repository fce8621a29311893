import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// What once went wrong between the server and its upstreams.
    @Suite struct Proxying {
        /// An unbuffered body that was complete before the upstream was connected went before the request's head.
        @Test(arguments: [true, false])
        func streamedBodyThatIsCompleteBeforeTheUpstreamIsConnectedFollowsTheHead(_ isChunked: Bool) throws {
            let application = Application()
            let site = try Everything.site(application)
            site.kernel.latency = 50
            let path = "/streamed/echo"
            let request = isChunked ? Everything.postInChunks(path, ["hello"]) : Everything.post(path, "hello")
            let end = request.utf8.count - (isChunked ? 12 : 5)
            let client = site.client([.cut(request, at: end, gap: 20), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.text) == ["hello"])
            #expect(application.requests.count == 1)
            #expect(application.requests.first?.hasPrefix("POST /streamed/echo HTTP/1.1\r\n") == true)
            #expect(site.problems() == [])
        }
    }
}
