/// The program: what this binary was built as, and the service that its supervisor supervises.
public enum Program {
    /// Runs the program as the command line says, and returns its exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        Supervisor.run(arguments, build: build) { identity in
            SiteService(identity: identity)
        }
    }

    /// Ends the process without running anything that was registered for its end.
    public static func exit(_ code: Int32) -> Never {
        Process.exit(code)
    }

    private static let build = BuildDescription(
        nginxVersion: "1.31.5", apusVersion: "0.1.0", compiler: "Swift 6.3", tlsLibrary: nil,
        moduleArguments: [
            "--with-http_gzip_static_module", "--with-http_realip_module",
            "--with-http_stub_status_module", "--with-compat",
        ])
}
