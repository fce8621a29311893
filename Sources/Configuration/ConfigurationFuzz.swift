/// For libFuzzer: traps if arbitrary bytes as a configuration do anything but succeed or fail with a message.
public func fuzzConfiguration(_ input: [UInt8]) {
    ConfigurationFuzz.run(input.span)
}

/// Everything of this target, driven by arbitrary bytes: for a fuzzer and for seeded random tests.
enum ConfigurationFuzz {
    private struct Settings: Sendable {
        var isOn = false
        var size = 0
        var time: Int?
        var mode = 0
        var buffers = BufferPlan(count: 8, size: 4096)
        var headers: [KeyValue] = []
        var words: [ByteString] = []
    }

    private final class Nothing {}

    private static let slot = Slot(index: 0, initial: Settings())

    private static let rows: [Row] = {
        let all: Contexts = [.main, .http, .server, .location]
        return [
            .flag("flag", in: all, slot, \.isOn, "A flag."),
            .size("size", in: all, slot, \.size, "A size."),
            .milliseconds("time", in: all, slot, \.time, "A time."),
            .choice("mode", in: all, slot, \.mode, [("one", 1), ("two", 2)], "A choice."),
            .buffers("buffers", in: all, slot, \.buffers, "Buffers."),
            .keyValues("header", in: all, slot, \.headers, "Headers."),
            .words("words", in: all, slot, \.words, "Words."),
            .ignored("aside", in: all, .any, "Nothing.", reason: "it is a test"),
            .unsupported("perl", in: .http, "Perl."),
            .entries("types", in: all, .none, "Types.") {
                (invocation: inout Invocation) throws(ConfigurationError) in
                let count = invocation.directive.arguments.count
                try invocation.forEachEntry { (entry) throws(ConfigurationError) in
                    if entry.arguments.count < count { throw ConfigurationError("too few") }
                }
            },
            block("http", in: .main, opening: .http),
            block("server", in: .http, opening: .server),
            block("location", in: [.server, .location], opening: .location),
        ]
    }()

    private static func block(_ name: String, in contexts: Contexts, opening: Contexts) -> Row {
        .block(name, in: contexts, .between(0, 2), "A block.") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let inner = Scope(opening, in: invocation.scope)
            inner.whenFinished { (scope) throws(ConfigurationError) in
                precondition(scope[slot].buffers.size > 0)
            }
            return inner
        }
    }

    private static let table = RowTable(rows)

    /// Reads and evaluates the bytes as a main file that may include itself and an empty file `empty`; what is wrong is rendered.
    /// Returns whether it was a valid configuration.
    @discardableResult
    static func run(_ bytes: Span<UInt8>) -> Bool {
        let files = MemoryFiles([
            "/main": Array(copying: bytes), "/empty": [], "/one": Array("flag on;".utf8),
        ])
        let source = ConfigurationSource(files: files, configurationPrefix: "/")
        let tree = source.read("/main")
        let evaluation = Evaluation(prefix: "/", configurationPrefix: "/")
        do throws(ConfigurationError) {
            try Evaluator(table).evaluate(
                tree, in: Scope(evaluation: evaluation, builder: Nothing()))
            return true
        } catch {
            let diagnostic = source.diagnostic(for: error)
            precondition(!diagnostic.text().isEmpty)
            return false
        }
    }
}
