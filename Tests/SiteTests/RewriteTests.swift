import Testing

@testable import ApusServer
@testable import Simulation

/// A server's configuration, the requests put to it, and what comes of each: its status with the text or the place it leads to.
struct Ruling: Sendable {
    let request: String
    let answer: String

    init(_ request: String, _ answer: String) {
        self.request = request
        self.answer = answer
    }

    /// Puts requests to a server that has these files, each with its own name for its content.
    static func check(
        _ server: String, files: [String] = [], _ rulings: [Ruling], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; root files; log_not_found off; port_in_redirect off; \(server) }")
        for file in files { site.put(file, Array(file.utf8)) }
        for ruling in rulings {
            let found = site.ask(Everything.get(ruling.request)).first ?? Answer()
            let shown: String
            switch found.status {
            case 200: shown = "200 \(found.text)"
            case 301, 302, 303, 307, 308:
                shown = "\(found.status) \(found.value(of: "Location") ?? "")"
            default: shown = "\(found.status)"
            }
            #expect(shown == ruling.answer, "\(ruling.request)", sourceLocation: sourceLocation)
        }
        #expect(site.problems() == [], sourceLocation: sourceLocation)
    }
}

extension SiteTests {
    @Suite struct Rewriting {
        private static let shows = "return 200 $uri?$args;"

        @Test func aRuleChangesPathAndArguments() throws {
            try Ruling.check(
                """
                location /a/ { rewrite ^/a/(.*)$ /show/$1 last; }
                location /b/ { rewrite ^/b/(?<name>.*)$ /show/$name?x=1 last; }
                location /c/ { rewrite ^/c/(.*)$ /show/$1?x=1? last; }
                location /d/ { rewrite ^/nothing$ /show/d last; return 200 unchanged; }
                location /e/ { rewrite ^/e/(.)(.)$ /show/$2$1; rewrite ^/show/(.*)$ /show/again-$1 last; }
                location /f/ { rewrite ^ /show/$arg_to? last; }
                location /show/ { \(Self.shows) }
                """,
                [
                    Ruling("/a/x", "200 /show/x?"), Ruling("/a/x?q=1", "200 /show/x?q=1"), Ruling("/a/x%20y", "200 /show/x y?"),
                    Ruling("/b/x?q=1", "200 /show/x?x=1&q=1"), Ruling("/b/x", "200 /show/x?x=1"), Ruling("/c/x?q=1", "200 /show/x?x=1"),
                    Ruling("/d/x", "200 unchanged"), Ruling("/e/12", "200 /show/again-21?"), Ruling("/f/?to=y", "200 /show/y?"),
                ])
        }

        @Test func flagsSayWhatFollows() throws {
            try Ruling.check(
                """
                location /last { rewrite ^ /show last; return 200 no; }
                location /break { rewrite ^ /show break; return 200 no; }
                location /none { rewrite ^ /show; return 200 here; }
                location /redirect { rewrite ^/redirect(.*)$ /show$1 redirect; }
                location /permanent { rewrite ^/permanent(.*)$ http://other.test/p$1 permanent; }
                location /absolute { rewrite ^/absolute(.*)$ https://other.test$1; }
                location /show { \(Self.shows) }
                """, files: ["show"],
                [
                    Ruling("/last", "200 /show?"), Ruling("/break", "200 show"), Ruling("/none", "200 here"),
                    Ruling("/redirect/a?q=1", "302 http://a/show/a?q=1"), Ruling("/redirect/a%20b", "302 http://a/show/a%20b"),
                    Ruling("/permanent/x?q", "301 http://other.test/p/x?q"), Ruling("/absolute/x", "302 https://other.test/x"),
                ])
        }

        @Test func aServersRulesComeFirst() throws {
            try Ruling.check(
                """
                rewrite ^/old/(.*)$ /new/$1 last;
                if ($arg_stop) { return 403; }
                location /old/ { return 200 old; }
                location /new/ { \(Self.shows) }
                """,
                [Ruling("/old/x", "200 /new/x?"), Ruling("/new/x?stop=1", "403"), Ruling("/new/x?stop=0", "200 /new/x?stop=0")])
        }

        @Test func aCycleIsAnError() throws {
            try Ruling.check(
                """
                location /a { rewrite ^ /b last; }
                location /b { rewrite ^ /a last; }
                location /ten { rewrite "^/ten(1{0,8})$" /ten1$1 last; return 200 $uri; }
                """, [Ruling("/a", "500"), Ruling("/ten", "200 /ten111111111")])
        }

        @Test func conditionsCompare() throws {
            try Ruling.check(
                """
                location / {
                    set $is "";
                    if ($arg_a) { set $is "${is}a"; }
                    if ($arg_b = yes) { set $is "${is}b"; }
                    if ($arg_c != no) { set $is "${is}c"; }
                    if ($arg_d ~ ^(x+)$) { set $is "${is}d$1"; }
                    if ($arg_e ~* ^x$) { set $is "${is}e"; }
                    if ($arg_f !~ x) { set $is "${is}f"; }
                    if ($arg_g !~* x) { set $is "${is}g"; }
                    return 200 $is;
                }
                """,
                [
                    Ruling("/", "200 cfg"), Ruling("/?a=1", "200 acfg"), Ruling("/?a=0", "200 cfg"), Ruling("/?a=00", "200 acfg"),
                    Ruling("/?b=yes&c=no", "200 bfg"), Ruling("/?b=YES", "200 cfg"), Ruling("/?d=xx", "200 cdxxfg"),
                    Ruling("/?d=X&e=X", "200 cefg"), Ruling("/?f=x&g=X", "200 c"), Ruling("/?f=X", "200 cfg"),
                ])
        }

        @Test func conditionsLookAtFiles() throws {
            try Ruling.check(
                """
                location / {
                    set $is "";
                    if (-f $document_root$uri) { set $is "${is}f"; }
                    if (!-f $document_root$uri) { set $is "${is}-f"; }
                    if (-d $document_root$uri) { set $is "${is}d"; }
                    if (-e $document_root$uri) { set $is "${is}e"; }
                    if (!-e $document_root$uri) { set $is "${is}-e"; }
                    if (-x $document_root$uri) { set $is "${is}x"; }
                    return 200 $is;
                }
                """, files: ["folder/file"],
                [Ruling("/folder/file", "200 fe"), Ruling("/folder", "200 -fdex"), Ruling("/none", "200 -f-e"), Ruling("/folder/file/x", "200 -f-e")])
        }

        /// The block of a condition is a location of its own, of which the last that holds is entered.
        @Test func aConditionsBlockHasItsOwnSettings() throws {
            try Ruling.check(
                """
                location / {
                    if ($arg_a) { root other; }
                    if ($arg_b) { return 204; }
                    if ($arg_c) { break; }
                    if ($arg_c) { return 403; }
                }
                """, files: ["x"],
                [Ruling("/x", "200 x"), Ruling("/x?a=1", "404"), Ruling("/x?b=1", "204"), Ruling("/x?c=1", "200 x")])
        }

        @Test func returnAnswers() throws {
            try Ruling.check(
                """
                location /text { return 200 "$request_method of $uri"; }
                location /code { return 404; }
                location /uri { return http://other.test$request_uri; }
                location /path { return 307 /elsewhere; }
                location /empty { return 200; }
                location /unknown { return 299 x; }
                location /error { return 500 text; }
                error_page 418 /pot; location /pot { return 200 tea; }
                location /tea { return 418; }
                """,
                [
                    Ruling("/text", "200 GET of /text"), Ruling("/code", "404"), Ruling("/uri?q", "302 http://other.test/uri?q"),
                    Ruling("/path", "307 http://a/elsewhere"), Ruling("/empty", "200 "), Ruling("/unknown", "299"),
                    Ruling("/error", "500"), Ruling("/tea", "418"),
                ])
        }

        @Test func variablesKeepTheirValues() throws {
            try Ruling.check(
                """
                set $a server; set $unset $arg_none;
                location /x { set $a "$a-$uri"; rewrite ^ /y last; }
                location /y { return 200 "$a:$unset."; }
                """, [Ruling("/y", "200 server:."), Ruling("/x", "200 server-/x:.")])
        }
    }

    @Suite struct TryingFiles {
        @Test func theFirstThatIsThereIsServed() throws {
            try Ruling.check(
                """
                location / { try_files $uri $uri/index.txt /fallback; }
                location /code/ { try_files $uri =410; }
                location /named/ { try_files $uri @named; }
                location /query/ { try_files $uri /shown?from=$uri&$args; }
                location /folders/ { try_files $uri/ $uri /fallback; index page; }
                location = /fallback { return 200 "fallback for $request_uri"; }
                location = /shown { return 200 $args; }
                location @named { return 200 "named $uri"; }
                """, files: ["a", "folder/index.txt", "code/a", "folders/f/page", "folders/g"],
                [
                    Ruling("/a", "200 a"), Ruling("/folder", "200 folder/index.txt"), Ruling("/none?x", "200 fallback for /none?x"),
                    Ruling("/code/a", "200 code/a"), Ruling("/code/b", "410"), Ruling("/named/x", "200 named /named/x"),
                    Ruling("/query/x?a=1", "200 from=/query/x&a=1"), Ruling("/folders/f", "301 http://a/folders/f/"),
                    Ruling("/folders/f/", "200 folders/f/page"), Ruling("/folders/g", "200 folders/g"), Ruling("/folders/h", "200 fallback for /folders/h"),
                ])
        }

        @Test func aFolderIsNoFileAndAFileNoFolder() throws {
            try Ruling.check(
                "location / { try_files $uri =404; } location /slash/ { try_files $uri/ =404; }",
                files: ["folder/x", "slash/file"],
                [Ruling("/folder", "404"), Ruling("/folder/x", "200 folder/x"), Ruling("/slash/file", "404")])
        }

        @Test func anAliasReplacesTheLocation() throws {
            try Ruling.check(
                """
                location /to/ { alias files/; try_files $uri /found; }
                location ~ ^/regex/(.*)$ { alias files/; try_files $1 =404; }
                location = /found { return 200 found; }
                """, files: ["a", "folder/b"],
                [
                    Ruling("/to/a", "200 a"), Ruling("/to/folder/b", "200 folder/b"), Ruling("/to/none", "200 found"),
                    Ruling("/regex/a", "200 a"), Ruling("/regex/none", "404"),
                ])
        }

        @Test func aServersOwnHoldsWhereNoLocationIs() throws {
            try Ruling.check("try_files $uri /index; location /x { }", files: ["a", "index"],
                [Ruling("/a", "200 a"), Ruling("/none", "200 index"), Ruling("/x/none", "404")])
        }

        @Test func aNameThatLeadsBackIsACycle() throws {
            try Ruling.check("location / { try_files $uri /none; }", files: ["a"], [Ruling("/b", "500"), Ruling("/a", "200 a")])
        }
    }

    @Suite struct IndexFiles {
        @Test func theFirstThatIsThereIsServed() throws {
            try Ruling.check(
                """
                index first second;
                location / { }
                location /variable/ { index $arg_i other; }
                location /absolute/ { index none /shown; }
                location = /shown { return 200 "shown for $request_uri"; }
                location /routed/ { index page.x; }
                location ~ \\.x$ { return 200 "routed $uri"; }
                """,
                files: ["one/first", "one/second", "two/second", "three/x", "variable/a", "variable/other", "absolute/x", "routed/page.x", "file"],
                [
                    Ruling("/one/", "200 one/first"), Ruling("/two/", "200 two/second"), Ruling("/three/", "403"), Ruling("/none/", "404"),
                    Ruling("/one", "301 http://a/one/"), Ruling("/one?q", "301 http://a/one/?q"), Ruling("/file/", "404"),
                    Ruling("/variable/?i=a", "200 variable/a"), Ruling("/variable/?i=none", "200 variable/other"),
                    Ruling("/absolute/", "200 shown for /absolute/"), Ruling("/routed/", "200 routed /routed/page.x"),
                ])
        }

        @Test func aFolderOfThatNameIsTakenAndRedirectedTo() throws {
            try Ruling.check("index page;", files: ["folder/page/x"], [Ruling("/folder/", "301 http://a/folder/page/")])
        }

        @Test func anIndexOfAnAlias() throws {
            try Ruling.check("location /to/ { alias files/folder/; index page; }", files: ["folder/page"], [Ruling("/to/", "200 folder/page")])
        }
    }
}
