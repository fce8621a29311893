@testable import ApusServer
import Testing

@Suite struct RegexTests {
    private func match(
        _ regex: Regex, _ subject: ByteString, _ captures: Captures = Captures()
    ) -> MatchResult {
        regex.match(subject.span, captures: captures)
    }

    @Test func groupsAreKept() throws {
        let regex = try Regex(pattern: "^/(a+)/(x)?(b+)")
        let captures = Captures()
        #expect(match(regex, "/aa/bb/", captures) == .matched)
        let groups = (0...5).map { captures.group($0).text }
        #expect(groups == ["/aa/bb", "aa", "", "bb", "", ""])
        #expect(regex.groupCount == 3)
    }

    @Test func aFailedMatchLeavesTheGroups() throws {
        let regex = try Regex(pattern: "(a)")
        let captures = Captures()
        #expect(match(regex, "xa", captures) == .matched)
        #expect(match(regex, "b", captures) == .noMatch)
        #expect(captures.group(1).text == "a")
    }

    @Test func aMatchWithoutGroupsEmptiesThem() throws {
        let captures = Captures()
        #expect(match(try Regex(pattern: "(a)"), "a", captures) == .matched)
        #expect(match(try Regex(pattern: "b"), "b", captures) == .matched)
        #expect(captures.group(1).text == "")
    }

    @Test(arguments: [true, false])
    func caseIsIgnoredOnRequest(_ jit: Bool) throws {
        #expect(match(try Regex(pattern: "^A$", caseless: true, jit: jit), "a") == .matched)
        #expect(match(try Regex(pattern: "^A$", jit: jit), "a") == .noMatch)
    }

    @Test func emptySubjectsMatch() throws {
        #expect(match(try Regex(pattern: "^$"), "") == .matched)
        #expect(match(try Regex(pattern: "."), "") == .noMatch)
    }

    @Test func bytesNeedNotBeText() throws {
        let regex = try Regex(pattern: "^a(.)\\x00b$")
        let captures = Captures()
        #expect(match(regex, ByteString([0x61, 0xFF, 0, 0x62]), captures) == .matched)
        #expect(captures.group(1)[0] == 0xFF)
    }

    @Test(arguments: [
        (
            "(a", "pcre2_compile() failed: missing closing parenthesis in \"(a\""
        ),
        (
            "a**b",
            "pcre2_compile() failed: quantifier does not follow a repeatable item in \"a**b\" at \"*b\""
        ),
    ])
    func compilationFailsInNginxsWords(_ pattern: String, _ expected: String) {
        #expect(message { _ = try Regex(pattern: ByteString(pattern)) } == expected)
    }

    @Test(arguments: [true, false])
    func catastrophicBacktrackingIsBounded(_ jit: Bool) throws {
        let regex = try Regex(pattern: "^(a+)+$", jit: jit)
        let subject = ByteString([UInt8](repeating: 0x61, count: 5_000) + [0x62])
        let start = ContinuousClock.now
        let result = match(regex, subject)
        let spent = ContinuousClock.now - start
        guard case .failed(let code) = result else {
            Issue.record("the limit must be reached, not \(result)")
            return
        }
        #expect(Regex.message(for: code) == "match limit exceeded")
        #expect(spent < .seconds(2))
    }

    @Test(arguments: [true, false])
    func deepRecursionIsBounded(_ jit: Bool) throws {
        let regex = try Regex(pattern: "^(\\((?1)*\\))$", jit: jit)
        let subject = ByteString([UInt8](repeating: 0x28, count: 200_000))
        guard case .failed = match(regex, subject) else { return }
    }

    @Test func aFailureIsReportedAndIsNoMatch() throws {
        let registry = VariableRegistry()
        registry.problem = { scope, problem in
            if case .regexFailed = problem { (scope as? PlainScope)?.calls += 1 }
        }
        let regex = try Regex(pattern: "^(a+)+$", registry: registry)
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        let subject = ByteString([UInt8](repeating: 0x61, count: 5_000) + [0x62])
        #expect(regex.match(subject.span, in: scope) != .matched)
        #expect(scope.calls == 1)
    }

    @Test func invalidUTF8FailsWhereThePatternWantsUTF8() throws {
        let regex = try Regex(pattern: "(*UTF8)^.$")
        guard case .failed = match(regex, ByteString([0xFF])) else {
            Issue.record("ill-formed text is an error")
            return
        }
    }

    @Test func namedGroupsBecomeVariables() throws {
        let registry = VariableRegistry()
        let regex = try Regex(
            pattern: "^(?<first>[a-z]+)-(?<Second>[0-9]+)?", registry: registry)
        let template = try Template(compiling: "$first,$second,$1", registry: registry)
        try registry.freeze()
        let scope = PlainScope(registry: registry)
        #expect(value(template, scope) == ",,")
        scope.resetVariables()
        #expect(regex.match(("ab-12" as ByteString).span, in: scope) == .matched)
        #expect(value(template, scope) == "ab,12,ab")
        #expect(regex.namedGroups.map(\.name) == ["Second", "first"])
    }

    @Test func namedGroupsDoNotTakeOverBuiltInVariables() throws {
        let registry = VariableRegistry()
        try registry.declare("host", value: "")
        #expect(
            message { _ = try Regex(pattern: "(?<host>a)", registry: registry) }
                == "the duplicate \"host\" variable")
    }

    @Test func theSubjectMayBeTheLastCapture() throws {
        let captures = Captures()
        #expect(match(try Regex(pattern: "^/(.*)$"), "/one/two", captures) == .matched)
        let regex = try Regex(pattern: "^([a-z]+)/([a-z]+)$")
        #expect(regex.match(captures.group(1), captures: captures) == .matched)
        #expect(captures.group(2).text == "two")
    }

    @Test func manyGroupsAreNotLost() throws {
        let regex = try Regex(pattern: ByteString(String(repeating: "(a)?", count: 400)))
        let captures = Captures()
        #expect(match(regex, "aaa", captures) == .matched)
        #expect(captures.group(3).text == "a")
        #expect(captures.group(9).text == "")
    }
}
