@testable import ApusServer


/// Settings with one property of every kind, and rows for them under names of nginx's, so that its messages can be compared.
enum Fixture {
    enum Version: Sendable {
        case ten, eleven
    }

    struct Causes: OptionSet, Sendable {
        let rawValue: Int
        static let error = Causes(rawValue: 1)
        static let timeout = Causes(rawValue: 2)
    }

    struct Main: Sendable {
        var isDaemon = true
        var user: ByteString?
    }

    struct Core: Sendable {
        var isCompressing = false
        var smallest = 20
        var requests = 1000
        var bodyBuffer = 16_384
        var largestBody = 1_048_576
        var timeout = 60_000
        var buffers = BufferPlan(count: 8, size: 4096)
        var version = Version.ten
        var causes: Causes = [.error, .timeout]
        var root: ByteString = "html"
        var headers: [KeyValue] = []
        var pages: [ByteString]?
        var limit: Int?
        var types: [KeyValue] = []
    }

    /// A second module, to see what is shared.
    struct Other: Sendable {
        var value = 1
    }

    static let main = Slot(index: 0, initial: Main())
    static let core = Slot(index: 3, initial: Core())
    static let other = Slot(index: 1, initial: Other())

    /// What the blocks build, in the order of their finishing.
    final class Built {
        var scopes: [(name: String, scope: Scope)] = []
        var events: [String] = []
    }

    static let request: Contexts = .request

    static let rows: [Row] = [
        .flag("daemon", in: .main, main, \.isDaemon, "Whether to go to the background."),
        .custom("user", in: .main, .between(1, 2), "The user.", mayRepeat: false) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let name = invocation[0]
            invocation.write(main) { $0.user = name }
        },
        .block("events", in: .main, .none, "Events.", mayRepeat: false) {
            Scope(.events, in: $0.scope)
        },
        .block("http", in: .main, .none, "HTTP.", mayRepeat: false) { opened(.http, $0) },
        .block("server", in: .http, .none, "A server.") { opened(.server, $0) },
        .block("location", in: [.server, .location], .between(1, 2), "A location.") {
            opened(.location, $0)
        },
        .block("if", in: .server, .atLeast(1), "A condition.") { opened(.ifInServer, $0) },
        .block("upstream", in: .http, .one, "Peers.", evaluated: .inPlace) {
            (invocation: inout Invocation) throws(ConfigurationError) -> Scope in
            let scope = opened(.upstream, invocation)
            scope.whenFinished { (_) throws(ConfigurationError) in
                throw ConfigurationError("no servers are inside upstream")
            }
            return scope
        },
        .flag("gzip", in: request.union(.ifInLocation), core, \.isCompressing, "Compression."),
        .size("gzip_min_length", in: request, core, \.smallest, "The least."),
        .number("keepalive_requests", in: request, core, \.requests, atLeast: 1, "Requests."),
        .number("server_names_hash_max_size", in: .http, core, \.requests, "Ignored."),
        .size("client_body_buffer_size", in: request, core, \.bodyBuffer, "Buffer."),
        .offset("client_max_body_size", in: request, core, \.largestBody, "The most."),
        .milliseconds("send_timeout", in: request, core, \.timeout, "Timeout."),
        .buffers("proxy_buffers", in: request, core, \.buffers, "Buffers."),
        .choice(
            "proxy_http_version", in: request, core, \.version, [("1.0", .ten), ("1.1", .eleven)],
            "The version."),
        .options(
            "proxy_next_upstream", in: request, core, \.causes,
            [("error", .error), ("timeout", .timeout)], "When to go on."),
        .text("root", in: request, core, \.root, "The root."),
        .keyValues("proxy_set_header", in: request, core, \.headers, "A header."),
        .list("error_page", in: request, .atLeast(2), core, \.pages, "Pages.") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            invocation.arguments.map(\.value)
        },
        .offset("limit_rate", in: request, core, \.limit, "The rate."),
        .entries("types", in: request, .none, "Types.") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            var types: [KeyValue] = []
            try invocation.forEachEntry { (entry) throws(ConfigurationError) in
                for word in entry.arguments {
                    types.append(KeyValue(key: word.value, value: entry.name.value))
                }
            }
            let all = types
            invocation.write(core) { $0.types = all }
        },
        .number("other", in: request, other, \.value, "Another module's."),
        .ignored("accept_mutex", in: .events, .flag, "A lock.", reason: "workers need no lock"),
        .unsupported("perl", in: .location, "Perl."),
        .custom("event", in: request, .one, "Notes when it is evaluated.") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            (invocation.builder as? Built)?.events.append(invocation[0].text)
        },
        .custom("check_later", in: request, .one, "Fails at the end.") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let message = invocation[0].text
            invocation.afterwards { () throws(ConfigurationError) in
                throw ConfigurationError(message)
            }
        },
    ]

    private static func opened(_ context: Contexts, _ invocation: Invocation) -> Scope {
        let scope = Scope(context, in: invocation.scope)
        let name = invocation.arguments.first?.text ?? invocation.name
        scope.whenFinished { (scope) throws(ConfigurationError) in
            (scope.builder as? Built)?.scopes.append((name, scope))
        }
        return scope
    }

    static let table = RowTable(rows)

    /// What the message cases include.
    static let files = [
        "/bad.conf": "user root;\n}\n", "/open.conf": "http {\n",
        "/unknown.conf": "\n\nlisen 80;\n", "/good.conf": "daemon on;\n",
    ]

    /// The outcome of a configuration: what it built, or the error.
    struct Outcome {
        let built: Built
        let root: Scope
        let source: ConfigurationSource
        let error: ConfigurationError?

        var message: String? { error.map { source.diagnostic(for: $0).message } }
        var text: String? { error.map { source.diagnostic(for: $0).text() } }
        var warnings: [String] {
            root.evaluation.warnings.map { source.diagnostic(for: $0).message }
        }

        func scope(_ name: String) -> Scope? { built.scopes.first { $0.name == name }?.scope }
        func core(_ name: String) -> Core? { scope(name)?[Fixture.core] }
    }

    static func evaluate(
        _ text: String, files: [String: String] = files, parameters: String? = nil
    ) -> Outcome {
        var all = files
        all["/c.conf"] = text
        return evaluate("/c.conf", of: MemoryFiles(all), parameters: parameters)
    }

    static func evaluate(
        _ path: ByteString, of files: MemoryFiles, parameters: String? = nil
    ) -> Outcome {
        let source = ConfigurationSource(files: files, configurationPrefix: "/")
        let tree = source.read(path, parameters: parameters.map { ByteString($0) })
        let built = Built()
        let root = Scope(
            evaluation: Evaluation(prefix: "/usr/", configurationPrefix: "/"), builder: built)
        do throws(ConfigurationError) {
            try Evaluator(table).evaluate(tree, in: root)
            return Outcome(built: built, root: root, source: source, error: nil)
        } catch {
            return Outcome(built: built, root: root, source: source, error: error)
        }
    }

    /// The tree as text: words in brackets, blocks in braces.
    static func tree(_ text: String) -> String {
        let source = ConfigurationSource(
            files: MemoryFiles(["/c.conf": text]), configurationPrefix: "/")
        let tree = source.read("/c.conf")
        let written = tree.directives.map(written).joined()
        guard let failure = tree.failure else { return written }
        return written + " ! " + source.diagnostic(for: failure).message
    }

    private static func written(_ directive: Directive) -> String {
        let words = ([directive.name] + directive.arguments).map { "[\($0.text)]" }.joined()
        guard let block = directive.block else { return words + ";" }
        return words + "{" + block.map(written).joined() + "}"
    }
}
