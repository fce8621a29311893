import Platform
import Supervisor

let build = BuildDescription(
    nginxVersion: "1.31.5", apusVersion: "0.1.0", compiler: "swift 6.3")
Process.exit(Supervisor.run(Process.arguments, build: build) { _ in PlaceholderService() })
