import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// What is served when nothing goes wrong.
    @Suite struct Serving {
        @Test func returnAnswers() throws {
            let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; return 200 hello; }")
            let answers = site.ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answers.map(\.text) == ["hello"])
            #expect(site.accessLog == ["GET /x HTTP/1.1|200|5|28|-|-"])
            #expect(site.problems() == [])
        }

        @Test func proxyAnswers() throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9000; } }")
            let upstream = site.upstream(answers: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            let answers = site.ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answers.map(\.text) == ["hello"])
            #expect(upstream.connections.count == 1)
            #expect(site.problems() == [])
        }

        /// Below the packages' prefix there is no place for temporary files, and where another package was installed before, their own
        /// is not there: nothing would start.
        @Test func foldersOfThePackagesAreMade() throws {
            let kernel = SimulatedKernel(seed: 1)
            kernel.disk.put("/var/cache/.keep", [], at: 0)
            let text = "events {} http { scgi_temp_path /var/cache/own; server { listen 127.0.0.1:8080; } }"
            _ = try SimulatedSite.load(text, prefix: "/etc/nginx/", on: kernel)
            #expect(kernel.disk.paths.filter { $0.hasPrefix("/var/cache/n") || $0.hasPrefix("/etc") } == [
                "/var/cache/nginx", "/var/cache/nginx/client_temp", "/var/cache/nginx/fastcgi_temp",
                "/var/cache/nginx/proxy_temp", "/var/cache/nginx/uwsgi_temp",
            ])
            let modes = try ["", "/client_temp"].map { try kernel.disk.find("/var/cache/nginx" + $0).status.mode & 0o777 }
            #expect(modes == [0o755, 0o700])
        }

        @Test(arguments: Everything.all)
        func everything(_ visit: Everything.Visit) throws {
            let site = try Everything.site()
            let outcome = site.outcome(of: visit)
            #expect(outcome.answers.map(\.status) == visit.statuses)
            let isRight = visit.body == nil || outcome.answers.first?.body == visit.body
            #expect(isRight, "\(outcome)")
            #expect(outcome.accessLog.count == visit.statuses.count)
            #expect(site.problems() == [])
        }
    }
}
