"""What goes to an upstream and what comes back from it."""

from serving import answer
from support import Site, get, raw, request

# nginx 1.29.7 changed what is sent upstream unless told otherwise (HTTP/1.1, connections kept), so these say it.

REQUESTS = Site("proxy-requests", r"""
    upstream group { server 127.0.0.1:%%BACKEND%%; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host backend.test;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /uri/ { proxy_pass http://127.0.0.1:%%BACKEND%%/other/; }
        location /bare/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /joined { proxy_pass http://127.0.0.1:%%BACKEND%%/other; }
        location /group/ { proxy_pass http://group/x/; }
        location ~ ^/regex/(.*)$ { proxy_pass http://127.0.0.1:%%BACKEND%%/re/$1?$args; }
        location /variable/ { set $where 127.0.0.1:%%BACKEND%%; proxy_pass http://$where; }
        location /rewritten/ { rewrite ^/rewritten/(.*)$ /new/$1 break; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /host/ { proxy_set_header Host $host; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /http-host/ { proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /flask/ {
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Connection "";
            proxy_pass http://127.0.0.1:%%BACKEND%%;
        }
        location /1.0/ { proxy_http_version 1.0; proxy_set_header Host b; proxy_set_header Connection close; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /method/ { proxy_method PUT; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /no-headers/ { proxy_pass_request_headers off; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /no-body/ { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Host b;
                             proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /set-body/ { proxy_set_body "fixed $arg_x"; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /upgrade/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host b;
                             proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /many/ { proxy_set_header X-A 1; proxy_set_header x-a 2; proxy_set_header Accept-Encoding ""; proxy_set_header Host b;
                          proxy_set_header Connection ""; proxy_set_header X-Empty $arg_none; proxy_pass http://127.0.0.1:%%BACKEND%%; }
    }
""", {
    name: get(path, **headers) for name, path, headers in [
        ("plain", "/a", {}), ("query", "/a?b=c", {}), ("escaped", "/a%20b%2fc", {}), ("dots", "/a/../b", {}),
        ("double-slash", "/a//b", {}), ("uri", "/uri/a?b=c", {}), ("uri-escaped", "/uri/a%20b%3f%2f", {}), ("uri-dots", "/uri/../uri/x", {}),
        ("bare", "/bare/a", {}), ("joined", "/joined/a", {}), ("joined-more", "/joinedmore", {}), ("group", "/group/a", {}),
        ("regex", "/regex/a?b=c", {}), ("regex-escaped", "/regex/a%20b", {}), ("variable", "/variable/a%20b?c", {}),
        ("rewritten", "/rewritten/a%20b?c=d", {}), ("host", "/host/a", {"host": "Site.Test:81"}),
        ("http-host", "/http-host/a", {"host": "Site.Test:81"}), ("flask", "/flask/a", {"host": "site.test"}),
        ("flask-forwarded", "/flask/a", {"host": "site.test", "X_Forwarded_For": "192.0.2.1"}),
        ("1-0", "/1.0/a", {}), ("method", "/method/a", {}), ("no-headers", "/no-headers/a", {"X_Own": "1"}),
        ("set-body", "/set-body/?x=1", {}), ("many", "/many/a", {"Accept_Encoding": "gzip", "X_A": "client"}),
        ("hop-by-hop", "/a", {"Keep_Alive": "timeout=5", "TE": "trailers", "Trailer": "x", "Proxy_Connection": "close", "Upgrade": "x"}),
        ("client-headers", "/a", {"Accept": "*/*", "Cookie": "a=1", "User_Agent": "u", "Range": "bytes=0-1", "X_Y": "z", "Accept_Encoding": "gzip"}),
        ("conditional", "/a", {"If_None_Match": '"x"', "If_Modified_Since": "Sun, 13 Sep 2020 12:26:40 GMT"}),
        ("upgrade", "/upgrade/a", {"Upgrade": "websocket"}),
    ]
} | {
    "head": request("/a", method="HEAD"), "post": request("/a", method="POST", body=b"abc", Content_Type="text/x"),
    "post-1-0": request("/1.0/a", method="POST", body=b"abc"), "no-body": request("/no-body/a", method="POST", body=b"abc"),
    "options": request("/a", method="OPTIONS"), "options-star": request("*", method="OPTIONS"),
    "absolute": raw("GET http://abs.test/a/b HTTP/1.1", "Host: a", "Connection: close"),
    "absolute-no-path": raw("GET http://abs.test?x HTTP/1.1", "Host: a", "Connection: close"),
    "cookies-twice": raw("GET /a HTTP/1.1", "Host: a", "Cookie: a=1", "Cookie: b=2", "X: 1", "X: 2", "Connection: close"),
    "underscore": raw("GET /a HTTP/1.1", "Host: a", "X_Y: 1", "Connection: close"),
    "obs-text": raw("GET /a HTTP/1.1", "Host: a", "X: \xe4", "Connection: close"),
    "client-1-0": request("/a", version="1.0", host=None), "method-own": request("/a", method="PURGE"),
}, backend={"*": lambda received: [
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(received)
    + (b"" if received.startswith(b"HEAD") else received), "keep"]})

PLAIN = b"HTTP/1.1 200 OK\r\n"
RESPONSES = Site("proxy-responses", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /unbuffered/ { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /small-buffers/ { proxy_buffer_size 1k; proxy_buffers 4 1k; proxy_busy_buffers_size 1k; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /no-temp/ { proxy_buffers 4 4k; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /hide/ { proxy_hide_header X-Own; proxy_pass_header Server; proxy_pass_header Date; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /ignore/ { proxy_ignore_headers X-Accel-Redirect X-Accel-Expires; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /intercept/ { proxy_intercept_errors on; error_page 404 /own-404; error_page 500 =200 /own-404; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location = /own-404 { return 404 "own page\n"; }
        location /redirect/ { proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /redirect-off/ { proxy_redirect off; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /redirect-own/ { proxy_redirect http://backend.test/ /front/; proxy_redirect ~^http://([^/]+)/re/(.*)$ /$2/$1; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /cookie/ { proxy_cookie_domain backend.test $host; proxy_cookie_path /app/ /; proxy_cookie_flags own secure samesite=lax; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /ranges/ { proxy_force_ranges on; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /internal/ { internal; return 200 "internal $uri $upstream_http_x_own\n"; }
        location @named { return 200 "named\n"; }
        location /gzip/ { gzip on; gzip_proxied any; gzip_types *; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /not-chunked/ { chunked_transfer_encoding off; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
        location /status/ { add_header X-Up "$upstream_status $upstream_http_x_own $upstream_response_length"; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
    }
""", {
    name: get(path) for name, path in {
        "length": "/length", "chunked": "/chunked", "until-close": "/until-close", "http-1-0": "/http-1-0", "empty": "/empty",
        "trailers": "/trailers", "status-201": "/201", "status-204": "/204", "status-304": "/304", "status-404": "/404",
        "status-500": "/500", "status-599": "/599", "status-own-reason": "/own-reason", "status-no-reason": "/no-reason",
        "headers": "/headers", "set-cookies": "/set-cookies", "server-date": "/headers?x", "continue-first": "/continue-first",
        "hints-first": "/hints-first",
        "large": "/large", "large-unbuffered": "/unbuffered/large", "large-small-buffers": "/small-buffers/large",
        "large-no-temp": "/no-temp/large", "chunked-unbuffered": "/unbuffered/chunked", "hide": "/hide/headers",
        "accel-redirect": "/accel-redirect", "accel-named": "/accel-named", "accel-ignored": "/ignore/accel-redirect",
        "accel-charset": "/accel-charset", "accel-limit": "/accel-limit", "intercept": "/intercept/404", "intercept-500": "/intercept/500",
        "intercept-other": "/intercept/201", "redirect-default": "/redirect/302-own", "redirect-foreign": "/redirect/302-foreign",
        "redirect-relative": "/redirect/302-relative", "redirect-off": "/redirect-off/302-own", "redirect-own": "/redirect-own/302-foreign",
        "redirect-regex": "/redirect-own/302-re", "refresh": "/redirect/refresh", "cookie": "/cookie/set-cookies",
        "gzip": "/gzip/chunked", "not-chunked": "/not-chunked/chunked", "upstream-variables": "/status/headers",
        "no-status-line": "/no-status-line", "bad-status": "/bad-status", "bad-header": "/bad-header", "bad-chunk": "/bad-chunk",
        "header-too-big": "/header-too-big", "closed-at-once": "/closed", "cut-head": "/cut-head", "cut-body": "/cut-body",
        "cut-chunked": "/cut-chunked", "reset": "/reset", "length-and-chunked": "/length-and-chunked", "length-twice": "/length-twice",
        "length-bad": "/length-bad", "too-much-body": "/too-much", "head-answered-with-body": "/length",
        "folded": "/folded", "nul": "/nul", "lf-only": "/lf-only", "leading-space": "/leading-space", "status-99": "/status-99",
    }.items()
} | {
    "head": request("/length", method="HEAD"), "head-chunked": request("/chunked", method="HEAD"),
    "range-not-forced": get("/length", Range="bytes=0-1"), "range-forced": get("/ranges/length", Range="bytes=0-1"),
    "client-1-0": get("/chunked", version="1.0"), "client-1-0-unbuffered": get("/unbuffered/chunked", version="1.0"),
    "keep-alive": get("/length", close=False) + get("/chunked", close=False) + get("/length"),
    "keep-alive-until-close": get("/until-close", close=False) + get("/length"),
    "conditional": get("/etag", If_None_Match='"v"'),
    "post-redirect": request("/redirect/302-own", method="POST", body=b"abc"),
}, backend={
    "/length": answer(b"0123456789", head="Content-Type: text/plain\r\nX-Own: yes"),
    "/chunked": [PLAIN + b"Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n5\r\n01234\r\n", 0.02, b"5\r\n56789\r\n0\r\n\r\n", "keep"],
    "/until-close": [PLAIN + b"Content-Type: text/plain\r\n\r\n01234", 0.02, b"56789"],
    "/http-1-0": [b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n0123456789"],
    "/empty": answer(b""),
    "/trailers": [PLAIN + b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", "keep"],
    "/201": answer(b"created", "201 Created", "Location: http://127.0.0.1/x"), "/204": [b"HTTP/1.1 204 No Content\r\nX-Own: 1\r\n\r\n", "keep"],
    "/304": [b"HTTP/1.1 304 Not Modified\r\nETag: \"v\"\r\n\r\n", "keep"], "/404": answer(b"not here", "404 Not Found"),
    "/500": answer(b"broken", "500 Internal Server Error"), "/599": answer(b"odd", "599 Odd"),
    "/own-reason": answer(b"x", "200 Very Well"), "/no-reason": [b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "keep"],
    "/headers": answer(b"x", head="Server: backend\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Own: yes\r\nX-Two: 1\r\nX-Two: 2\r\n"
                       "Vary: Cookie\r\nVary: Accept\r\nETag: W/\"v\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Empty:\r\n"
                       "Cache-Control: no-store\r\nExpires: 0\r\nWWW-Authenticate: Basic\r\nX-Pad: a  b\r\nX-Accel-Expires: 1\r\nLink: </a>"),
    "/set-cookies": answer(b"x", head="Set-Cookie: own=1; Domain=backend.test; Path=/app/x\r\nSet-Cookie: b=2; path=/other; HttpOnly"),
    "/continue-first": [b"HTTP/1.1 100 Continue\r\n\r\n", *answer(b"x")],
    "/hints-first": [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", *answer(b"x")],
    "/large": answer(b"0123456789" * 20000, head="Content-Type: text/plain"),
    "/accel-redirect": answer(b"x", head="X-Accel-Redirect: /internal/a?b\r\nX-Own: passed\r\nContent-Type: text/x"),
    "/accel-named": answer(b"x", head="X-Accel-Redirect: @named"),
    "/accel-charset": answer(b"x", head="X-Accel-Charset: koi8-r\r\nContent-Type: text/plain"),
    "/accel-limit": answer(b"x", head="X-Accel-Limit-Rate: 1000\r\nX-Accel-Buffering: no"),
    "/302-own": lambda received: answer(b"x", "302 Found", "Location: http://" + received.split(b"Host: ")[1].split(b"\r\n")[0].decode() + "/next"),
    "/302-foreign": answer(b"x", "302 Found", "Location: http://backend.test/next"),
    "/302-relative": answer(b"x", "302 Found", "Location: /next"), "/302-re": answer(b"x", "302 Found", "Location: http://h/re/x"),
    "/refresh": answer(b"x", head="Refresh: 5; url=http://backend.test/next"), "/etag": answer(b"x", head='ETag: "v"'),
    "/no-status-line": [b"just text\r\n\r\nmore"], "/bad-status": [b"HTTP/1.1 abc OK\r\n\r\nx"], "/status-99": [b"HTTP/1.1 99 OK\r\n\r\nx"],
    "/bad-header": [PLAIN + b"Bad Header\r\nContent-Length: 1\r\n\r\nx"], "/bad-chunk": [PLAIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"],
    "/header-too-big": [PLAIN + b"X: " + b"a" * 9000 + b"\r\nContent-Length: 1\r\n\r\nx"], "/closed": ["close"],
    "/cut-head": [PLAIN + b"Content-Le"], "/cut-body": [PLAIN + b"Content-Length: 10\r\n\r\n01234"],
    "/cut-chunked": [PLAIN + b"Transfer-Encoding: chunked\r\n\r\n5\r\n012"], "/reset": ["reset"],
    "/length-and-chunked": [PLAIN + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
    "/length-twice": [PLAIN + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"], "/length-bad": [PLAIN + b"Content-Length: x\r\n\r\nabc"],
    "/too-much": [PLAIN + b"Content-Length: 3\r\n\r\nabcdef", "keep"], "/folded": [PLAIN + b"X: 1\r\n 2\r\nContent-Length: 1\r\n\r\nx", "keep"],
    "/nul": [PLAIN + b"X: a\0b\r\nContent-Length: 1\r\n\r\nx"], "/lf-only": [b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "keep"],
    "/leading-space": [b" HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"],
})

SITES = [REQUESTS, RESPONSES]
