@testable import ApusServer
import Testing


@Suite struct MessageTests {
    @Test(arguments: messageCases.indices)
    func saysWhatNginxSays(index: Int) {
        let (text, message) = messageCases[index]
        #expect(Fixture.evaluate(text).message == message, "for \(text.prefix(60))")
    }

    @Test func commandLineHasNoLine() {
        let message = { Fixture.evaluate("events {}", parameters: $0).message }
        #expect(
            message("user {}") == "block directives are not supported in -g option in command line")
        #expect(message("user") == "unexpected end of parameter, expecting \";\" in command line")
        #expect(message("}") == "unexpected \"}\" in command line")
        #expect(message("lisen;") == "unknown directive \"lisen\" in command line")
        #expect(message("daemon off;") == nil)
        #expect(
            Fixture.evaluate("daemon on;", parameters: "daemon off;").message
                == "\"daemon\" directive is duplicate in /c.conf:1")
    }

    @Test func mainFileThatIsMissingHasNoPlace() {
        let outcome = Fixture.evaluate("/none", of: MemoryFiles([:] as [String: String]))
        #expect(outcome.message == "open() \"/none\" failed (2: No such file or directory)")
    }

    @Test func showsTheLineAndTheNearestName() {
        let text = Fixture.evaluate("http {\n\tgzpi on;\n}\n").text
        #expect(
            text == """
                nginx: [emerg] unknown directive "gzpi" in /c.conf:2
                    2 | \tgzpi on;
                      | \t^
                    did you mean "gzip"?

                """)
    }

    @Test func saysWhereAMisspeltDirectiveBelongs() {
        let error = Fixture.evaluate("gzipp on;").error
        #expect(
            error?.advice
                == "did you mean \"gzip\"? It may stand in: "
                + "http, server, location, if in location")
        #expect(
            Fixture.evaluate("gzip on;").error?.advice
                == "this is the top level of the file; it may stand in: "
                + "http, server, location, if in location")
    }

    @Test func saysWhichBlockIsNotClosed() {
        let error = Fixture.evaluate("http {\n server {\n gzip on;\n }\n").error
        #expect(error?.advice == "the \"http\" block that begins in line 1 is not closed")
        #expect(error?.focus?.line == 1)
    }

    @Test func pointsAtTheMissingSemicolon() {
        let error = Fixture.evaluate("http {\n root a\n gzip on;\n}\n").error
        #expect(error?.message == "invalid number of arguments in \"root\" directive")
        #expect(error?.position?.line == 3)
        #expect(error?.focus?.line == 2)
        #expect(error?.advice?.contains("is a \";\" missing there?") == true)
    }

    @Test func knownDirectivesWithoutARowAreNotSupportedYet() {
        let message = { Fixture.evaluate($0).message }
        #expect(
            message("http { proxy_pass_header a; }")
                == "\"proxy_pass_header\" directive is not supported yet by Apus in /c.conf:1")
        #expect(
            message("http { server { location / { perl x; } } }")
                == "\"perl\" directive is not supported yet by Apus in /c.conf:1")
        #expect(
            message("proxy_pass_header a;")
                == "\"proxy_pass_header\" directive is not allowed here in /c.conf:1")
        #expect(
            message("http { brotli on; }")
                == "\"brotli\" directive is not supported yet by Apus in /c.conf:1")
        #expect(
            message("http { server { content_by_lua_block { x; } } }")
                == "\"content_by_lua_block\" directive is not supported yet by Apus in /c.conf:1")
        #expect(
            message("http { server { auth_jwt a; } }")
                == "unknown directive \"auth_jwt\" in /c.conf:1")
    }

    @Test func warningsRefuseNothing() {
        let outcome = Fixture.evaluate(
            "events { accept_mutex on; }\nhttp { proxy_next_upstream error error; }")
        #expect(outcome.error == nil)
        #expect(
            outcome.warnings == [
                "duplicate value \"error\" in /c.conf:2"
            ])
    }

    @Test func deferredChecksRunLastAndKnowTheirPlace() {
        #expect(
            Fixture.evaluate("http {\n check_later no;\n}").message == "no in /c.conf:2")
        #expect(
            Fixture.evaluate("http {\n check_later no;\n gzip x;\n}").message?.hasSuffix(":3")
                == true)
    }

    @Test func controlCharactersAreEscaped() {
        let text = Fixture.evaluate("a\u{1B}[31m b;").text ?? ""
        #expect(text.contains("unknown directive \"a\\x1b[31m\""))
        #expect(!text.utf8.contains(0x1B))
    }
}
