"""HTTP/1 itself: heads well and badly formed, bodies, keep-alive, pipelining, limits."""

from support import Site, get, raw, request

PARSING = Site("parsing", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { return 200 "$request_method $request_uri $server_protocol x=$http_x $http_a_b\n"; }
        location /none { }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name underscores.test;
        underscores_in_headers on;
        ignore_invalid_headers off;
        location / { return 200 "x=$http_x $http_a_b\n"; }
    }
""", {
    name: text.encode("latin-1") for name, text in {
        "leading-crlf": "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "leading-lf": "\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "bare-lf": "GET / HTTP/1.1\nHost: a\nConnection: close\n\n",
        "bare-cr-in-line": "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        "bare-cr-in-value": "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\nConnection: close\r\n\r\n",
        "bare-cr-at-end": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\r\n\r\n",
        "method-lower": "get / HTTP/1.1\r\nHost: a\r\n\r\n",
        "method-dash": "M-SEARCH / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "method-digit": "GET1 / HTTP/1.1\r\nHost: a\r\n\r\n",
        "method-underscore": "VERSION_CONTROL / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "method-long": "A" * 40 + " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "no-method": " / HTTP/1.1\r\nHost: a\r\n\r\n",
        "no-uri": "GET HTTP/1.1\r\nHost: a\r\n\r\n",
        "two-spaces": "GET  / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "two-spaces-after": "GET /  HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "space-at-end": "GET / HTTP/1.1 \r\nHost: a\r\nConnection: close\r\n\r\n",
        "space-in-uri": "GET /a b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "tab-between": "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "nul-in-uri": "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
        "control-in-uri": "GET /a\x01b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "delete-in-uri": "GET /a\x7fb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "quote-in-uri": "GET /a\"b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "version-1-2": "GET / HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\n",
        "version-1-10": "GET / HTTP/1.10\r\nHost: a\r\nConnection: close\r\n\r\n",
        "version-1-100": "GET / HTTP/1.100\r\nHost: a\r\nConnection: close\r\n\r\n",
        "version-2-0": "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "version-0-9": "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        "version-junk": "GET / HTTX/1.1\r\nHost: a\r\n\r\n",
        "version-short": "GET / HTTP/1\r\nHost: a\r\n\r\n",
        "version-lower": "GET / http/1.1\r\nHost: a\r\n\r\n",
        "http-0-9": "GET /\r\n",
        "http-0-9-missing": "GET /none\r\n",
        "header-space-before-colon": "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\nConnection: close\r\n\r\n",
        "header-space-first": "GET / HTTP/1.1\r\n Host: a\r\nConnection: close\r\n\r\n",
        "header-folded": "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\nConnection: close\r\n\r\n",
        "header-no-colon": "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\nConnection: close\r\n\r\n",
        "header-empty-name": "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\nConnection: close\r\n\r\n",
        "header-empty-value": "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nConnection: close\r\n\r\n",
        "header-spaces": "GET / HTTP/1.1\r\nHost:   a  \r\nX:  1 2  \r\nConnection: close\r\n\r\n",
        "header-tab": "GET / HTTP/1.1\r\nHost: a\r\nX:\t1\t\r\nConnection: close\r\n\r\n",
        "header-no-space": "GET / HTTP/1.1\r\nHost:a\r\nX:1\r\nConnection:close\r\n\r\n",
        "header-underscore": "GET / HTTP/1.1\r\nHost: a\r\nA_B: 1\r\nConnection: close\r\n\r\n",
        "header-underscore-kept": "GET / HTTP/1.1\r\nHost: underscores.test\r\nA_B: 1\r\nConnection: close\r\n\r\n",
        "header-invalid-name": "GET / HTTP/1.1\r\nHost: a\r\nX@y: 1\r\nX: 2\r\nConnection: close\r\n\r\n",
        "header-invalid-kept": "GET / HTTP/1.1\r\nHost: underscores.test\r\nX@y: 1\r\nX: 2\r\nConnection: close\r\n\r\n",
        "header-dot-name": "GET / HTTP/1.1\r\nHost: a\r\nX.y: 1\r\nX: 2\r\nConnection: close\r\n\r\n",
        "header-nul-value": "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "header-nul-name": "GET / HTTP/1.1\r\nHost: a\r\nX\0y: 1\r\n\r\n",
        "header-control-value": "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\nConnection: close\r\n\r\n",
        "header-high-value": "GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xff\r\nConnection: close\r\n\r\n",
        "header-high-name": "GET / HTTP/1.1\r\nHost: a\r\n\xe4: 1\r\nConnection: close\r\n\r\n",
        "unfinished-line": "GET / HT",
        "unfinished-head": "GET / HTTP/1.1\r\nHost: a\r\nX: ",
        "tls-hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "http2-preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "proxy-protocol": "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "junk": "\xff\xfe\xfd\xfc\r\n\r\n",
        "only-crlf": "\r\n\r\n\r\n",
        "nothing": "",
    }.items()
})

SIZES = Site("sizes", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        client_header_buffer_size 256;
        large_client_header_buffers 2 512;
        location / { return 200 "$request_length\n"; }
    }
""", {
    "line-fits": get("/" + "a" * 400), "line-too-long": get("/" + "a" * 600),
    "line-just-fits": get("/" + "a" * (512 - len("GET / HTTP/1.1\r\n"))),
    "line-just-not": get("/" + "a" * (513 - len("GET / HTTP/1.1\r\n"))),
    "line-much-too-long": get("/" + "a" * 3000),
    "header-fits": get("/", X="b" * 400), "header-too-long": get("/", X="b" * 600),
    "headers-many": get("/", **{f"X{n}": "c" * 50 for n in range(12)}),
    "headers-too-many": get("/", **{f"X{n}": "c" * 50 for n in range(40)}),
    "line-and-header": get("/" + "a" * 400, X="b" * 400),
    "cookie-too-long": get("/", Cookie="b" * 1200),
    "name-too-long": get("/", **{"X" * 700: "1"}),
}, torn=False)

# Pages for errors of heads hold as for any other error, whatever of the head was understood.
REFUSED = Site("refused-heads", r"""
    error_page 400 /refused;
    server {
        listen 127.0.0.1:%%PORT%%;
        client_header_buffer_size 256;
        large_client_header_buffers 2 512;
        error_page 414 494 =200 /large;
        error_page 505 501 /passed;
        location = /refused { return 400 "refused $request_method $uri [$http_x] [$host] $content_length.\n"; }
        location = /large { return 200 "large $request_method $status\n"; }
        location = /passed { proxy_pass http://127.0.0.1:%%BACKEND%%/show; proxy_http_version 1.1;
                             proxy_set_header Host u; proxy_set_header Connection ""; }
    }
    server { listen 127.0.0.1:%%PORT%%; server_name named; error_page 400 @named; location @named { return 200 "named $uri\n"; } }
    server { listen 127.0.0.1:%%PORT%%; server_name static; root %%ROOT%%; error_page 400 =404 /index.html; }
""", {
    name: text.encode("latin-1") for name, text in {
        "junk": "\x16\x03\x01", "method": "get / HTTP/1.1\r\nHost: a\r\n\r\n",
        "no-host": "GET /a HTTP/1.1\r\nX: 1\r\n\r\n", "two-hosts": "GET /a HTTP/1.1\r\nX: 1\r\nHost: a\r\nHost: b\r\n\r\n",
        "bad-host": "GET /a HTTP/1.1\r\nX: 1\r\nHost: a/b\r\n\r\n", "target": "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "nul": "GET /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "version": "GET /a HTTP/3.0\r\nHost: a\r\n\r\n",
        "length": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "length-then-bad": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: a\0b\r\n\r\nabc",
        "two-lengths": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "coding": "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "coding-and-length": "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "head": "HEAD /a HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "expects": "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: x\r\n\r\n",
        "long-line": "GET /" + "a" * 600 + " HTTP/1.1\r\nHost: a\r\n\r\n", "long-field": "GET / HTTP/1.1\r\nX: " + "a" * 600 + "\r\n\r\n",
        "named": "GET /a HTTP/1.1\r\nHost: named\r\nX: a\0b\r\n\r\n",
        "static": "GET /a HTTP/1.1\r\nHost: static\r\nX: a\0b\r\n\r\n",
    }.items()
}, torn=False, backend={}, log="$status")

BODIES = Site("bodies", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        client_max_body_size 1000;
        client_body_buffer_size 128;
        location / { return 200 "$request_method\n"; }
        location /pass { proxy_pass http://127.0.0.1:%%BACKEND%%/show; proxy_http_version 1.1;
                         proxy_set_header Host u; proxy_set_header Connection ""; }
        location /unlimited { client_max_body_size 0; proxy_pass http://127.0.0.1:%%BACKEND%%/show;
                              proxy_set_header Host u; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /streamed { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%/show;
                             proxy_set_header Host u; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /variable { proxy_pass http://127.0.0.1:%%BACKEND%%/show; proxy_set_body "body=$request_body";
                             proxy_set_header Host u; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
""", {
    name: request(path, method="POST", body=body, **headers) for name, path, body, headers in [
        ("small", "/pass", b"abc", {}), ("empty", "/pass", b"", {}), ("above-buffer", "/pass", b"x" * 500, {}),
        ("largest", "/pass", b"x" * 1000, {}), ("too-large", "/pass", b"x" * 1001, {}),
        ("too-large-dropped", "/", b"x" * 1001, {}), ("dropped", "/", b"x" * 900, {}), ("unlimited", "/unlimited", b"x" * 5000, {}),
        ("streamed", "/streamed", b"x" * 500, {}), ("variable", "/variable", b"v", {}),
        ("expect", "/pass", b"abc", {"Expect": "100-continue"}), ("expect-too-large", "/pass", b"x" * 1001, {"Expect": "100-continue"}),
        ("expect-other", "/pass", b"abc", {"Expect": "a-miracle"}), ("expect-dropped", "/", b"abc", {"Expect": "100-continue"}),
    ]
} | {
    f"chunked-{name}": raw(f"POST {path} HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Connection: close", body=body)
    for name, path, body in [
        ("one", "/pass", b"3\r\nabc\r\n0\r\n\r\n"), ("two", "/pass", b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        ("empty", "/pass", b"0\r\n\r\n"), ("hex", "/pass", b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        ("leading-zeros", "/pass", b"0003\r\nabc\r\n000\r\n\r\n"), ("extension", "/pass", b"3;a=b\r\nabc\r\n0;x\r\n\r\n"),
        ("extension-quoted", "/pass", b"3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n"), ("trailer", "/pass", b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"),
        ("too-large", "/pass", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"), ("dropped", "/", b"3\r\nabc\r\n0\r\n\r\n"),
        ("streamed", "/streamed", b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        ("bad-size", "/pass", b"x\r\nabc\r\n0\r\n\r\n"), ("negative", "/pass", b"-3\r\nabc\r\n0\r\n\r\n"),
        ("size-overflow", "/pass", b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n"), ("no-crlf-after-data", "/pass", b"3\r\nabcd\r\n0\r\n\r\n"),
        ("space-in-size", "/pass", b"3 \r\nabc\r\n0\r\n\r\n"), ("prefix-0x", "/pass", b"0x3\r\nabc\r\n0\r\n\r\n"),
        ("empty-size", "/pass", b"\r\nabc\r\n0\r\n\r\n"), ("unfinished", "/pass", b"5\r\nab"),
    ]
} | {
    "length-unfinished": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 5", body=b"ab"),
    "length-missing": raw("POST /pass HTTP/1.1", "Host: a", "Connection: close"),
    "length-junk": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: abc"),
    "length-negative": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: -1"),
    "length-plus": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: +3", body=b"abc"),
    "length-overflow": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 99999999999999999999"),
    "length-empty": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length:", "Connection: close"),
    "length-list": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 3, 3", body=b"abc"),
    "length-twice-same": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 3", body=b"abc"),
    "length-twice-other": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 4", body=b"abcd"),
    "length-and-chunked": raw("POST /pass HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked",
                              body=b"0\r\n\r\n"),
    "chunked-and-length": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 3",
                              body=b"0\r\n\r\n"),
    "transfer-encoding-other": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: gzip", body=b"abc"),
    "transfer-encoding-list": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "transfer-encoding-identity": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: identity", body=b"abc"),
    "transfer-encoding-twice": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: chunked",
                                   "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "transfer-encoding-upper": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding: CHUNKED", "Connection: close",
                                   body=b"0\r\n\r\n"),
    "transfer-encoding-1-0": raw("POST /pass HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "transfer-encoding-space": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding : chunked", "Connection: close",
                                   body=b"0\r\n\r\n"),
    "transfer-encoding-tab": raw("POST /pass HTTP/1.1", "Host: a", "Transfer-Encoding:\tchunked", "Connection: close",
                                 body=b"0\r\n\r\n"),
    "get-with-body": raw("GET /pass HTTP/1.1", "Host: a", "Content-Length: 3", "Connection: close", body=b"abc"),
    "head-with-body": raw("HEAD / HTTP/1.1", "Host: a", "Content-Length: 3", "Connection: close", body=b"abc"),
    "http-1-0": raw("POST /pass HTTP/1.0", "Host: a", "Content-Length: 3", body=b"abc"),
}, backend={}, untorn={"streamed", "chunked-streamed"})  # what is known when the upstream is asked, differs

KEEPALIVE = Site("keep-alive", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        keepalive_requests 3;
        location / { return 200 "$connection_requests\n"; }
        location /file { alias %%ROOT%%/index.html; }
        location /off { keepalive_timeout 0; return 200 "off\n"; }
        location /header { keepalive_timeout 150ms 20s; return 200 "header\n"; }
        location /disable { keepalive_disable msie6; return 200 "x\n"; }
        location /lingering { lingering_close always; return 200 "x\n"; }
        location /no-linger { lingering_close off; return 200 "x\n"; }
        location /pass { proxy_pass http://127.0.0.1:%%BACKEND%%/show; proxy_set_header Connection "";
                         proxy_http_version 1.1; proxy_set_header Host u; }
    }
""", {
    "one": get("/", close=False), "two": get("/", close=False) * 2, "limit": get("/", close=False) * 5,
    "close-first": get("/") + get("/"), "http-1-0": get("/", version="1.0", close=False) * 2,
    "http-1-0-asked": get("/", version="1.0", close=False, Connection="keep-alive") * 2,
    "http-1-0-asked-upper": get("/", version="1.0", close=False, Connection="Keep-Alive"),
    "connection-list": get("/", close=False, Connection="close, x"), "connection-upper": get("/", close=False, Connection="CLOSE"),
    "off": get("/off", close=False) * 2, "header": get("/header", close=False),
    "safari": get("/disable", close=False, User_Agent="Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_5) Safari/525"),
    "msie6-post": request("/disable", method="POST", body=b"a", close=False, User_Agent="Mozilla/4.0 (compatible; MSIE 6.0; W)"),
    "mixed": get("/file", close=False) + get("/none", close=False) + get("/file"),
    "head-then-get": request("/file", method="HEAD", close=False) + get("/file"),
    "post-then-get": request("/", method="POST", body=b"abc", close=False) + get("/"),
    "chunked-then-get": raw("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n") + get("/"),
    "pass-then-get": request("/pass", method="POST", body=b"abc", close=False) + get("/"),
    "bad-second": get("/", close=False) + b"BAD\r\n\r\n", "crlf-between": get("/", close=False) + b"\r\n" + get("/"),
    "lingering": get("/lingering"), "no-linger": get("/no-linger"),
    "not-modified-then-get": get("/file", close=False, If_None_Match="*") + get("/file"),
}, backend={})

LOGGING = Site("logging", r"""
    log_format plain '$request|$http_x|$arg_a|$status';
    log_format json escape=json '{"x":"$http_x","a":"$http_a","uri":"$request_uri"}';
    log_format none escape=none '$http_x $http_a';
    map $arg_log $wanted { 1 1; default 0; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { access_log logs/access.log plain; return 200; }
        location /json { access_log logs/access.log json; return 200; }
        location /none { access_log logs/access.log none; return 200; }
        location /off { access_log off; return 200; }
        location /if { access_log logs/access.log plain if=$wanted; return 200; }
        location /two { access_log logs/access.log plain; access_log logs/access.log json; return 200; }
        location /variable { access_log logs/$arg_f.log plain; return 200; }
    }
""", {
    name: raw(f"GET {path} HTTP/1.1", "Host: a", f"X: {value}", "Connection: close") for name, path, value in [
        ("plain", "/", "x"), ("quote", "/", 'a"b'), ("backslash", "/", "a\\b"), ("high", "/", "\xe4\xff"),
        ("control", "/", "a\x01b\x7fc\x1f"), ("tab", "/", "a\tb"), ("uri-escaped", "/%22%00", "y"),
        ("uri-high", "/\xe4?a=\xfc", "x"), ("json", "/json", 'a"b\\c\x01\td\x7f'), ("json-high", "/json", "\xe4"),
        ("none", "/none", 'a"b\\c\xe4'), ("off", "/off", "x"), ("if", "/if", "x"), ("if-wanted", "/if?log=1", "x"),
        ("two", "/two", "x"), ("variable", "/variable?f=access", "x"),
    ]
})

SITES = [PARSING, SIZES, REFUSED, BODIES, KEEPALIVE, LOGGING]
