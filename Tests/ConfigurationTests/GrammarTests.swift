@testable import ApusServer
import Testing


@Suite struct GrammarTests {
    @Test(arguments: [
        ("", ""),
        (" \t\r\n", ""),
        ("# only a comment", ""),
        ("a;", "[a];"),
        ("a b  c\t\r\nd;", "[a][b][c][d];"),
        ("a { b; c {} }", "[a]{[b];[c]{}}"),
        ("a{b;}", "[a]{[b];}"),
        ("a # b;\n c;", "[a][c];"),
        ("a b#c;", "[a][b#c];"),
        ("a \"b c\" 'd \"e';", "[a][b c][d \"e];"),
        ("a \"\" '';", "[a][][];"),
        ("a b\"c d;", "[a][b\"c][d];"),
        (#"a "\"\t\r\n\\\x" \;b\ c;"#, "[a][\"\t\r\n\\\\x][\\;b\\ c];"),
        (#"a \"b;"#, "[a][\"b];"),
        ("a ${b}c $d{ e; }", "[a][${b}c][$d]{[e];}"),
        ("if ($a = \"b\") { c; }", "[if][($a][=][b][)]{[c];}"),
        ("a \"b\n# c\";", "[a][b\n# c];"),
        ("a }b;", " ! unexpected \"}\" in /c.conf:1"),
        ("a b};", "[a][b}];"),
        ("\"a b\" c;", "[a b][c];"),
    ])
    func wordsAndBlocks(text: String, expected: String) {
        #expect(Fixture.tree(text) == expected)
    }

    @Test func positionsAreLinesAndColumns() {
        let source = ConfigurationSource(
            files: MemoryFiles(["/c": "a\n  \"b\" c\n;\nd {\n}\n"]), configurationPrefix: "/")
        let directives = source.read("/c").directives
        #expect(directives[0].name.position == Position(file: 0, line: 1, column: 1))
        #expect(directives[0].arguments[0].position == Position(file: 0, line: 2, column: 3))
        #expect(directives[0].arguments[0].isQuoted)
        #expect(directives[0].arguments[1].position == Position(file: 0, line: 2, column: 7))
        #expect(!directives[0].arguments[1].isQuoted)
        #expect(directives[0].terminator == Position(file: 0, line: 3, column: 1))
        #expect(directives[1].terminator.line == 4)
        #expect(directives[1].end.line == 5)
    }

    @Test func wordsMayNotFillTheBuffer() {
        let longest = String(repeating: "x", count: 4095)
        #expect(Fixture.tree("a \(longest);") == "[a][\(longest)];")
        #expect(Fixture.tree("a \(longest)x;").contains("too long parameter"))
        let comment = String(repeating: "#", count: 10_000)
        #expect(Fixture.tree("\(comment)\na;") == "[a];")
    }

    @Test func patternsIncludeInOrderAndMayMatchNothing() {
        let outcome = Fixture.evaluate(
            "include main.d/*.conf;\ninclude none/*;",
            files: [
                "/main.d/b.conf": "http { event b; include /inner.conf; }",
                "/main.d/a.conf": "daemon off;", "/inner.conf": "event inner;\nevent x;",
                "/main.d/deep/c.conf": "daemon off;",
            ])
        #expect(outcome.error == nil)
        #expect(outcome.built.events == ["b", "inner", "x"])
        #expect(!outcome.root[Fixture.main].isDaemon)
    }

    @Test func aFileThatIncludesItselfIsAnError() {
        let outcome = Fixture.evaluate("include /c.conf;")
        #expect(
            outcome.message
                == "\"include\" directive includes \"/c.conf\" from within itself in /c.conf:1")
    }

    @Test func doublingIncludesAreBounded() {
        var files: [String: String] = ["/40": "event x;"]
        for number in 0..<40 {
            files["/\(number)"] = "include \(number + 1); include \(number + 1);"
        }
        let outcome = Fixture.evaluate("http { include 0; }", files: files)
        #expect(outcome.error?.message == "too many included files")
    }

    @Test func systemFilesAreFoundAndRead() throws {
        let files = SystemFiles()
        let directory = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        let names = try files.matches(of: ByteString("/\(directory)/*Tests.swift"))
        #expect(names.count >= 3)
        #expect(names == names.sorted())
        #expect(try files.contents(of: names[0]).isEmpty == false)
        #expect(try files.matches(of: "/nowhere/*").isEmpty)
        let failure = #expect(throws: FileFailure.self) { try files.contents(of: "/nowhere") }
        #expect(failure?.operation == "open()")
    }

    @Test func aDirectoryCannotBeRead() {
        let source = ConfigurationSource(configurationPrefix: "/")
        guard let failure = source.read("/tmp").failure else {
            Issue.record("a directory was read")
            return
        }
        let diagnostic = source.diagnostic(for: failure)
        #expect(diagnostic.level == "crit")
        #expect(diagnostic.message == "pread() \"/tmp\" failed (21: Is a directory)")
    }

    @Test func dumpHasEveryFileOnce() {
        let outcome = Fixture.evaluate(
            "include good.conf;\nhttp { include x; include x; }",
            files: ["/good.conf": "daemon on;\n", "/x": "event x;"])
        let buffer = Buffer()
        outcome.source.appendDump(to: buffer)
        #expect(
            buffer.span.text == """
                # configuration file /c.conf:
                include good.conf;
                http { include x; include x; }
                # configuration file /good.conf:
                daemon on;

                # configuration file /x:
                event x;

                """)
    }
}

@Suite struct HostileInputTests {
    @Test func deepNestingIsAnError() {
        let open = String(repeating: "location a {", count: 10_000)
        let error = Fixture.evaluate("http { server {" + open).error
        #expect(error?.message == "blocks are nested more than 128 deep")
        let closed = Fixture.evaluate(open + String(repeating: "}", count: 10_000)).error
        #expect(closed != nil)
    }

    @Test func nulBytesAreOrdinary() {
        #expect(Fixture.evaluate("a\0b;").message == "unknown directive \"a\\x00b\" in /c.conf:1")
        #expect(
            Fixture.evaluate("include a\0b;").error?.message.hasPrefix("open()") == true)
    }

    @Test func randomConfigurationsNeverTrap() {
        var random = SplitMix(state: 42)
        let pieces: [StaticString] = [
            "{", "}", ";", " ", "\n", "\"", "'", "\\", "$", "${", "#", "http", "server", "location",
            "flag", "size", "time", "mode", "buffers", "header", "words", "types", "perl", "aside",
            "on", "off", "1k", "one", "include", "/main", "/empty", "/one", "/*", "\0", "\u{FEFF}",
            "http {", "server {", "flag on;", "include /one;", "types { a b; }", "8 4k;", "listen",
        ]
        var valid = 0
        for _ in 0..<20_000 {
            let bytes = Buffer()
            for _ in 0..<Int(random.next() % 24) {
                switch random.next() % 8 {
                case 0: bytes.append(UInt8(truncatingIfNeeded: random.next()))
                default:
                    bytes.append(pieces[Int(random.next() % UInt64(pieces.count))])
                    if random.next() % 2 == 0 { bytes.append(ASCII.space) }
                }
            }
            if ConfigurationFuzz.run(bytes.span) { valid += 1 }
        }
        #expect(valid > 100)
    }
}

/// A small generator with a seed.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
