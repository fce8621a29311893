@testable import ApusServer
import Testing

@Suite struct CommandLineTests {
    @Test func shortOptionsMayBeCombined() throws {
        let options = try CommandLineOptions(["-tq", "-c", "a.conf", "-p/x", "-gdaemon off;"])
        #expect(options.tests && options.isQuiet)
        #expect(options.configuration == "a.conf")
        #expect(options.prefix == "/x")
        #expect(options.directives == "daemon off;")
        #expect(try CommandLineOptions(["-tc", "f"]).configuration == "f")
        #expect(try CommandLineOptions(["-T"]).dumps)
        #expect(try CommandLineOptions(["-s", "reload"]).command == .reload)
        #expect(try CommandLineOptions(["-sstop"]).command == .stop)
        #expect(try CommandLineOptions(["-e", "stderr"]).errorLog == "")
        #expect(try CommandLineOptions(["-?"]).showsHelp)
        #expect(try CommandLineOptions(["-"]) == CommandLineOptions())
    }

    @Test(arguments: [
        (["x"], "invalid option: \"x\""), (["-x"], "invalid option: \"x\""),
        (["-tx"], "invalid option: \"x\""), (["--help"], "invalid option: \"-\""),
        (["-c"], "option \"-c\" requires file name"), (["-e"], "option \"-e\" requires file name"),
        (["-p"], "option \"-p\" requires directory name"),
        (["-g"], "option \"-g\" requires parameter"), (["-s"], "option \"-s\" requires parameter"),
        (["-s", "restart"], "invalid option: \"-s restart\""),
    ])
    func wrongOptionsAreRefusedInNginxsWords(arguments: [String], message: String) {
        let error = #expect(throws: CommandLineError.self) {
            try CommandLineOptions(arguments)
        }
        #expect(error?.message == message)
    }

    @Test func theNameDecidesWhoItIs() {
        let build = BuildDescription(
            nginxVersion: "1.31.5", apusVersion: "0.1.0", compiler: "swift",
            tlsLibrary: "OpenSSL 3.0.1 1 Jan 2025", moduleArguments: ["--with-http_ssl_module"])
        let nginx = Identity(program: "/usr/sbin/nginx-debug", build: build)
        #expect(nginx.versionLine == "nginx version: nginx/1.31.5 (Apus 0.1.0)\n")
        #expect(nginx.buildText.contains("--conf-path=/etc/nginx/nginx.conf "))
        #expect(nginx.buildText.contains(" --with-http_ssl_module"))
        #expect(nginx.buildText.contains("TLS SNI support enabled\n"))
        let apus = Identity(program: "apus", build: build)
        #expect(apus.versionLine == "apus version: apus/0.1.0\n")
        #expect(apus.helpText.hasPrefix("Usage: apus ["))
    }
}
