"""Answers of several parts, and texts replaced in them: subrequests in their kinds, and their order."""

import gzip

from support import Site, get

PAGE = b"<html>\n<body>\nfoo and FOO, Foobar, aab\n</body>\n</html>\n"

FILES = {
    "page.html": PAGE, "empty.html": b"", "plain.txt": b"plain foo text\n", "large.html": b"0123456789abcdef foo\n" * 4000,
    "before.html": b"[before foo]\n", "after.html": b"[after]\n",
}

# What is asked of the server itself is not logged: nginx 1.22 asks in HTTP/1.0.
COMMON = r"""
    map $http_x_inner $outer { "" 1; default 0; }
    proxy_set_header X-Inner 1;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        access_log logs/access.log compared if=$outer;
"""

SUBSTITUTION = Site("substitution", COMMON + r"""
        chunked_transfer_encoding off;
        location / { sub_filter foo bar; }
        location /all/ { alias %%ROOT%%/; sub_filter foo bar; sub_filter_once off; }
        location /many/ { alias %%ROOT%%/; sub_filter foo 1; sub_filter aab 2; sub_filter fo 3; sub_filter_once off; sub_filter_types text/plain; }
        location /many-once/ { alias %%ROOT%%/; sub_filter foo 1; sub_filter Foobar 2; sub_filter "<body>" "$uri"; }
        location /variables/ { alias %%ROOT%%/; sub_filter "${arg_x}" "[$arg_y]"; sub_filter_once off; }
        location /dates/ { alias %%ROOT%%/; sub_filter foo bar; sub_filter_last_modified on; }
        location /any/ { alias %%ROOT%%/; sub_filter o ""; sub_filter_once off; sub_filter_types *; }
        location /gzip/ { alias %%ROOT%%/; sub_filter foo bar; gzip on; gzip_min_length 0; access_log off; }
        location /none/ { alias %%ROOT%%/; sub_filter notthere bar; sub_filter_once off; }
        location /proxied/ { proxy_pass http://127.0.0.1:%%PORT%%/; sub_filter_once off; sub_filter bar baz; sub_filter foo quux; }
        location /returned { default_type text/html; sub_filter foo bar; return 200 "foo$arg_x foo\n"; }
        location /bytes/ { alias %%ROOT%%/; sub_filter f <f>; sub_filter oo <oo>; sub_filter \n / ; sub_filter_once off; }
    }
""", {
    **{f"{folder}-{name.split('.')[0]}": get(f"/{folder}/{name}" if folder != "root" else f"/{name}", **headers)
       for folder in ("root", "all", "many", "many-once", "dates", "any", "none", "proxied", "bytes") for name in FILES
       for headers in ({},)},
    "variables": get("/variables/page.html?x=Foo&y=1"),
    "variables-empty": get("/variables/page.html?y=1"),
    "gzip": get("/gzip/large.html", **{"Accept-Encoding": "gzip"}),
    "head": get("/page.html", method="HEAD"),
    "range": get("/page.html", Range="bytes=0-5"),
    "tag": get("/dates/page.html", **{"If-None-Match": "*"}),
    "returned": get("/returned?x=FOO"),
}, files=FILES)

ADDITION = Site("addition", COMMON + r"""
        # How much the log counts depends on how a body is cut into chunks.
        chunked_transfer_encoding off;
        location / { add_before_body /b/before.html; add_after_body /b/after.html; }
        location /before/ { alias %%ROOT%%/; add_before_body /b/before.html; }
        location /after/ { alias %%ROOT%%/; add_after_body /b/after.html; addition_types text/plain; }
        location /missing/ { alias %%ROOT%%/; add_before_body /b/missing; add_after_body /b/after.html; }
        location /redirected/ { alias %%ROOT%%/; add_before_body /moved; add_after_body /b; }
        location /nested/ { alias %%ROOT%%/; add_before_body /page.html; add_after_body /returned; }
        location /proxied/ { alias %%ROOT%%/; add_before_body /p/before.html; add_after_body /p/large.html; }
        location /replaced/ { alias %%ROOT%%/; add_before_body /s/before.html; add_after_body /s/after.html; sub_filter foo bar; }
        location /gzip/ { alias %%ROOT%%/; add_before_body /b/before.html; add_after_body /b/large.html; gzip on; gzip_min_length 0; access_log off; }
        location /logged/ { alias %%ROOT%%/; add_before_body /l/before.html; }
        location /refused/ { alias %%ROOT%%/; add_before_body /r/before.html; add_after_body /x/after.html; }
        location /buffers/ { alias %%ROOT%%/; add_after_body /p/large.html; output_buffers 1 1k; }
        location /empty/ { alias %%ROOT%%/; add_before_body /b/empty.html; add_after_body /b/empty.html; }
        location /loop { default_type text/html; add_after_body /loop; return 200 "x"; }
        location /error { default_type text/html; add_before_body /b/before.html; return 404; }
        location /b { alias %%ROOT%%; }
        location /static/ { alias %%ROOT%%/; gzip_static on; add_after_body /z/part.html; }
        location /z/ { alias %%ROOT%%/; gzip_static on; }
        location /l { alias %%ROOT%%; log_subrequest on; }
        location /s/ { alias %%ROOT%%/; sub_filter fo FO; }
        location /r/ { deny all; alias %%ROOT%%/; }
        location /x/ { internal; alias %%ROOT%%/; }
        location /p/ { proxy_pass http://127.0.0.1:%%PORT%%/b/; }
        location /moved { return 302 /elsewhere; }
        location /returned { return 200 "[$request_uri $uri $request_method $args $arg_a]\n"; }
    }
""", {
    **{f"{folder}-{name.split('.')[0]}": get(f"/{folder}/{name}" if folder != "root" else f"/{name}")
       for folder in ("root", "before", "after") for name in ("page.html", "plain.txt", "empty.html", "large.html")},
    **{name: get(f"/{name}/page.html?a=1") for name in (
        "missing", "redirected", "nested", "proxied", "replaced", "logged", "refused", "buffers", "empty")},
    "gzip": get("/gzip/page.html", **{"Accept-Encoding": "gzip"}),
    # A part cannot be compressed apart.
    "part-compressed-beforehand": get("/static/page.html", **{"Accept-Encoding": "gzip"}),
    "head": get("/page.html", method="HEAD"), "post": get("/nested/page.html", method="POST", body=b"abc"),
    "loop": get("/loop"), "error": get("/error"), "range": get("/page.html", Range="bytes=0-5"),
    "http-1.0": get("/proxied/page.html", version="1.0"),
    "pipelined": get("/page.html", close=False) + get("/nested/page.html"),
}, files={**FILES, "part.html": b"a part\n", "part.html.gz": gzip.compress(b"a part, compressed\n", mtime=0)})

AUTH = Site("auth-request", COMMON + r"""
        location / { return 444; }
        location /open { auth_request /auth-open; }
        location = /auth-open { return 204; }
        location /static { auth_request /auth-static; }
        location = /auth-static { alias %%ROOT%%/page.html; }
        location /unauthorized { auth_request /auth-unauthorized; }
        location = /auth-unauthorized { add_header WWW-Authenticate "Basic realm=x" always; return 401; }
        location /forbidden { auth_request /auth-forbidden; error_page 403 /page.html; }
        location = /auth-forbidden { return 403; }
        location /error { auth_request /auth-error; }
        location = /auth-error { return 404; }
        location /moved { auth_request /auth-moved; }
        location = /auth-moved { return 302 /x; }
        location /off { auth_request off; alias %%ROOT%%/page.html; }
        location /proxied { auth_request /auth-proxied; alias %%ROOT%%/page.html; }
        location /proxied-not { auth_request /auth-proxied-not; alias %%ROOT%%/page.html; }
        location = /auth-proxied { proxy_pass http://127.0.0.1:%%PORT%%/auth-open; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Inner 1; }
        location = /auth-proxied-not { proxy_pass http://127.0.0.1:%%PORT%%/basic; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Inner 1; }
        location = /basic { auth_basic "closed"; auth_basic_user_file %%ROOT%%/users; }
        location /any { satisfy any; auth_request /auth-forbidden; auth_basic closed; auth_basic_user_file %%ROOT%%/users; }
        location /any-allowed { satisfy any; deny all; auth_request /auth-open; alias %%ROOT%%/page.html; }
        location /set {
            auth_request /auth-set; auth_request_set $told $upstream_http_x_told; auth_request_set $code $upstream_status;
            add_header X-Told "$told $code $unset"; alias %%ROOT%%/page.html;
            auth_request_set $unset $upstream_http_nothing;
        }
        location = /auth-set { proxy_pass http://127.0.0.1:%%PORT%%/told; }
        location = /told { add_header X-Told this; return 204; }
        location /body { auth_request /auth-open; proxy_pass http://127.0.0.1:%%PORT%%/echo; }
        location /echo { return 200 "$request_method $content_length\n"; }
        location /twice { auth_request /auth-twice; alias %%ROOT%%/page.html; }
        location = /auth-twice { auth_request /auth-forbidden; return 204; }
        location /dead { auth_request /auth-dead; }
        location = /auth-dead { proxy_pass http://127.0.0.1:1; }
    }
""", {
    **{name: get(f"/{name}") for name in (
        "open", "static", "unauthorized", "forbidden", "error", "moved", "off", "proxied", "proxied-not", "any", "any-allowed", "set",
        "twice", "dead")},
    "body": get("/body", method="POST", body=b"abcdef"),
    "proxied-body": get("/proxied", method="POST", body=b"abcdef"),
    "head": get("/proxied", method="HEAD"),
    "kept": get("/proxied", close=False) + get("/forbidden", close=False) + get("/off"),
}, files={**FILES, "users": b"a:{PLAIN}b\n"})

MIRROR = Site("mirror", COMMON + r"""
        location / { mirror /copy; proxy_pass http://127.0.0.1:%%PORT%%/target; }
        location /two { mirror /copy; mirror /copy2; alias %%ROOT%%/page.html; }
        location /no-body { mirror /copy; mirror_request_body off; alias %%ROOT%%/page.html; }
        location /off { mirror off; alias %%ROOT%%/page.html; }
        location /broken { mirror /dead; alias %%ROOT%%/page.html; }
        location = /copy { internal; proxy_pass http://127.0.0.1:%%PORT%%/seen$request_uri; }
        location = /copy2 { internal; return 204; }
        location = /dead { internal; proxy_pass http://127.0.0.1:1; }
        location /target { return 200 "target $request_method $content_length\n"; access_log off; }
        location /seen { return 200 "seen $request_method $content_length\n"; }
    }
""", {
    "get": get("/x?a=b"), "post": get("/x", method="POST", body=b"abcdef"), "two": get("/two"), "off": get("/off"),
    "no-body": get("/no-body", method="GET"), "broken": get("/broken"),
    "large": get("/x", method="POST", body=b"x" * 100_000),
}, files=FILES, torn=False)

def packed(content):
    return gzip.compress(content, mtime=0)


TEXT = b"0123456789abcdef foo\n" * 4000
WHOLE = packed(TEXT)

GUNZIP = Site("gunzip", COMMON + r"""
        # How much the log counts depends on how a body is cut into chunks.
        chunked_transfer_encoding off;
        gzip_static always;
        # nginx 1.22 does not offer ranges of files that are compressed already.
        max_ranges 0;
        location / { gunzip on; }
        location /off/ { alias %%ROOT%%/; }
        location /vary/ { alias %%ROOT%%/; gunzip on; gzip_vary on; }
        location /buffers/ { alias %%ROOT%%/; gunzip on; gunzip_buffers 2 1k; output_buffers 1 1k; }
        location /again/ { alias %%ROOT%%/; gunzip on; gzip on; gzip_min_length 0; gzip_types *; }
        location /replaced/ { alias %%ROOT%%/; gunzip on; sub_filter foo bar; sub_filter_once off; sub_filter_types *; }
        location /proxied/ { proxy_pass http://127.0.0.1:%%PORT%%/off/; gunzip on; }
        location /proxied-by-byte/ { proxy_pass http://127.0.0.1:%%PORT%%/off/; gunzip on; proxy_buffering off; proxy_buffer_size 512; }
        location /part/ { alias %%ROOT%%/; gunzip on; gzip_static off; add_after_body /whole.txt; addition_types *; }
    }
""", {
    **{f"{folder}-{name}": get(f"/{folder}/{name}.txt" if folder != "root" else f"/{name}.txt")
       for folder in ("root", "off", "vary", "buffers", "again", "replaced", "proxied", "proxied-by-byte")
       for name in ("whole", "small", "twice", "nothing")},
    **{f"broken-{name}": get(f"/{name}.txt") for name in ("wrong", "empty")},
    **{f"accepted-{folder}": get(f"/{folder}/small.txt", Accept_Encoding="gzip") for folder in ("vary", "again", "replaced", "proxied")},
    **{f"accepted-not-{folder}": get(f"/{folder}/small.txt", Accept_Encoding="gzip;q=0") for folder in ("vary", "proxied")},
    "head": get("/vary/small.txt", method="HEAD"),
    "range": get("/small.txt", Range="bytes=1-3"),
    "part": get("/part/plain.txt"),
    "part-accepted": get("/part/plain.txt", Accept_Encoding="gzip"),
}, files={
    "whole.txt.gz": WHOLE, "small.txt.gz": packed(b"a small foo\n"), "twice.txt.gz": packed(b"one ") + packed(b"two\n"),
    "nothing.txt.gz": packed(b""),
    "wrong.txt.gz": b"not compressed at all", "empty.txt.gz": b"", "plain.txt": b"plain\n",
})

SLICE = Site("slice", COMMON + r"""
        proxy_set_header X-Inner 1;
        proxy_set_header Range $slice_range;
        location /two/ { slice 2; proxy_pass http://127.0.0.1:%%PORT%%/files/; }
        location /kilo/ { slice 1k; proxy_pass http://127.0.0.1:%%PORT%%/files/; add_header X-Range "$slice_range"; }
        location /zero/ { slice 0; proxy_pass http://127.0.0.1:%%PORT%%/files/; }
        location /small-buffers/ { slice 10k; proxy_pass http://127.0.0.1:%%PORT%%/files/; proxy_buffering off; proxy_buffer_size 1k; }
        location /replaced/ { slice 2; proxy_pass http://127.0.0.1:%%PORT%%/files/; sub_filter 3 three; sub_filter_once off; sub_filter_types *; }
        location /gzip/ { slice 64; proxy_pass http://127.0.0.1:%%PORT%%/files/; gzip on; gzip_types *; access_log off; }
        location /rewritten/ { slice 4; rewrite ^/rewritten/(.*)$ /files/$1 break; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /static/ { slice 4; alias %%ROOT%%/; }
        location /bad/ { slice 2; proxy_pass http://127.0.0.1:%%PORT%%/made/; }
        location /caught/ { slice 2; proxy_pass http://127.0.0.1:%%PORT%%/made/; proxy_intercept_errors on; error_page 404 = @found; }
        location @found { slice 4; rewrite ^ /files/small.txt break; proxy_pass http://127.0.0.1:%%PORT%%; }
        location /files/ { alias %%ROOT%%/; }
        location /made/status { add_header Content-Range "bytes 0-1/100"; if ($http_range = "bytes=2-3") { return 200; } return 206 fo; }
        location /made/tag { add_header Content-Range "bytes $asked/100"; add_header ETag $http_range; return 206 fo; }
        location /made/length { add_header Content-Range "bytes 0-1/*"; return 206 fo; }
        location /made/word { add_header Content-Range "bytes"; return 206 fo; }
        location /made/long { add_header Content-Range "bytes 0-2/100"; return 206 foo; }
        location /made/late { add_header Content-Range "bytes 1-2/100"; return 206 foo; }
        location /made/beyond { add_header Content-Range "bytes 0-1/1"; return 206 fo; }
        location /made/huge { add_header Content-Range "bytes 0-9223372036854775807/9223372036854775807"; return 206 fo; }
        location /made/larger { add_header Content-Range "bytes 0-99999999999999999999/1"; return 206 fo; }
        location /made/spaces { add_header Content-Range "bytes  0 - 1 / 2 "; return 206 fo; }
        location /made/none { return 206 fo; }
        location /made/missing { return 404; }
    }
    map $http_range $asked { "~bytes=(.+)" $1; }
""", {
    **{f"{folder}-{name}": get(f"/{folder}/{name}.txt")
       for folder in ("two", "kilo", "zero", "small-buffers", "replaced", "gzip", "rewritten", "static")
       for name in ("small", "one", "none", "middle", "missing")},
    **{f"{folder}-{label}": get(f"/{folder}/{name}.txt", Range=f"bytes={value}")
       for folder in ("two", "kilo", "small-buffers", "rewritten")
       for name, label, value in (
           ("small", "within", "3-4"), ("small", "one-byte", "0-0"), ("small", "to-end", "5-"), ("small", "last", "-4"),
           ("small", "several", "1-1,3-4"), ("small", "outside", "50-60"), ("small", "wrong", "x"), ("small", "long", "2-1000"),
           ("middle", "spanning", "1020-2050"), ("middle", "late", "5000-5001"), ("middle", "huge", "9223372036854775807-"))},
    **{f"bad-{name}": get(f"/bad/{name}") for name in (
        "length", "word", "long", "late", "beyond", "huge", "larger", "spaces", "none", "missing", "status", "tag")},
    "caught": get("/caught/missing"),
    "head": get("/two/small.txt", method="HEAD"),
    "post": get("/two/small.txt", method="POST", body=b"abc"),
    "query": get("/two/small.txt?a=b"),
    "dated": get("/two/small.txt", Range="bytes=3-4", If_Range="Sun, 13 Sep 2020 12:26:40 GMT"),
    "dated-wrong": get("/two/small.txt", Range="bytes=3-4", If_Range="Sun, 13 Sep 2020 12:26:41 GMT"),
    "known": get("/two/small.txt", If_Modified_Since="Sun, 13 Sep 2020 12:26:40 GMT"),
    "kept": get("/two/small.txt", close=False) + get("/two/small.txt", close=False, Range="bytes=3-4") + get("/two/one.txt"),
}, files={
    "small.txt": b"0123456789abcdef", "one.txt": b"x", "none.txt": b"",
    "middle.txt": b"".join(b"%04d, " % number for number in range(1_000)),
}, torn=False)

SITES = [SUBSTITUTION, ADDITION, AUTH, MIRROR, GUNZIP, SLICE]
