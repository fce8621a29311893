@testable import ApusServer
import Testing

@Suite struct VariableTests {
    let registry = VariableRegistry()

    /// Declares a variable that counts its evaluations and has the count as its value.
    private func declareCounter(_ name: ByteString, _ flags: VariableFlags) throws {
        try registry.declare(name, flags) { scope, out in
            guard let scope = scope as? PlainScope else { return false }
            scope.calls += 1
            out.append(decimal: scope.calls)
            return true
        }
    }

    private func template(_ text: ByteString) throws -> Template {
        try Template(compiling: text, registry: registry)
    }

    @Test func valuesAreKeptUnlessNotCacheable() throws {
        try declareCounter("kept", [])
        try declareCounter("fresh", .noCacheable)
        let kept = try template("$kept")
        let fresh = try template("$fresh")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        #expect([value(kept, scope), value(kept, scope)] == ["1", "1"])
        #expect([value(fresh, scope), value(fresh, scope)] == ["2", "3"])
        scope.resetVariables()
        #expect(value(kept, scope) == "4")
    }

    @Test func missingValuesAreKeptToo() throws {
        try registry.declare("none") { scope, out in
            (scope as? PlainScope)?.calls += 1
            out.append("dropped")
            return false
        }
        let index = try registry.reference("none")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        let out = Buffer()
        out.append("x")
        #expect(!scope.append(index, to: out))
        #expect(!scope.append(index, to: out))
        #expect(out.span.text == "x")
        #expect(scope.text(of: index) == nil)
        #expect(scope.calls == 1)
    }

    @Test func aSetValueWinsAndCanBeForgotten() throws {
        try registry.declare("a", value: "evaluated", [.changeable, .noCacheable])
        let index = try registry.declareUser("a")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        scope.assign(index, ("set" as ByteString).span)
        #expect(scope.text(of: index) == "set")
        scope.setMissing(index)
        #expect(scope.text(of: index) == nil)
        scope.forget(index)
        #expect(scope.text(of: index) == "evaluated")
    }

    @Test func aSetterTakesTheAssignment() throws {
        try registry.declare(
            "rate", .changeable,
            assign: { scope, bytes in (scope as? PlainScope)?.assigned = ByteString(bytes) }
        ) { _, out in
            out.append("10")
            return true
        }
        let index = try registry.declareUser("rate")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        scope.assign(index, ("5k" as ByteString).span)
        #expect(scope.assigned == "5k")
        #expect(scope.text(of: index) == "10")
    }

    @Test func subrequestsShareValues() throws {
        let index = try registry.declareUser("a")
        try registry.freeze()
        let parent = PlainScope(registry: registry)
        let child = PlainScope(registry: registry, sharing: parent)
        child.set(index, ("x" as ByteString).span)
        #expect(parent.text(of: index) == "x")
    }

    @Test func unsetUserVariableIsEmptyAndReportedOnce() throws {
        let index = try registry.declareUser("a")
        registry.problem = { scope, problem in
            if case .uninitialized = problem { (scope as? PlainScope)?.calls += 1 }
        }
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        #expect(scope.text(of: index) == "")
        #expect(scope.text(of: index) == "")
        #expect(scope.calls == 1)
    }

    @Test func unchangeableVariablesAreNotDeclaredAgain() throws {
        try registry.declare("host", value: "")
        #expect(
            message { _ = try registry.declareUser("HOST") } == "the duplicate \"HOST\" variable")
        #expect(
            message { try registry.declare("host", value: "") }
                == "the duplicate \"host\" variable")
        try registry.declarePrefix("arg_") { _, _, _ in false }
        #expect(
            message { try registry.declarePrefix("arg_") { _, _, _ in false } }
                == "the duplicate \"arg_\" variable")
    }

    @Test func changeableVariablesAreTakenOver() throws {
        try registry.declare("a", value: "first", .changeable)
        try registry.declare("A", value: "second", .changeable)
        let template = try template("$a")
        try registry.freeze()
        #expect(value(template, PlainScope(registry: registry)) == "second")
    }

    @Test func emptyNamesAreRefused() {
        #expect(message { try registry.declare("", value: "") } == "invalid variable name \"$\"")
        #expect(message { _ = try registry.reference("") } == "invalid variable name \"$\"")
    }

    @Test func unknownVariableNamesTheFirstUseAndTheNearestName() throws {
        try registry.declare("remote_addr", value: "")
        let position = Position(file: 0, line: 7, column: 3)
        _ = try Template(compiling: "$Remote_adr", registry: registry, at: position)
        do throws(ConfigurationError) {
            try registry.freeze()
            Issue.record("an unknown variable is an error")
        } catch {
            #expect(error.message == "unknown \"remote_adr\" variable")
            #expect(error.focus == position)
            #expect(error.advice == "did you mean $remote_addr?")
        }
    }

    @Test func longestPrefixWinsAndExactNameWinsOverPrefixes() throws {
        for prefix in ["http_", "http_x_"] as [ByteString] {
            try registry.declarePrefix(prefix) { _, rest, out in
                out.append(prefix)
                out.append(":")
                out.append(rest)
                return true
            }
        }
        try registry.declare("http_host", value: "exact")
        let template = try template("$http_Accept $http_x_y $http_host")
        try registry.freeze()
        #expect(value(template, PlainScope(registry: registry)) == "http_:accept http_x_:y exact")
    }

    @Test func aPrefixWinsOverASetVariableUntilItIsSet() throws {
        try registry.declarePrefix("arg_") { _, _, out in
            out.append("argument")
            return true
        }
        let index = try registry.declareUser("arg_a")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        #expect(scope.text(of: index) == "argument")
        scope.assign(index, ("set" as ByteString).span)
        #expect(scope.text(of: index) == "set")
    }

    @Test func variablesAreFoundByName() throws {
        try registry.declare("direct", value: "d")
        try registry.declare("hidden", value: "h", .noHash)
        try registry.declarePrefix("arg_") { _, rest, out in
            out.append(rest)
            return true
        }
        let used = try registry.declareUser("used")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        scope.set(used, ("u" as ByteString).span)
        var found: [String?] = []
        for name in ["direct", "hidden", "arg_x", "used", "nothing"] as [ByteString] {
            let out = Buffer()
            found.append(scope.append(named: name.span, to: out) ? out.span.text : nil)
        }
        #expect(found == ["d", nil, "x", "u", nil])
    }

    @Test func aCycleEndsAndIsReported() throws {
        let other = try registry.reference("b")
        let own = try registry.reference("a")
        try registry.declare("a", []) { scope, out in
            out.append("a")
            return scope.append(other, to: out)
        }
        try registry.declare("b", []) { scope, out in scope.append(own, to: out) }
        registry.problem = { scope, problem in
            if case .cycle = problem { (scope as? PlainScope)?.calls += 1 }
        }
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        #expect(scope.text(of: own) == nil)
        #expect(scope.calls == 1)
    }

    @Test func manyRoundsLeaveNothingBehind() throws {
        try declareCounter("kept", [])
        let template = try template("$kept")
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        let out = Buffer(capacity: 16)
        for round in 1...10_000 {
            scope.resetVariables()
            out.removeAll()
            template.append(to: out, scope: scope)
            if round == 10_000 { #expect(out.span.text == "10000") }
        }
        #expect(out.capacity == 16)
    }
}
