/// `apus serve` and `apus proxy`: a site without a configuration file. Each stands for an nginx.conf, which it can print.
struct QuickSite {
    /// Why the command line is wrong; shown with the usage.
    struct Mistake: Error {
        let message: String
    }

    enum Kind {
        /// A folder of files.
        case files(String)
        /// Everything goes to another server.
        case proxy(String)
    }

    let kind: Kind
    /// What the site listens on, as `listen` takes it.
    let listen: String
    let onlyPrints: Bool

    static let usage = """
        Usage: apus serve [DIR] [--listen ADDRESS] [--print-config]
               apus proxy FROM TO [--print-config]

          DIR       a folder of files; the present one if it is not given
          FROM      where to listen: a port, or an address and port
          TO        where requests go: http://host:port, https://host, host:port, or unix:/path
          --listen ADDRESS   default: 127.0.0.1:8080
          --print-config     print the nginx.conf that the command stands for, and do not serve

        """

    /// Reads the arguments after the program's name; nil if the first is not one of the two commands.
    init?(_ arguments: [String]) throws(Mistake) {
        guard let command = arguments.first, command == "serve" || command == "proxy" else {
            return nil
        }
        var words: [String] = []
        var listen: String?
        var prints = false
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            if argument == "--print-config" {
                prints = true
            } else if argument == "--listen", command == "serve" {
                guard let address = rest.popFirst() else {
                    throw Mistake(message: "--listen needs an address")
                }
                listen = address
            } else if argument.utf8.first == ASCII.minus {
                throw Mistake(message: "unknown option \"\(argument)\"")
            } else {
                words.append(argument)
            }
        }
        onlyPrints = prints
        if command == "serve" {
            guard words.count <= 1 else { throw Mistake(message: "one folder at a time") }
            let folder = words.first ?? "."
            if folder.contains("$") {
                throw Mistake(message: "a folder with a dollar sign in its name cannot be configured")
            }
            kind = .files(folder)
            self.listen = try Self.address(listen ?? "127.0.0.1:8080")
            return
        }
        guard words.count == 2 else { throw Mistake(message: "proxy needs FROM and TO") }
        self.listen = try Self.address(words[0])
        kind = .proxy(try Self.upstream(words[1]))
    }

    /// A port alone means the loopback address, since a command tried out must not open a site to the world.
    private static func address(_ text: String) throws(Mistake) -> String {
        var text = text
        if text.utf8.first == ASCII.colon { text = String(text.dropFirst()) }
        if text.utf8.allSatisfy(\.isASCIIDigit), !text.isEmpty { text = "127.0.0.1:" + text }
        do throws(AddressError) {
            _ = try AddressText(ByteString(text), .listen(defaultPort: 80))
        } catch {
            throw Mistake(message: "\(error.message) in \"\(text)\"")
        }
        return text
    }

    private static func upstream(_ text: String) throws(Mistake) -> String {
        var text = text
        if text.utf8.allSatisfy(\.isASCIIDigit), !text.isEmpty { text = "127.0.0.1:" + text }
        if !text.hasPrefix("http://"), !text.hasPrefix("https://") { text = "http://" + text }
        while text.hasSuffix("/") { text.removeLast() }
        if text == "http:" || text == "https:" { throw Mistake(message: "TO is empty") }
        return text
    }

    // MARK: - The configuration

    /// The nginx.conf that the command stands for.
    var configuration: String {
        """
        daemon off;
        worker_processes auto;
        error_log stderr notice;
        pid /dev/null;

        events {
            worker_connections 4096;
        }

        http {
        \(types)
            default_type application/octet-stream;
            access_log /dev/stdout;
            sendfile on;
            gzip on;
            gzip_types text/plain text/css application/javascript application/json image/svg+xml;

            server {
                listen \(listen);
        \(server)
            }
        }

        """
    }

    private var server: String {
        switch kind {
        case .files(let folder):
            """
                    root \(Self.quoted(folder));
                    index index.html index.htm;
                    charset utf-8;
                    autoindex on;
            """
        case .proxy(let upstream):
            """
                    client_max_body_size 0;

                    location / {
                        proxy_pass \(Self.quoted(upstream));
                        proxy_set_header Host $host;\(security)
                        proxy_set_header X-Real-IP $remote_addr;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header X-Forwarded-Proto $scheme;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection $connection_upgrade;
                    }
            """
        }
    }

    /// The other server is told its name, by which it may choose its certificate.
    private var security: String {
        guard case .proxy(let upstream) = kind, upstream.hasPrefix("https://") else { return "" }
        return "\n            proxy_ssl_server_name on;"
    }

    private var types: String {
        var text = """
                types {
                    text/html html htm;
                    text/css css;
                    text/plain txt md;
                    text/xml xml;
                    application/javascript js mjs;
                    application/json json map;
                    application/pdf pdf;
                    application/wasm wasm;
                    application/zip zip;
                    application/gzip gz;
                    font/woff woff;
                    font/woff2 woff2;
                    image/avif avif;
                    image/gif gif;
                    image/jpeg jpg jpeg;
                    image/png png;
                    image/svg+xml svg;
                    image/webp webp;
                    image/x-icon ico;
                    audio/mpeg mp3;
                    video/mp4 mp4;
                    video/webm webm;
                }
            """
        if case .proxy = kind {
            text += """


                    map $http_upgrade $connection_upgrade {
                        default upgrade;
                        "" "";
                    }
                """
        }
        return text
    }

    /// As one word of the configuration, whatever the text holds.
    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || "./:_-[]".utf8.contains($0)
        }
        if plain { return text }
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"" + String(escaped) + "\""
    }
}
