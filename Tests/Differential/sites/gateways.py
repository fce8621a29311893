"""Upstreams that speak other protocols than HTTP: memcached, FastCGI, SCGI, uwsgi."""

import gzip

import gateways
from gateways import END, FastCGI, SCGI, UWSGI, errors, output, record
from support import Site, get, request


def value(path, content, flags=0):
    return b"VALUE %s %d %d\r\n" % (path.encode("latin-1"), flags, len(content)) + content + b"\r\nEND\r\n"


LARGE = b"0123456789" * 20_000

MEMCACHED = Site("memcached", r"""
    upstream kept { server 127.0.0.1:%%BACKEND%%; keepalive 4; }
    upstream two { server 127.0.0.1:1; server 127.0.0.1:%%BACKEND%% backup; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        set $memcached_key $uri;
        location / { memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /kept/ { memcached_pass kept; }
        location /two/ { memcached_pass two; }
        location /flags/ { memcached_gzip_flag 2; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /gunzip/ { memcached_gzip_flag 1; gunzip on; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /small/ { memcached_buffer_size 32; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /slow/ { memcached_read_timeout 200ms; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /dead { memcached_pass 127.0.0.1:1; }
        location /unset { set $memcached_key ""; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /query { set $memcached_key $args; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location /caught/ { error_page 404 502 =200 /index.html; memcached_pass 127.0.0.1:%%BACKEND%%; }
        location = /index.html { }
    }
""", {
    **{name: get(f"/{name}") for name in (
        "text", "page.html", "a.txt", "none", "empty", "large", "torn", "kept/text", "kept/none", "two/text", "two/none", "flags/gzip",
        "flags/other", "flags/wrong", "gunzip/page.txt", "small/long", "small/value", "slow/never", "slow/late", "dead", "unset",
        "caught/none", "caught/wrong", "wrong/key", "wrong/length", "wrong/line", "wrong/trailer", "wrong/trailer-late",
        "wrong/lf", "wrong/more", "wrong/short", "wrong/closed", "wrong/nothing", "wrong/error", "wrong/no-flags", "a%20b%25%0a")},
    "query": get("/query?a=b"),
    "head": get("/text", method="HEAD"), "head-none": get("/none", method="HEAD"),
    "post": request("/text", method="POST", body=b"abc"), "get-with-body": request("/text", method="GET", body=b"abc"),
    "range": get("/text", Range="bytes=1-2"), "ranges": get("/text", Range="bytes=1-2,4-"),
    "kept-twice": get("/kept/text", close=False) + get("/kept/text", close=False) + get("/kept/none", close=False) + get("/kept/text"),
    "gzip-accepted": get("/gunzip/page.txt", Accept_Encoding="gzip"),
}, backend={
    **{path: [value(path, b"the text\n"), "keep"] for path in ("/text", "/kept/text", "/two/text")},
    "/page.html": [value("/page.html", b"<p>"), "keep"], "/a.txt": [value("/a.txt", b"a"), "keep"],
    "/empty": [value("/empty", b""), "keep"], "/large": [value("/large", LARGE), "keep"],
    "/torn": [b"VALU", 0.02, b"E /torn 0 3\r", 0.02, b"\nab", 0.02, b"c\r", 0.02, b"\nEND\r", 0.02, b"\n", "keep"],
    "/flags/gzip": [value("/flags/gzip", gzip.compress(b"abc", mtime=0), 3), "keep"], "/flags/other": [value("/flags/other", b"abc", 1), "keep"],
    "/flags/wrong": [b"VALUE /flags/wrong x 3\r\nabc\r\nEND\r\n", "keep"],
    "/gunzip/page.txt": [value("/gunzip/page.txt", gzip.compress(b"unpacked\n", mtime=0), 1), "keep"],
    "/small/long": [b"VALUE /small/long 0000000000000000000000000000000 3\r\nabc\r\nEND\r\n", "keep"],
    "/small/value": [value("/small/value", b"abc" * 100), "keep"],
    "/slow/never": [0.5, value("/slow/never", b"abc")], "/slow/late": [b"VALUE /slow/late 0 3\r\nab", 0.5, b"c\r\nEND\r\n"],
    "/wrong/key": [value("/other/key", b"abc")], "/wrong/length": [b"VALUE /wrong/length 0 x\r\nabc\r\nEND\r\n"],
    "/wrong/line": [b"SOMETHING else\r\n"], "/wrong/trailer": [b"VALUE /wrong/trailer 0 3\r\nabc\r\nXXX\r\n"],
    "/wrong/trailer-late": [b"VALUE /wrong/trailer-late 0 3\r\nabc", 0.05, b"\r\nENX\r\n"],
    "/wrong/lf": [b"VALUE /wrong/lf 0 3\nabc\r\nEND\r\n"], "/wrong/more": [value("/wrong/more", b"abc") + b"more"],
    "/wrong/short": [b"VALUE /wrong/short 0 10\r\nabc"], "/wrong/closed": [b"VALUE /wrong/closed 0 3\r\nabc\r\n"],
    "/wrong/nothing": [], "/wrong/error": [b"ERROR\r\n"], "/wrong/no-flags": [b"VALUE /wrong/no-flags\r\n"],
    "/caught/wrong": [b"SERVER_ERROR\r\n"], "/a%20b%25%0A": [value("/a%20b%25%0A", b"escaped"), "keep"],
    "a=b": [value("a=b", b"by query"), "keep"],
    "*": [b"END\r\n", "keep"],
}, speaks=gateways.Memcached, torn=False, log="$upstream_status")


# Variables that all three are asked with. The port in a value would differ, so there is none.
VARIABLES = """
        %(name)s_param DOCUMENT_URI $document_uri;
        %(name)s_param REQUEST_METHOD $request_method;
        %(name)s_param QUERY_STRING $query_string;
        %(name)s_param EMPTY "";
"""
LENGTH = "        %(name)s_param CONTENT_LENGTH $content_length;\n"


def site(name, kind, config, requests, script, **options):
    """A site whose `NAME_` stands for the module's prefix."""
    variables = VARIABLES + ("" if name == "scgi" else LENGTH)
    text = (r"""
    upstream kept { server 127.0.0.1:%%BACKEND%%; keepalive 4; }
    upstream two { server 127.0.0.1:1; server 127.0.0.1:%%BACKEND%% backup; }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name site.test;
        root %%ROOT%%;
""" + variables % {"name": name} + config + "    }\n").replace("NAME_", name + "_")
    text = text.replace("LENGTH;", "" if name == "scgi" else f"{name}_param CONTENT_LENGTH $content_length;")
    return Site(name, text, requests, backend=script, speaks=kind, log="$upstream_status", **options)


# What they have in common: how an answer's head is read, and what of it is passed on.
COMMON = r"""
        location / { NAME_pass 127.0.0.1:%%BACKEND%%; }
        location = /index.html { }
        location = /show/plain { rewrite ^ /show; }
        location = /show { NAME_pass 127.0.0.1:%%BACKEND%%; }
        location = /show/none {
            NAME_pass_request_headers off;
            NAME_pass_request_body off;
            NAME_param DOCUMENT_URI /show;
            NAME_param CONTENT_LENGTH 0;
            NAME_pass 127.0.0.1:%%BACKEND%%;
        }
        location = /show/own {
            NAME_param DOCUMENT_URI /show;
            NAME_param HTTP_X_OWN "own $arg_x";
            NAME_param HTTP_X_HIDDEN "";
            NAME_param HTTP_X_VARIABLE $arg_none;
            NAME_param X_SKIPPED $arg_none if_not_empty;
            NAME_param X_KEPT $arg_x if_not_empty;
            NAME_param TWICE 1;
            NAME_param TWICE 2;
            NAME_pass 127.0.0.1:%%BACKEND%%;
        }
        location /two/ { NAME_pass two; }
        location /variable/ { set $where 127.0.0.1:%%BACKEND%%; NAME_pass $where; }
        location /group/ { set $group kept; NAME_pass $group; }
        location /wrong-variable { set $nowhere "127.0.0.1:99999"; NAME_pass $nowhere; }
        location /dead { NAME_pass 127.0.0.1:1; }
        location /slow/ { NAME_buffering off; NAME_read_timeout 200ms; NAME_pass 127.0.0.1:%%BACKEND%%; }
        location /small/ { NAME_buffer_size 64; NAME_buffers 4 64; NAME_pass 127.0.0.1:%%BACKEND%%; }
        location /caught/ {
            NAME_intercept_errors on;
            error_page 404 500 502 =200 /index.html;
            NAME_pass 127.0.0.1:%%BACKEND%%;
        }
        location /fields/ {
            NAME_hide_header X-Hidden;
            NAME_pass_header X-Accel-Expires;
            NAME_ignore_headers X-Accel-Redirect;
            NAME_pass 127.0.0.1:%%BACKEND%%;
        }
        location /ranges/ { NAME_force_ranges on; NAME_pass 127.0.0.1:%%BACKEND%%; }
        location /unbuffered/ { NAME_buffering off; NAME_pass 127.0.0.1:%%BACKEND%%; }
        location /streamed/ { NAME_request_buffering off; LENGTH; NAME_param DOCUMENT_URI /show; NAME_pass 127.0.0.1:%%BACKEND%%; }
        location /if/ { if ($arg_yes) { NAME_pass 127.0.0.1:%%BACKEND%%; } }
        location /folder/ { NAME_pass 127.0.0.1:%%BACKEND%%; }
"""

HEADS = {
    "/status": b"Status: 404 Not There\r\n\r\nnot there",
    "/status-bare": b"Status: 201\r\n\r\ncreated",
    "/status-wrong": b"Status: wrong\r\n\r\n", "/status-short": b"Status: 20\r\n\r\n",
    "/location": b"Location: http://other.test/\r\n\r\n", "/location-status": b"Status: 307 Other\r\nLocation: /a\r\n\r\n",
    "/plain": b"Content-Type: text/html\r\n\r\n<p>", "/lines": b"Content-Type: text/html\n\n<p>",
    "/length": b"Content-Length: 3\r\n\r\nabc", "/length-more": b"Content-Length: 3\r\n\r\nabcdef",
    "/length-zero": b"Content-Length: 0\r\n\r\n", "/length-wrong": b"Content-Length: x\r\n\r\nabc",
    "/empty": b"X-A: b\r\n\r\n", "/nothing": b"\r\nabc", "/garbage": b"\x01\x02garbage\r\n\r\n",
    "/no-content": b"Status: 204 No Content\r\n\r\n", "/not-modified": b"Status: 304 Not Modified\r\n\r\n",
    "/variable/a": b"X-A: b\r\n\r\nby variable", "/group/a": b"X-A: b\r\n\r\nby a group's name", "/two/a": b"X-A: b\r\n\r\nby the second",
    "/small/head": b"X-A: " + b"a" * 100 + b"\r\n\r\nabc", "/small/body": b"Content-Length: 5000\r\n\r\n" + b"0123456789" * 500,
    "/caught/404": b"Status: 404 Not Found\r\n\r\nnot found", "/caught/403": b"Status: 403 Forbidden\r\n\r\nno",
    "/fields/a": b"X-Hidden: a\r\nX-Shown: b\r\nX-Accel-Expires: 5\r\nX-Accel-Redirect: /index.html\r\nServer: own\r\n\r\nabc",
    "/accel": b"X-Accel-Redirect: /index.html\r\nContent-Type: text/css\r\n\r\nlost",
    "/ranges/a": b"Content-Length: 10\r\n\r\n0123456789", "/unbuffered/a": b"Content-Length: 3\r\n\r\nabc",
    "/unbuffered/open": b"X-A: b\r\n\r\nabc", "/large": b"Content-Length: 200000\r\n\r\n" + LARGE,
    "/cookies": b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nabc",
    "/if/a": b"X-A: b\r\n\r\nby a condition", "/folder/": b"X-A: b\r\n\r\nfolder",
}
# nginx 1.22 tells SCGI a wrong length of it, which later ones do not.
STREAMED_LARGE = request("/streamed/a", method="POST", body=LARGE)
BODY = b"name=value&" * 30
COMMON_REQUESTS = {
    **{path.strip("/").replace("/", "-") or "folder": get(path) for path in HEADS if path != "/if/a"},
    "if": get("/if/a?yes=1"), "if-not": get("/if/a"), "folder-bare": get("/folder"),
    "show": get("/show?a=b&c", X_Own="1", Accept="*/*"),
    "show-many": get("/show", Host="site.test") .replace(
        b"\r\n\r\n", b"\r\nX-A: 1\r\nx-a: 2\r\nCookie: a=b\r\nCookie: c=d\r\nX_B: dropped\r\nX-C-D: 3\r\n\r\n"),
    "show-post": request("/show", method="POST", body=BODY, Content_Type="text/x"),
    "show-large": request("/show", method="POST", body=LARGE[:100_000]),
    "show-chunked": request("/show", method="POST", Transfer_Encoding="chunked").replace(b"Content-Length: 0\r\n", b"")
        + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    "show-none": request("/show/none", method="POST", body=BODY, X_Own="1"),
    "show-own": get("/show/own?x=y", X_Own="1", X_Hidden="2", X_Variable="3"),
    "show-internal": get("/show/plain?q"),
    "streamed": request("/streamed/a", method="POST", body=BODY),
    "head": get("/length", method="HEAD"), "head-open": get("/plain", method="HEAD"), "options": get("/plain", method="OPTIONS"),
    "dead": get("/dead"), "wrong-variable": get("/wrong-variable"), "slow": get("/slow/never"), "slow-late": get("/slow/late"),
    "range": get("/ranges/a", Range="bytes=2-4"), "range-multiple": get("/ranges/a", Range="bytes=2-4,6-7"),
    "closed": get("/closed"), "closed-head": get("/closed-head"), "closed-body": get("/closed-body"), "torn": get("/torn"),
    "reset": get("/reset"),
}


def pieces(text, size=1, pause=0.001):
    """A text in pieces that come one by one."""
    steps = []
    for start in range(0, len(text), size):
        steps += [text[start:start + size], pause]
    return steps


COMMON_SCRIPT = {
    "/slow/never": [0.5], "/closed": [], "/closed-head": [b"X-A: b\r\n"], "/reset": ["reset"],
}
PLAIN_SCRIPT = {
    **COMMON_SCRIPT, **{path: [head] for path, head in HEADS.items()},
    "/slow/late": [b"X-A: b\r\n\r\nab", 0.5, b"c"], "/closed-body": [b"Content-Length: 5\r\n\r\nabc"],
    "/torn": pieces(b"Status: 202 Yes\r\nContent-Length: 3\r\n\r\nabc"),
    "/status-line": [b"HTTP/1.1 202 Yes\r\nX-A: b\r\n\r\nabc"], "/status-line-torn": pieces(b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc"),
    "/status-line-both": [b"HTTP/1.1 202 Yes\r\nStatus: 404 No\r\n\r\nabc"], "/status-line-wrong": [b"HTTP/x\r\nX-A: b\r\n\r\nabc"],
    "/status-like": [b"HTTP-X: a\r\n\r\nabc"], "/chunked": [b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
}
PLAIN_REQUESTS = {name: get("/" + name) for name in (
    "status-line", "status-line-torn", "status-line-both", "status-line-wrong", "status-like", "chunked")}

SCGI_SITE = site("scgi", SCGI, COMMON, {**COMMON_REQUESTS, **PLAIN_REQUESTS}, PLAIN_SCRIPT, torn=False)

UWSGI_SITE = site("uwsgi", UWSGI, COMMON + r"""
        location = /show/modifiers {
            uwsgi_modifier1 5;
            uwsgi_modifier2 255;
            uwsgi_param DOCUMENT_URI /show;
            uwsgi_pass uwsgi://127.0.0.1:%%BACKEND%%;
        }
        location /scheme/ { set $by uwsgi://127.0.0.1:%%BACKEND%%; uwsgi_param DOCUMENT_URI /show; uwsgi_pass $by; }
        location /too-big { uwsgi_param DOCUMENT_URI $args$args$args$args$args$args$args$args$args$args$args; uwsgi_pass 127.0.0.1:1; }
""", {
    **COMMON_REQUESTS, **PLAIN_REQUESTS, "modifiers": get("/show/modifiers"), "scheme": get("/scheme/a"),
    "too-big": get("/too-big?" + "a" * 6_000), "streamed-large": STREAMED_LARGE,
}, PLAIN_SCRIPT, torn=False)

FASTCGI_SCRIPT = {
    **COMMON_SCRIPT, **{path: [FastCGI.framed(head)] for path, head in HEADS.items()},
    "/closed-head": [output(b"X-A: b\r\n")],
    "/slow/late": [output(b"X-A: b\r\n\r\nab"), 0.5, output(b"c") + END],
    "/closed-body": [output(b"Content-Length: 5\r\n\r\nabc")], "/closed-open": [output(b"X-A: b\r\n\r\nabc")],
    "/torn": [*pieces(output(b"Status: 202 Yes\r\nContent-Length: 3\r\n\r\nabc", padding=5) + errors(b"said\n", padding=2) + END)],
    "/letters": [b"".join(record(6, b"X-A: b\r\n\r\nabc"[i:i + 1], padding=i) for i in range(13)) + END],
    "/errors": [errors(b"before.\n") + output(b"X-A: b\r\n\r\nabc") + errors(b"between") + output(b"def") + END],
    "/errors-only": [errors(b"Primary script unknown\n") + output(b"Status: 404 Not Found\r\n\r\nFile not found.") + END],
    "/caught-errors/": [errors(b"PHP message: fatal thing\n") + output(b"X-A: b\r\n\r\nabc") + END],
    "/errors-empty": [errors(b"", padding=3) + output(b"X-A: b\r\n\r\nabc") + END],
    "/version": [record(6, b"X-A: b\r\n\r\nabc", version=2)], "/kind": [record(9, b"abc")], "/request": [record(6, b"abc", request=2)],
    "/request-high": [record(6, b"abc", request=257)], "/end-first": [record(3, b"\0" * 8)], "/output-first": [record(6)],
    "/late-version": [output(b"X-A: b\r\n\r\nabc") + record(6, b"def", version=0)],
    "/late-kind": [output(b"X-A: b\r\n\r\nabc") + record(1, b"def")],
    "/length-early": [output(b"Content-Length: 10\r\n\r\nabc") + END], "/end-early": [
        output(b"Content-Length: 10\r\n\r\nabc") + record(3, b"\0" * 8)],
    "/lying-length": [record(6, b"X-A: b\r\n\r\nabc", length=60_000)],
    "/behind-end": [output(b"X-A: b\r\n\r\nabc") + END + output(b"more")],
    "/padded": [output(b"X-A: b\r\n\r\nabc", padding=255) + record(6, padding=255) + record(3, b"\0" * 8, padding=255)],
    "/no-output-end": [output(b"X-A: b\r\n\r\nabc") + record(3, b"\0" * 8)],
    "/application-status": [output(b"X-A: b\r\n\r\nabc") + record(6) + record(3, b"\0\0\0\5\0\0\0\0")],
    **{f"/kept/{path}": [FastCGI.framed(head), "keep"] for path, head in (
        ("a", b"X-A: b\r\n\r\nabc"), ("length", b"Content-Length: 3\r\n\r\nabc"), ("none", b"Status: 204 None\r\n\r\n"))},
    "/kept/more": [FastCGI.framed(b"X-A: b\r\n\r\nabc") + b"more", "keep"], "/kept/cut": [output(b"X-A: b\r\n\r\nabc")],
    "/kept/unbuffered": [FastCGI.framed(b"X-A: b\r\n\r\nabc"), "keep"],
}
FASTCGI_SITE = site("fastcgi", FastCGI, COMMON + r"""
        location /kept/ { fastcgi_keep_conn on; fastcgi_pass kept; }
        location = /kept/unbuffered { fastcgi_keep_conn on; fastcgi_buffering off; fastcgi_pass kept; }
        location /caught-errors/ { fastcgi_catch_stderr "other"; fastcgi_catch_stderr "fatal"; fastcgi_pass 127.0.0.1:%%BACKEND%%; }
        location /index/ {
            fastcgi_index start.php;
            fastcgi_param DOCUMENT_URI /show;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_pass 127.0.0.1:%%BACKEND%%;
        }
        location ~ \.php(/|$) {
            fastcgi_split_path_info ^(.+\.php)(.*)$;
            fastcgi_param DOCUMENT_URI /show;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_pass 127.0.0.1:%%BACKEND%%;
        }
        location /names { return 200 "$fastcgi_script_name|$fastcgi_path_info"; }
        location /names/ { fastcgi_index i; return 200 "$fastcgi_script_name|$fastcgi_path_info"; }
        location /too-big { fastcgi_param X $args$args$args$args$args$args$args$args$args$args$args; fastcgi_pass 127.0.0.1:1; }
        location /bare { fastcgi_pass_request_headers off; fastcgi_param DOCUMENT_URI /show; fastcgi_pass 127.0.0.1:%%BACKEND%%; }
""", {
    **COMMON_REQUESTS,
    **{path.strip("/").replace("/", "-"): get(path) for path in FASTCGI_SCRIPT
       if path not in HEADS and path.strip("/").replace("/", "-") not in COMMON_REQUESTS and path not in COMMON_SCRIPT},
    "kept-again": b"".join(get(f"/kept/{name}", close=False) for name in ("a", "length", "none", "more", "unbuffered", "a", "cut"))
        + get("/kept/a"),
    "index": get("/index/"), "index-file": get("/index/a.php5"), "split": get("/a.php/b/c?d"), "split-none": get("/a.php"),
    "split-twice": get("/a.php/b.php/c"), "names": get("/names"), "names-folder": get("/names/"),
    "too-big": get("/too-big?" + "a" * 6_000), "streamed-large": STREAMED_LARGE, "bare": get("/bare", X_Own="1"),
    "long-name": get("/show", **{"X_" + "A" * 150: "b" * 200}),
}, FASTCGI_SCRIPT, torn=False)

SITES = [MEMCACHED, SCGI_SITE, UWSGI_SITE, FASTCGI_SITE]
