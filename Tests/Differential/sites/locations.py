"""Which location, which server, which file."""

from support import Site, get, raw

LOCATIONS = Site("locations", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location = / { return 200 "exact root\n"; }
        location / { return 200 "prefix root\n"; }
        location = /exact { return 200 "exact\n"; }
        location /exact { return 200 "exact's prefix\n"; }
        location /images/ { return 200 "images\n"; }
        location ^~ /images/raw/ { return 200 "raw images\n"; }
        location ~ \.gif$ { return 200 "gif\n"; }
        location ~* \.JPE?G$ { return 200 "jpeg $uri\n"; }
        location ~ ^/user/(\d+)/(?<what>\w+)$ { return 200 "user $1 $what\n"; }
        location ~ ^/(?!private)(p\w+)/x$ { return 200 "not private: $1\n"; }
        location /outer/ {
            location = /outer/exact { return 200 "outer exact\n"; }
            location /outer/inner/ {
                location ~ \.txt$ { return 200 "inner text\n"; }
                return 200 "inner\n";
            }
            location ~ \.txt$ { return 200 "outer text\n"; }
            return 200 "outer\n";
        }
        location "/with space" { return 200 "space\n"; }
        location /grüße { return 200 "umlauts\n"; }
        location /slash/ { proxy_pass http://127.0.0.1:1; }
        location @named { return 200 "named $uri\n"; }
        location /to-named { error_page 404 = @named; return 404; }
    }
""", {
    "root": get("/"),
    "other": get("/other"),
    "exact": get("/exact"),
    "exact-slash": get("/exact/"),
    "exact-longer": get("/exactly"),
    "exact-query": get("/exact?x=1"),
    "exact-escaped": get("/%65xact"),
    "images": get("/images/a"),
    "images-gif": get("/images/a.gif"),
    "images-raw-gif": get("/images/raw/a.gif"),
    "case-insensitive": get("/a.jpg"),
    "case-insensitive-upper": get("/a.JPEG"),
    "case-sensitive-upper": get("/a.GIF"),
    "captures": get("/user/42/name"),
    "captures-no-match": get("/user/x/name"),
    "lookahead": get("/public/x"),
    "lookahead-refuses": get("/private/x"),
    "outer": get("/outer/"),
    "outer-exact": get("/outer/exact"),
    "outer-text": get("/outer/a.txt"),
    "inner": get("/outer/inner/a"),
    "inner-text": get("/outer/inner/a.txt"),
    "space": get("/with%20space"),
    "umlauts": get("/gr%C3%BC%C3%9Fe"),
    "umlauts-raw": "GET /grüße HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
    "auto-redirect": get("/slash"),
    "auto-redirect-query": get("/slash?a=b"),
    "named": get("/to-named"),
    "named-by-uri": get("/@named"),
    "dot-segments": get("/images/../exact"),
    "dot-segments-escaped": get("/images/%2e%2e/exact"),
    "double-slash": get("//exact"),
    "escaped-slash": get("/images%2fraw%2Fa.gif"),
    "fragment": get("/exact#part"),
    "plus": get("/a+b.jpg"),
    "escaped-percent": get("/a%25b.jpg"),
})

SERVERS = Site("servers", r"""
    server { listen 127.0.0.1:%%PORT%%; server_name first.test; return 200 "first $server_name\n"; }
    server { listen 127.0.0.1:%%PORT%% default_server; server_name default.test;
             return 200 "default $server_name\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name .both.test; return 200 "both $server_name $host\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name *.wild.test; return 200 "wild $server_name\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name *.deep.wild.test; return 200 "deep wild\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name www.tail.*; return 200 "tail $server_name\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name ~^(?<sub>\w+)\.re\.test$;
             return 200 "regex $sub $1 $server_name\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name ~^x\.re\.test$ exact.re.test;
             return 200 "second regex\n"; }
    server { listen 127.0.0.1:%%PORT%%; server_name MIXED.Test ""; return 200 "mixed $server_name $host\n"; }
""", {
    name.replace(".", "-").replace(":", "-colon-").replace("*", "star") or "empty":
        get("/", host=name)
    for name in [
        "first.test", "FIRST.test", "first.test.", "first.test:80", "unknown.test", "both.test",
        "a.both.test", "a.b.both.test", "xboth.test", "wild.test", "a.wild.test", "a.b.wild.test",
        "a.deep.wild.test", "www.tail.org", "www.tail.co.uk", "www.tail", "abc.re.test", "x.re.test",
        "exact.re.test", "mixed.test", "127.0.0.1", "[::1]", "[::1]:80", "a_b.test", "",
    ]
} | {
    "host-bad-slash": get("/", host="a/b"),
    "host-bad-dots": get("/", host="a..b"),
    "host-bad-brackets": get("/", host="[::1"),
    "host-at": get("/", host="user@first.test"),
    "host-space": get("/", host="first.test x"),
    "host-port-letters": get("/", host="first.test:abc"),
    "host-none": get("/", host=None),
    "host-none-1-0": get("/", host=None, version="1.0"),
    "host-twice": raw("GET / HTTP/1.1", "Host: first.test", "Host: both.test", "Connection: close"),
    "absolute": raw("GET http://first.test/ HTTP/1.1", "Host: both.test", "Connection: close"),
    "absolute-upper": raw("GET HTTP://FIRST.test/x HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-port": raw("GET http://first.test:99/ HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-no-path": raw("GET http://first.test HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-query": raw("GET http://first.test?x=1 HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-no-host": raw("GET http://first.test/ HTTP/1.1", "Connection: close"),
    "absolute-ipv6": raw("GET http://[::1]:80/ HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-other-scheme": raw("GET ftp://first.test/ HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-bad": raw("GET http:/first.test/ HTTP/1.1", "Host: a", "Connection: close"),
})

# Requests without a host are for the first server without a name, wherever it stands.
NAMELESS = Site("nameless", r"""
    server { listen 127.0.0.1:%%PORT%%; server_name first.test; return 200 "first $server_name $host\n"; }
    server { listen 127.0.0.1:%%PORT%%; return 200 "second $server_name $host\n"; }
    server { listen 127.0.0.1:%%PORT%% default_server; return 200 "third $server_name $host\n"; }
""", {
    "none": get("/", host=None, version="1.0"),
    "none-0-9": raw("GET /"),
    "unknown": get("/", host="unknown.test"),
    "known": get("/", host="first.test"),
})

SLASHES = Site("slashes", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name merged.test;
        location / { return 200 "$uri|$request_uri|$args|$is_args\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name kept.test;
        merge_slashes off;
        location / { return 200 "$uri|$request_uri\n"; }
        location //two { return 200 "two\n"; }
    }
""", {
    f"{host}-{name}": get(path, host=f"{host}.test")
    for host in ("merged", "kept")
    for name, path in {
        "double": "/a//b///c", "leading": "//two", "dot": "/a/./b", "dotdot": "/a/b/../c",
        "dot-end": "/a/.", "dotdot-end": "/a/b/..", "slash-dotdot": "/a//../b", "above": "/../a",
        "above-later": "/a/../../b", "three-dots": "/a/.../b", "hidden": "/.a/b", "escaped-dot": "/%2e/a",
        "escaped-dotdot": "/a/%2E%2e/b", "escaped-nul": "/a%00b", "escaped-bad": "/a%zzb",
        "escaped-short": "/a%2", "escaped-newline": "/a%0ab", "query-dots": "/a?b/../c",
        "query-question": "/a?b?c", "empty-query": "/a?", "question-escaped": "/a%3Fb",
        "hash-escaped": "/a%23b", "hash": "/a#b?c", "high": "/%ff%fe", "plus": "/a+b",
        "backslash": "/a\\b", "semicolon": "/a;b=c", "star": "*", "no-slash": "a",
    }.items()
})

SITES = [LOCATIONS, SERVERS, NAMELESS, SLASHES]
