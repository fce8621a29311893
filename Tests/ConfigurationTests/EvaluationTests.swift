@testable import ApusServer
import Testing


@Suite struct EvaluationTests {
    @Test func valuesOfEveryKind() {
        let outcome = Fixture.evaluate(
            """
            http {
                gzip On; gzip_min_length 1k; keepalive_requests 7; client_body_buffer_size 2M;
                client_max_body_size 3g; send_timeout 1m30s; proxy_buffers 4 8k;
                proxy_http_version 1.1; proxy_next_upstream TIMEOUT; root "a b";
                proxy_set_header X y; proxy_set_header Z ''; limit_rate 5; error_page 404 /x;
                types { text/html html htm; text/plain txt; }
            }
            """)
        let core = outcome.core("http")
        #expect(outcome.error == nil)
        #expect(core?.isCompressing == true)
        #expect(core?.smallest == 1024)
        #expect(core?.requests == 7)
        #expect(core?.bodyBuffer == 2 << 20)
        #expect(core?.largestBody == 3 << 30)
        #expect(core?.timeout == 90_000)
        #expect(core?.buffers == BufferPlan(count: 4, size: 8192))
        #expect(core?.version == .eleven)
        #expect(core?.causes == [.timeout])
        #expect(core?.root == "a b")
        #expect(
            core?.headers == [KeyValue(key: "X", value: "y"), KeyValue(key: "Z", value: "")])
        #expect(core?.limit == 5)
        #expect(core?.pages == ["404", "/x"])
        #expect(core?.types.map(\.key) == ["html", "htm", "txt"])
    }

    @Test func innerBlocksInheritWhatFollowsThemToo() {
        let outcome = Fixture.evaluate(
            """
            http {
                server { location a { root inner; } location b { } gzip on; }
                root outer;
            }
            """)
        #expect(outcome.core("a")?.root == "inner")
        #expect(outcome.core("a")?.isCompressing == true)
        #expect(outcome.core("b")?.root == "outer")
        #expect(outcome.core("server")?.root == "outer")
        #expect(outcome.core("http")?.isCompressing == false)
    }

    @Test func listsAreReplacedNotExtended() {
        let outcome = Fixture.evaluate(
            """
            http {
                proxy_set_header A 1; error_page 500 /a;
                server {
                    location a { proxy_set_header B 2; proxy_set_header C 3; }
                    location b { error_page 501 /b; error_page 502 /c; }
                }
            }
            """)
        #expect(outcome.core("a")?.headers.map(\.key) == ["B", "C"])
        #expect(outcome.core("a")?.pages == ["500", "/a"])
        #expect(outcome.core("b")?.headers.map(\.key) == ["A"])
        #expect(outcome.core("b")?.pages == ["501", "/b", "502", "/c"])
    }

    @Test func whatABlockDoesNotTouchIsShared() {
        let outcome = Fixture.evaluate(
            """
            http {
                gzip on;
                server { location a { } location b { other 2; } }
            }
            """)
        guard let http = outcome.scope("http"), let server = outcome.scope("server"),
            let a = outcome.scope("a"), let b = outcome.scope("b")
        else {
            Issue.record("a block was not built")
            return
        }
        #expect(server.settings === http.settings)
        #expect(a.settings === http.settings)
        #expect(b.settings !== http.settings)
        #expect(b.settings.shares(Fixture.core, with: http.settings))
        #expect(!b.settings.shares(Fixture.other, with: http.settings))
        #expect(b[Fixture.other].value == 2)
        #expect(a[Fixture.other].value == 1)
        #expect(b.settings.box(Fixture.core) === http.settings.box(Fixture.core))
        #expect(outcome.root.settings !== http.settings)
    }

    @Test func simpleDirectivesRunBeforeInnerBlocks() {
        let outcome = Fixture.evaluate(
            "http { event 1; server { event 3; location a { event 4; } } event 2; }")
        #expect(outcome.built.events == ["1", "2", "3", "4"])
        #expect(outcome.built.scopes.map(\.name) == ["a", "server", "http"])
    }

    @Test func errorsComeInFileOrder() {
        let outcome = Fixture.evaluate("http {\n server {\n gzip x;\n }\n gzip y;\n}")
        #expect(outcome.message?.hasSuffix(":3") == true)
        let syntaxLater = Fixture.evaluate("http {\n server {\n gzip on;\n }\n gzip y;\n} }")
        #expect(syntaxLater.message?.hasSuffix(":5") == true)
        let onlySyntax = Fixture.evaluate("http {\n server {\n gzip on;\n }\n gzip on;\n} }")
        #expect(onlySyntax.message == "unexpected \"}\" in /c.conf:6")
    }

    @Test func aBlockCutShortIsNotFinished() {
        let outcome = Fixture.evaluate("http { upstream a { ")
        #expect(outcome.message == "unexpected end of file, expecting \"}\" in /c.conf:1")
        #expect(outcome.built.scopes.isEmpty)
    }

    @Test func rowsHaveNoConflicts() {
        #expect(Fixture.table.conflicts.isEmpty)
        let twice = RowTable([Fixture.rows[0], Fixture.rows[0]])
        #expect(twice.conflicts == ["daemon"])
    }

    @Test func referenceHasEveryRow() {
        let text = Reference.markdown(Fixture.rows)
        for row in Fixture.rows { #expect(text.contains("\n## \(row.name)\n")) }
        #expect(text.contains("- Syntax: `proxy_buffers number size;`"))
        #expect(text.contains("- Contexts: http, server, location\n"))
        #expect(Reference.ignored(Fixture.rows).map(\.name) == ["accept_mutex"])
    }
}

@Suite struct UnitsTests {
    @Test(
        arguments: [
            ("0", 0), ("1024", 1024), ("8k", 8192), ("8K", 8192), ("1m", 1 << 20), ("1M", 1 << 20),
            ("1g", nil), ("", nil), ("k", nil), ("-1", nil), ("1kk", nil), ("1 k", nil),
            ("0x10", nil),
            ("9223372036854775807", Int.max), ("9223372036854775808", nil),
            ("9007199254740991k", 9_007_199_254_740_991 << 10), ("9007199254740992k", nil),
        ] as [(String, Int?)])
    func sizes(text: String, value: Int?) {
        #expect(Units.size(ByteString(text)) == value)
    }

    @Test func offsetsMayBeGigabytes() {
        #expect(Units.offset("2g") == 2 << 30)
        #expect(Units.offset("2G") == 2 << 30)
        #expect(Units.offset("8589934592g") == nil)
        #expect(Units.offset("g") == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("30", 30_000), ("30s", 30_000), ("500ms", 500), ("1m", 60_000),
            ("1m30", 90_000),
            ("1h30m", 5_400_000), ("1d", 86_400_000), ("1w", 604_800_000), ("1w2d", 777_600_000),
            ("1s500ms", 1500), ("1m 30s", 90_000), ("1 ", 1000), ("30s1m", nil), ("1m1m", nil),
            ("1ms1s", nil), ("1y", nil), ("1M", nil), ("", nil), ("s", nil), ("-1", nil),
            ("1x", nil),
            ("ms", nil), ("1s ", 1000), ("1s 5 ", nil), ("1h 1ms", 3_600_001),
            ("9223372036854775807", nil), ("9223372036854775", 9_223_372_036_854_775_000),
            ("106751991167d", 9_223_372_036_828_800_000), ("106751991168d", nil),
        ] as [(String, Int?)])
    func milliseconds(text: String, value: Int?) {
        #expect(Units.milliseconds(ByteString(text)) == value)
    }

    @Test(
        arguments: [
            ("30", 30), ("1y", 31_536_000), ("1M", 2_592_000), ("1y1M", 34_128_000), ("1M1y", nil),
            ("500ms", nil), ("1m", 60), ("1m30s", 90), ("max", nil), ("1d 12h", 129_600),
        ] as [(String, Int?)])
    func seconds(text: String, value: Int?) {
        #expect(Units.seconds(ByteString(text)) == value)
    }

    @Test func editDistanceCountsSwaps() {
        let distance = { (left: String, right: String) in
            Diagnosis.editDistance(Array(left.utf8), Array(right.utf8), atMost: 2)
        }
        #expect(distance("listen", "listen") == 0)
        #expect(distance("lisen", "listen") == 1)
        #expect(distance("lsiten", "listen") == 1)
        #expect(distance("abc", "xyz") == 3)
    }
}
