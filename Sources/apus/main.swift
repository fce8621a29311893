import HTTPServer
import Platform
import Supervisor

let build = BuildDescription(
    nginxVersion: "1.31.5", apusVersion: "0.1.0", compiler: "Swift 6.3", tlsLibrary: nil,
    moduleArguments: [
        "--with-http_gzip_static_module", "--with-http_realip_module",
        "--with-http_stub_status_module", "--with-compat",
    ])
Process.exit(
    Supervisor.run(CommandLine.arguments, build: build) { identity in
        SiteService(identity: identity)
    })
