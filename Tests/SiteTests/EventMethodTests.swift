import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// A kernel that refuses io_uring.
    @Suite struct EventMethods {
        @Test(arguments: [
            (Errno.notPermitted, "which a seccomp profile or the setting kernel.io_uring_disabled forbids"),
            (Errno.noSystemCall, "which this kernel is built without, or a seccomp profile forbids"),
            (Errno.invalid, "which takes Linux 6.1 or later"),
        ])
        func aRefusedRingIsSaidOnceAndEpollServes(_ refusal: Errno, _ reason: String) throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { return 200 here; } }", events: "use io_uring;",
                prepare: { $0.ringRefusal = refusal })
            #expect(site.ask(Everything.get("/")).map(\.status) == [200])
            let lines = site.errorLog.filter { $0.contains("io_uring") }
            #expect(lines.count == 1)
            #expect(lines.first?.contains("[warn]") == true)
            #expect(lines.first?.contains("epoll is used instead of io_uring, \(reason): io_uring_setup() failed (\(refusal))") == true)
        }
    }
}
