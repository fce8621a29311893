"""What is done to responses: headers, expiry, gzip, charset; and who may ask: access, auth, limits, realip."""

import base64
import gzip

from support import Site, get, raw

TEXT = b"".join(b"line %d of a text that compresses well\n" % number for number in range(100))

HEADERS = Site("headers", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        add_header X-Server outer;
        location /inherit/ { alias %%ROOT%%/; }
        location /own/ { alias %%ROOT%%/; add_header X-Own "$uri $arg_x"; add_header X-Own second; }
        location /always/ { alias %%ROOT%%/; add_header X-Always "$status" always; add_header X-Sometimes 1; }
        location /empty/ { alias %%ROOT%%/; add_header X-Empty $arg_none; add_header X-Empty2 ""; }
        location /cache-control/ { alias %%ROOT%%/; expires 1h; add_header Cache-Control public; }
        location /last-modified/ { alias %%ROOT%%/; add_header Last-Modified "$arg_m"; }
        location /etag/ { alias %%ROOT%%/; add_header ETag "own"; }
        location /expires-1h/ { alias %%ROOT%%/; expires 1h; }
        location /expires-negative/ { alias %%ROOT%%/; expires -1; }
        location /expires-epoch/ { alias %%ROOT%%/; expires epoch; }
        location /expires-max/ { alias %%ROOT%%/; expires max; }
        location /expires-off/ { alias %%ROOT%%/; expires off; }
        location /expires-modified/ { alias %%ROOT%%/; expires modified +1d; }
        location /trailer/ { alias %%ROOT%%/; gzip on; gzip_types *; gzip_min_length 1; add_trailer X-Trailer end; }
        location /redirect { add_header X-Redirect yes; return 302 /; }
        location /code/ { add_header X-Code yes; return 418; }
    }
""", {
    name: get(path) for name, path in {
        "inherit": "/inherit/a.txt", "own": "/own/a.txt?x=%0d%0aX-Evil:%201", "always": "/always/a.txt",
        "always-404": "/always/none", "empty": "/empty/a.txt", "cache-control": "/cache-control/a.txt",
        "last-modified": "/last-modified/a.txt?m=x", "last-modified-empty": "/last-modified/a.txt", "etag": "/etag/a.txt",
        "expires-1h": "/expires-1h/a.txt", "expires-negative": "/expires-negative/a.txt",
        "expires-epoch": "/expires-epoch/a.txt", "expires-max": "/expires-max/a.txt",
        "expires-off": "/expires-off/a.txt", "expires-modified": "/expires-modified/a.txt",
        "expires-404": "/expires-1h/none", "redirect": "/redirect", "code": "/code/",
    }.items()
} | {
    "not-modified": get("/own/a.txt", If_Modified_Since="Sun, 13 Sep 2020 12:26:40 GMT"),
    "partial": get("/own/a.txt", Range="bytes=0-1"),
    "trailer": get("/trailer/a.txt", Accept_Encoding="gzip", TE="trailers"),
}, {"a.txt": TEXT})

GZIP = Site("gzip", r"""
    gzip on;
    gzip_vary on;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { }
        location /types/ { alias %%ROOT%%/; gzip_types text/plain application/json; gzip_comp_level 9; }
        location /all/ { alias %%ROOT%%/; gzip_types *; gzip_min_length 4000; }
        location /1.0/ { alias %%ROOT%%/; gzip_http_version 1.0; }
        location /proxied-any/ { alias %%ROOT%%/; gzip_proxied any; }
        location /proxied-auth/ { alias %%ROOT%%/; gzip_proxied auth no-cache; }
        location /disable/ { alias %%ROOT%%/; gzip_disable "old|msie6"; }
        location /off/ { alias %%ROOT%%/; gzip off; }
        location /static/ { alias %%ROOT%%/; gzip_static on; }
        location /static-always/ { alias %%ROOT%%/; gzip_static always; }
        location /small-buffers/ { alias %%ROOT%%/; gzip_buffers 1 1k; gzip_types *; }
    }
""", {
    name: get(path, Accept_Encoding=encoding) for name, path, encoding in [
        ("html", "/page.html", "gzip"), ("among-others", "/page.html", "deflate, gzip, br"),
        ("weighted", "/page.html", "gzip;q=0.5"), ("weight-zero", "/page.html", "gzip;q=0"),
        ("weight-zero-long", "/page.html", "gzip;q=0.000"), ("weight-spaces", "/page.html", "gzip ; q=1"),
        ("star", "/page.html", "*"), ("prefix-of-other", "/page.html", "gzipx"), ("x-gzip", "/page.html", "x-gzip"),
        ("upper", "/page.html", "GZIP"), ("none", "/page.html", "identity"), ("other-type", "/a.txt", "gzip"),
        ("short", "/index.html", "gzip"), ("types", "/types/a.txt", "gzip"), ("all-too-short", "/all/index.html", "gzip"),
        ("all", "/all/a.txt", "gzip"), ("off", "/off/page.html", "gzip"), ("static", "/static/ready.txt", "gzip"),
        ("static-not-accepted", "/static/ready.txt", "br"), ("static-missing", "/static/a.txt", "gzip"),
        ("static-always", "/static-always/ready.txt", "br"), ("small-buffers", "/small-buffers/a.txt", "gzip"),
        ("missing", "/none", "gzip"),
    ]
} | {
    "head": get("/page.html", method="HEAD", Accept_Encoding="gzip"),
    "http-1-0": get("/page.html", version="1.0", Accept_Encoding="gzip"),
    "http-1-0-allowed": get("/1.0/page.html", version="1.0", Accept_Encoding="gzip"),
    "range": get("/page.html", Accept_Encoding="gzip", Range="bytes=0-9"),
    "via": get("/page.html", Accept_Encoding="gzip", Via="1.1 proxy"),
    "via-any": get("/proxied-any/page.html", Accept_Encoding="gzip", Via="1.1 proxy"),
    "via-auth": get("/proxied-auth/page.html", Accept_Encoding="gzip", Via="1.1 p", Authorization="Basic x"),
    "via-no-auth": get("/proxied-auth/page.html", Accept_Encoding="gzip", Via="1.1 p"),
    "disabled-agent": get("/disable/page.html", Accept_Encoding="gzip", User_Agent="old one"),
    "disabled-msie6": get("/disable/page.html", Accept_Encoding="gzip", User_Agent="Mozilla/4.0 (compatible; MSIE 6.0; x)"),
    "not-modified": get("/page.html", Accept_Encoding="gzip", If_Modified_Since="Sun, 13 Sep 2020 12:26:40 GMT"),
    "etag-weak": get("/page.html", Accept_Encoding="gzip", If_None_Match='W/"5f5e1000-f50"'),
}, {"page.html": TEXT, "a.txt": TEXT, "ready.txt": b"ready\n" * 50,
    "ready.txt.gz": gzip.compress(b"ready, and compressed before\n", mtime=1)})

CHARSET = Site("charset", r"""
    charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; C2 D0B1; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        charset utf-8;
        location / { }
        location /off/ { alias %%ROOT%%/; charset off; }
        location /types/ { alias %%ROOT%%/; charset_types application/json; }
        location /all-types/ { alias %%ROOT%%/; charset_types *; }
        location /variable/ { alias %%ROOT%%/; charset $arg_c; }
        location /recode/ { alias %%ROOT%%/; source_charset koi8-r; }
        location /recode-back/ { alias %%ROOT%%/; source_charset utf-8; charset koi8-r; }
        location /text { default_type text/plain; return 200 "x"; }
        location /own-charset { default_type "text/html; charset=latin1"; return 200 "x"; }
        location /redirect { return 301 /; }
        location /error { return 404; }
    }
""", {
    name: get(path) for name, path in {
        "html": "/index.html", "text": "/a.txt", "json": "/a.json", "off": "/off/a.txt", "types": "/types/a.json",
        "types-html": "/types/index.html", "all-types": "/all-types/a.gif", "variable": "/variable/a.txt?c=koi8-r",
        "variable-empty": "/variable/a.txt", "recode": "/recode/koi.txt", "recode-back": "/recode-back/utf.txt",
        "returned": "/text", "own": "/own-charset", "redirect": "/redirect", "error": "/error",
    }.items()
} | {
    "head": get("/a.txt", method="HEAD"), "range": get("/a.txt", Range="bytes=0-1"),
    "ranges": get("/a.txt", Range="bytes=0-1,3-4"),
}, {"a.txt": TEXT, "a.json": b"{}\n", "a.gif": b"GIF", "koi.txt": b"abc \xc0\xc1\xc2\xff\n",
    "utf.txt": "абю я x\n".encode()})

ACCESS = Site("access", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location /allow/ { allow 127.0.0.1; deny all; alias %%ROOT%%/; }
        location /deny/ { deny 127.0.0.1; allow all; alias %%ROOT%%/; }
        location /network/ { deny 127.0.0.0/8; alias %%ROOT%%/; }
        location /network-out/ { deny 10.0.0.0/8; deny ::1; deny fe80::/10; alias %%ROOT%%/; }
        location /first-wins/ { allow 127.0.0.0/8; deny 127.0.0.1; alias %%ROOT%%/; }
        location /all/ { deny all; }
        location /unix/ { deny unix:; alias %%ROOT%%/; }
        location /return/ { deny all; return 200 "before access\n"; }
        location /methods/ { limit_except GET { deny all; } alias %%ROOT%%/; }
        location /methods2/ { limit_except GET POST { deny all; } alias %%ROOT%%/; }
        location /any/ { satisfy any; allow 127.0.0.1; auth_basic "closed"; auth_basic_user_file %%ROOT%%/users; deny all; alias %%ROOT%%/; }
        location /any-no/ { satisfy any; auth_basic "closed"; auth_basic_user_file %%ROOT%%/users; deny all; alias %%ROOT%%/; }
        location /both/ { allow 127.0.0.1; auth_basic "closed"; auth_basic_user_file %%ROOT%%/users; alias %%ROOT%%/; }
    }
""", {
    "allow": get("/allow/"), "deny": get("/deny/"), "network": get("/network/"), "network-out": get("/network-out/"),
    "first-wins": get("/first-wins/"), "all": get("/all/"), "unix": get("/unix/"), "return": get("/return/"),
    "except-get": get("/methods/"), "except-head": get("/methods/", method="HEAD"),
    "except-post": get("/methods/", method="POST", body=b"x"), "except-put": get("/methods2/", method="PUT", body=b"x"),
    "except-post-allowed": get("/methods2/", method="POST", body=b"x"),
    "any": get("/any/"), "any-no": get("/any-no/"), "both": get("/both/"),
    "any-no-password": get("/any-no/", Authorization="Basic " + base64.b64encode(b"plain:secret").decode()),
}, {"users": b"plain:{PLAIN}secret\n"})


def basic(text, scheme="Basic"):
    return f"{scheme} " + base64.b64encode(text.encode()).decode()


# crypt (DES, MD5, SHA-512), apr1, SHA and SSHA entries, each for the password "secret".
USERS = b"""# a comment
plain:{PLAIN}secret
des:aa3kxsKzvuQMc
apr1:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
sha512:$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1
commented:{PLAIN}secret:a comment
empty:
nocolon
umlaut:{PLAIN}gr\xc3\xbcn
"""

AUTH = Site("auth-basic", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        auth_basic "the realm";
        auth_basic_user_file %%ROOT%%/users;
        location / { }
        location /off/ { auth_basic off; alias %%ROOT%%/; }
        location /variable/ { auth_basic "for $host"; alias %%ROOT%%/; }
        location /no-file/ { auth_basic_user_file %%ROOT%%/nobody; alias %%ROOT%%/; }
        location /file-variable/ { auth_basic_user_file %%ROOT%%/$arg_f; alias %%ROOT%%/; }
        location /page/ { error_page 401 /off/page.html; alias %%ROOT%%/; }
    }
""", {
    name: get(path, Authorization=value) for name, path, value in [
        ("plain", "/", basic("plain:secret")), ("plain-wrong", "/", basic("plain:wrong")),
        ("des", "/", basic("des:secret")), ("apr1", "/", basic("apr1:secret")), ("sha", "/", basic("sha:secret")),
        ("sha-wrong", "/", basic("sha:no")), ("sha512", "/", basic("sha512:secret")), ("commented", "/", basic("commented:secret")),
        ("empty-hash", "/", basic("empty:")), ("no-colon-line", "/", basic("nocolon:")), ("unknown", "/", basic("who:secret")),
        ("no-colon", "/", basic("plain")), ("no-user", "/", basic(":secret")), ("colon-in-password", "/", basic("plain:sec:ret")),
        ("scheme-lower", "/", basic("plain:secret", "basic")), ("scheme-other", "/", "Bearer abc"),
        ("bad-base64", "/", "Basic !!!"), ("empty-base64", "/", "Basic "), ("only-scheme", "/", "Basic"),
        ("two-spaces", "/", basic("plain:secret", "Basic ")), ("umlaut", "/", basic("umlaut:grün")),
        ("file-variable", "/file-variable/?f=users", basic("plain:secret")),
        ("no-file", "/no-file/", basic("plain:secret")),
    ]
} | {
    "none": get("/"), "none-head": get("/", method="HEAD"), "off": get("/off/"), "variable": get("/variable/"),
    "no-file-no-user": get("/no-file/"), "page": get("/page/"), "none-post": get("/", method="POST", body=b"abc"),
}, {"users": USERS, "page.html": b"who are you\n"})

REALIP = Site("realip", r"""
    set_real_ip_from 127.0.0.1;
    server {
        listen 127.0.0.1:%%PORT%%;
        real_ip_header X-Forwarded-For;
        location / { return 200 "$remote_addr $realip_remote_addr\n"; }
        location /short { return 200 "$remote_addr $realip_remote_addr $remote_port\n"; }
        location /deny { deny 192.0.2.0/24; root %%ROOT%%; try_files /index.html =404; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name recursive.test;
        real_ip_header X-Forwarded-For;
        real_ip_recursive on;
        set_real_ip_from 127.0.0.1;
        set_real_ip_from 192.0.2.0/24;
        set_real_ip_from 2001:db8::/32;
        location / { return 200 "$remote_addr $proxy_add_x_forwarded_for\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name own.test;
        real_ip_header X-Own;
        location / { return 200 "$remote_addr\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name default.test;
        location / { return 200 "$remote_addr $realip_remote_addr\n"; }
    }
""", {
    name: get(path, host=host, **headers) for name, path, host, headers in [
        ("none", "/", "a", {}), ("one", "/", "a", {"X_Forwarded_For": "192.0.2.1"}),
        ("port", "/short", "a", {"X_Forwarded_For": "192.0.2.1:1234"}),
        ("ipv6", "/", "a", {"X_Forwarded_For": "2001:db8::1"}),
        ("ipv6-port", "/short", "a", {"X_Forwarded_For": "[2001:db8::1]:1234"}),
        ("list", "/", "a", {"X_Forwarded_For": "203.0.113.1, 192.0.2.1"}),
        ("list-tight", "/", "a", {"X_Forwarded_For": "203.0.113.1,192.0.2.1"}),
        ("junk", "/", "a", {"X_Forwarded_For": "unknown"}), ("empty", "/", "a", {"X_Forwarded_For": ""}),
        ("unix", "/", "a", {"X_Forwarded_For": "unix:"}), ("deny", "/deny", "a", {"X_Forwarded_For": "192.0.2.1"}),
        ("recursive", "/", "recursive.test", {"X_Forwarded_For": "203.0.113.1, 198.51.100.1, 192.0.2.1"}),
        ("recursive-all-trusted", "/", "recursive.test", {"X_Forwarded_For": "192.0.2.2, 192.0.2.1"}),
        ("recursive-ipv6", "/", "recursive.test", {"X_Forwarded_For": "203.0.113.1, 2001:db8::9"}),
        ("recursive-junk", "/", "recursive.test", {"X_Forwarded_For": "203.0.113.1, junk, 192.0.2.1"}),
        ("own", "/", "own.test", {"X_Own": "192.0.2.7"}), ("own-other-header", "/", "own.test", {"X_Forwarded_For": "192.0.2.7"}),
        ("default-header", "/", "default.test", {"X_Real_IP": "192.0.2.8"}),
    ]
}, torn=False)

# Whether the second request is within the limit depends on the clock, so bursts are written into one connection.
LIMITS = Site("limits", r"""
    limit_req_zone $arg_k zone=slow:1m rate=1r/m;
    limit_req_zone $arg_k zone=dry:1m rate=1r/m;
    limit_conn_zone $arg_k zone=connections:1m;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { limit_req zone=slow; }
        location /status { limit_req zone=slow; limit_req_status 429; try_files /index.html =404; }
        location /burst { limit_req zone=slow burst=1 nodelay; try_files /index.html =404; }
        location /dry { limit_req zone=dry; limit_req_dry_run on; add_header X-Limit $limit_req_status; try_files /index.html =404; }
        location /connections { limit_conn connections 1; limit_conn_log_level info; add_header X-Limit $limit_conn_status; try_files /index.html =404; }
        location /none { limit_conn connections 1; limit_conn_dry_run on; try_files /index.html =404; }
    }
""", {
    name: get(path, close=False) * (count - 1) + get(path) for name, path, count in [
        ("one", "/?k=a", 1), ("two", "/?k=b", 2), ("no-key", "/", 2), ("status", "/status?k=c", 2),
        ("burst", "/burst?k=d", 3), ("dry", "/dry?k=e", 2), ("connections", "/connections?k=f", 2), ("none", "/none?k=g", 1),
    ]
}, torn=False)

STATUS = Site("stub-status", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        location = /status { stub_status; }
        location = /variables { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting\n"; }
    }
""", {
    "status": get("/status", close=False) * 3 + get("/status"), "head": get("/status", method="HEAD"), "post": get("/status", method="POST", body=b"x"),
    "variables": get("/variables"),
}, torn=False)

SITES = [HEADERS, GZIP, CHARSET, ACCESS, AUTH, REALIP, LIMITS, STATUS]
