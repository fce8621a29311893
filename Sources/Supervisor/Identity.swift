/// What this binary was built as: for `-V`, and for the version in messages and headers.
struct BuildDescription: Sendable {
    /// The nginx version whose behaviour this is.
    var nginxVersion: String
    var apusVersion: String
    var compiler: String
    /// `OpenSSL 3.0.17 1 Jul 2025`, or nil without TLS.
    var tlsLibrary: String?
    /// `--with-http_ssl_module` and so on: only what exists.
    var moduleArguments: [String]

    init(
        nginxVersion: String, apusVersion: String, compiler: String, tlsLibrary: String? = nil,
        moduleArguments: [String] = []
    ) {
        self.nginxVersion = nginxVersion
        self.apusVersion = apusVersion
        self.compiler = compiler
        self.tlsLibrary = tlsLibrary
        self.moduleArguments = moduleArguments
    }
}

/// Where things are unless the command line or the configuration says otherwise: as in nginx's packages.
enum DefaultPath {
    static let prefix: ByteString = "/etc/nginx/"
    static let configuration: ByteString = "/etc/nginx/nginx.conf"
    static let errorLog: ByteString = "/var/log/nginx/error.log"
    static let processNumber: ByteString = "/var/run/nginx.pid"
    static let lock: ByteString = "/var/run/nginx.lock"
}

/// The name under which this process runs. Under a name that starts with `nginx` it is nginx to every tool.
struct Identity: Sendable {
    enum Persona: Sendable {
        case nginx, apus
    }

    let persona: Persona
    let build: BuildDescription

    init(persona: Persona, build: BuildDescription) {
        self.persona = persona
        self.build = build
    }

    /// Decides by the last component of the program's name.
    init(program: String, build: BuildDescription) {
        let name = program.split(separator: "/").last ?? ""
        self.init(persona: name.hasPrefix("nginx") ? .nginx : .apus, build: build)
    }

    /// `nginx` or `apus`: before messages, in titles.
    var name: String {
        switch persona {
        case .nginx: "nginx"
        case .apus: "apus"
        }
    }

    /// `nginx/1.31.5` or `apus/0.1.0`.
    var product: String {
        switch persona {
        case .nginx: "nginx/" + build.nginxVersion
        case .apus: "apus/" + build.apusVersion
        }
    }

    /// The line that `-v` prints.
    var versionLine: String {
        switch persona {
        case .nginx: "nginx version: \(product) (Apus \(build.apusVersion))\n"
        case .apus: "apus version: \(product)\n"
        }
    }

    /// What `-V` prints after that. acme.sh finds the configuration by `--conf-path=[^ ]* ` with the space, so that argument
    /// must not be the last; certbot looks for ` --with-http_ssl_module` and the line about SNI.
    var buildText: String {
        var text = "built by \(build.compiler)\n"
        if let library = build.tlsLibrary {
            text += "built with \(library)\nTLS SNI support enabled\n"
        }
        return text + "configure arguments: " + arguments.joined(separator: " ") + "\n"
    }

    private var arguments: [String] {
        [
            "--prefix=/etc/nginx", "--sbin-path=/usr/sbin/nginx",
            "--modules-path=/usr/lib/nginx/modules", "--conf-path=\(DefaultPath.configuration)",
            "--error-log-path=\(DefaultPath.errorLog)",
            "--http-log-path=/var/log/nginx/access.log",
            "--pid-path=\(DefaultPath.processNumber)", "--lock-path=\(DefaultPath.lock)",
            "--http-client-body-temp-path=/var/cache/nginx/client_temp",
            "--http-proxy-temp-path=/var/cache/nginx/proxy_temp",
            "--http-fastcgi-temp-path=/var/cache/nginx/fastcgi_temp",
            "--http-uwsgi-temp-path=/var/cache/nginx/uwsgi_temp",
            "--http-scgi-temp-path=/var/cache/nginx/scgi_temp", "--user=nginx", "--group=nginx",
        ] + build.moduleArguments
    }

    /// What `-h` prints after the version.
    var helpText: String {
        """
        Usage: \(name) [-?hvVtTq] [-s signal] [-p prefix]
                     [-e filename] [-c filename] [-g directives]

        Options:
          -?,-h         : this help
          -v            : show version and exit
          -V            : show version and configure options then exit
          -t            : test configuration and exit
          -T            : test configuration, dump it and exit
          -q            : suppress non-error messages during configuration testing
          -s signal     : send signal to a master process: stop, quit, reopen, reload
          -p prefix     : set prefix path (default: \(DefaultPath.prefix))
          -e filename   : set error log file (default: \(DefaultPath.errorLog))
          -c filename   : set configuration file (default: \(DefaultPath.configuration))
          -g directives : set global directives out of configuration file


        """
    }
}
