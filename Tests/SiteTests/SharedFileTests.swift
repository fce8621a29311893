import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Files that are too large to be kept in memory: those who are sent the same one at the same time share it.
    @Suite struct SharedFiles {
        private static let large = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        private static var slowly: [ScriptedPeer.Step] {
            [.readSlowly(bytes: 3_000, every: 10), .send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), .wait(answers: 1)]
        }

        /// Each had a descriptor of its own, and many streams used up all that a process may have.
        @Test func whoIsSentTheSameLargeFileSharesItsDescriptor() throws {
            let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; root files; }")
            site.put("large", Self.large)
            let open = site.kernel.descriptors.count
            site.kernel.descriptorLimit = open + 32 + 1
            let clients = (0..<32).map { _ in site.client(capacity: 4_000, Self.slowly) }
            for client in clients { site.finish(client) }
            #expect(clients.allSatisfy { $0.answers.map(\.body) == [Self.large] })
            site.run(milliseconds: 100_000)
            #expect(site.kernel.descriptors.count == open)
            #expect(site.problems() == [])
        }

        @Test(arguments: [true, false])
        func aLargeFileThatHasChangedIsNotShared(_ isReplaced: Bool) throws {
            let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; root files; }")
            site.put("large", Self.large)
            let first = site.client(capacity: 4_000, Self.slowly)
            site.run(milliseconds: 100)
            let newer = Self.large.map { ~$0 }
            if isReplaced {
                let path = SimulatedSite.prefix + "files/large"
                try site.kernel.disk.unlink(path)
                site.kernel.disk.put(path, newer, at: site.kernel.wallMilliseconds() - 100_000_000)
            } else {
                site.put("large", newer + [1, 2, 3])
            }
            let second = site.client(capacity: 4_000, Self.slowly)
            site.finish(second)
            #expect(second.answers.map(\.body) == [isReplaced ? newer : newer + [1, 2, 3]])
            site.finish(first)
            if isReplaced { #expect(first.answers.map(\.body) == [Self.large]) }
            #expect(site.problems() == [])
        }

        @Test func aLargeFileThatIsGoneIsNotShared() throws {
            let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; root files; }")
            site.put("large", Self.large)
            let first = site.client(capacity: 4_000, Self.slowly)
            site.run(milliseconds: 100)
            try site.kernel.disk.unlink(SimulatedSite.prefix + "files/large")
            #expect(site.ask("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").map(\.status) == [404])
            site.finish(first)
            #expect(first.answers.map(\.body) == [Self.large])
            #expect(site.problems() == [])
        }
    }
}
