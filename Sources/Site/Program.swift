/// The program: what this binary was built as, and the service that its supervisor supervises.
public enum Program {
    /// Runs the program as the command line says, and returns its exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        do {
            if let site = try QuickSite(Array(arguments.dropFirst())) { return run(site, arguments) }
        } catch {
            Process.complain("apus: \(error.message)\n\(QuickSite.usage)")
            return 1
        }
        return Supervisor.run(arguments, build: build) { identity in
            SiteService(identity: identity)
        }
    }

    /// Serves a site that has no configuration file: its text takes the place of one.
    private static func run(_ site: QuickSite, _ arguments: [String]) -> Int32 {
        if site.onlyPrints {
            Process.print(site.configuration)
            return 0
        }
        let path: ByteString = "/(command line)"
        let folder = Process.workingDirectory + "/"
        let program = arguments.first ?? "apus"
        return Supervisor.run(
            [program, "-p", folder, "-c", path.text, "-e", "stderr"], build: build
        ) { identity in
            SiteService(
                identity: identity, files: MemoryFiles([path: Array(site.configuration.utf8)]))
        }
    }

    /// Ends the process without running anything that was registered for its end.
    public static func exit(_ code: Int32) -> Never {
        Process.exit(code)
    }

    private static let build = BuildDescription(
        nginxVersion: "1.31.5", apusVersion: "0.1.0", compiler: "Swift 6.3", tlsLibrary: tlsLibrary,
        moduleArguments: [
            "--with-http_ssl_module",
            "--with-http_gunzip_module", "--with-http_gzip_static_module", "--with-http_random_index_module",
            "--with-http_realip_module", "--with-http_stub_status_module",
            "--with-http_secure_link_module", "--with-http_slice_module", "--with-http_sub_module",
            "--with-http_addition_module", "--with-http_auth_request_module", "--with-http_v2_module", "--with-compat",
        ])

    /// As nginx tells it: the library that this was built with, and the one it runs with where that is another.
    private static var tlsLibrary: String {
        let built = OpenSSLLibrary.builtVersion
        let running = OpenSSLLibrary.version
        return built == running ? built : "\(built) (running with \(running))"
    }
}
