@testable import ApusServer
import Testing

@Suite struct TemplateTests {
    let registry = VariableRegistry()

    private func compile(_ text: ByteString) throws -> Template {
        try Template(compiling: text, registry: registry)
    }

    @Test func textWithoutVariablesIsConstant() throws {
        #expect(try compile("/a?b").constant == "/a?b")
        #expect(try compile("").constant == "")
        #expect(try compile("$a").constant == nil)
        #expect(Template(constant: "$a").constant == "$a")
    }

    @Test(arguments: [
        ("$a", "<A>"), ("x$a", "x<A>"), ("$a-$b", "<A>-<B>"), ("${a}b", "<A>b"), ("$A", "<A>"),
        ("$a$b$a", "<A><B><A>"), ("${a}${b}.$a?", "<A><B>.<A>?"), ("$a}", "<A>}"), ("{$a", "{<A>"),
        ("$none|", "|"), ("$1x$9", "x"), ("$1a", "a"),
    ])
    func variablesAreReplaced(_ text: String, _ expected: String) throws {
        try registry.declare("a", value: "<A>")
        try registry.declare("b", value: "<B>")
        try registry.declare("none") { _, _ in false }
        let template = try compile(ByteString(text))
        try registry.freeze()
        #expect(value(template, PlainScope(registry: registry)) == expected)
    }

    @Test(arguments: [
        ("$", "invalid variable name"), ("a$", "invalid variable name"),
        ("${", "invalid variable name"), ("$-", "invalid variable name"),
        ("$$a", "invalid variable name"), ("${}", "invalid variable name"),
        ("${a", "the closing bracket in \"a\" variable is missing"),
        ("${a-b}", "the closing bracket in \"a\" variable is missing"),
        ("${-", "the closing bracket in \"\" variable is missing"),
    ])
    func malformedNamesAreRefused(_ text: String, _ expected: String) {
        #expect(message { _ = try compile(ByteString(text)) } == expected)
    }

    @Test func bracketedDigitsAndZeroAreNames() throws {
        _ = try compile("${1}")
        #expect(message { try registry.freeze() } == "unknown \"1\" variable")
        let other = VariableRegistry()
        _ = try Template(compiling: "$0", registry: other)
        #expect(message { try other.freeze() } == "unknown \"0\" variable")
    }

    @Test func emptinessAndTruth() throws {
        for (name, value) in [("empty", ""), ("zero", "0"), ("zeros", "00"), ("yes", "on")] {
            try registry.declare(ByteString(name), value: ByteString(value))
        }
        let templates = try ["$empty", "$zero", "$zeros", "$yes", "$empty$zero", "", "0", "x"]
            .map { try compile(ByteString($0)) }
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        let truths = templates.map { $0.isTrue(in: scope) }
        #expect(truths == [false, false, true, true, false, false, false, true])
        let empties = templates.map { $0.isEmpty(in: scope) }
        #expect(empties == [true, false, false, false, false, true, false, false])
    }

    @Test func highestCapture() throws {
        #expect(try compile("a$2$1").highestCapture == 2)
        #expect(try compile("$a").highestCapture == 0)
    }
}
