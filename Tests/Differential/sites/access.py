"""Who may ask: addresses, passwords, trusted proxies, limits; and lists of files."""

import base64
import hashlib
import subprocess

from support import Site, get


def password(kind, text):
    return subprocess.run(["openssl", "passwd", kind, text], capture_output=True, text=True, check=True).stdout.strip()


def basic(credentials):
    return "Basic " + base64.b64encode(credentials.encode("latin-1")).decode()


def user(path, credentials, **options):
    return get(path, Authorization=basic(credentials), **options)


ACCESS = Site("access", r"""
    deny 10.0.0.0/8;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location /all/ { deny all; }
        location /first/ { allow 127.0.0.1; deny all; }
        location /network/ { deny 127.0.0.0/8; allow all; }
        location /other-family/ { allow ::1; deny all; }
        location /only-ipv6/ { deny ::/0; }
        location /unix/ { deny unix:; }
        location /replaced/ { deny all; location /replaced/inner/ { allow all; } }
        location /any/ { satisfy any; deny all; }
        location /any-allowed/ { satisfy any; allow all; }
        location /methods/ { limit_except GET { deny all; } }
        location /page/ { deny all; error_page 403 = /first/x; }
    }
""", {
    **{name: get(f"/{name}/x") for name in (
        "all", "first", "network", "other-family", "only-ipv6", "unix", "replaced", "any", "any-allowed", "methods",
        "page")},
    "replaced-inner": get("/replaced/inner/x"),
    "methods-post": get("/methods/x", method="POST", body=b"abc"),
})

USERS = f"""
# a comment
plain:{{PLAIN}}secret
apache:{password("-apr1", "secret")}:with more behind
des-like:{{SHA}}{base64.b64encode(hashlib.sha1(b"secret").digest()).decode()}
salted:{{SSHA}}{base64.b64encode(hashlib.sha1(b"secretSALT").digest() + b"SALT").decode()}
md5:{password("-1", "secret")}\r
sha256:{password("-5", "secret")}
sha512:{password("-6", "secret")}
:nobody
empty:
unknown:$99$what
plainer:{{PLAIN}}other
{"".join(f"filler{number}:{{PLAIN}}secret" + chr(10) for number in range(500))}last:{{PLAIN}}secret"""

NAMES = ("plain", "apache", "des-like", "salted", "md5", "sha256", "sha512", "filler499", "last", "plainer", "empty",
         "unknown", "nobody", "plai", "# a comment", "")

PASSWORDS = Site("passwords", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        auth_basic_user_file %%ROOT%%/users;
        location / { auth_basic "closed site"; }
        location /off/ { auth_basic off; }
        location /variable/ { auth_basic $arg_realm; auth_basic_user_file %%ROOT%%/$arg_file; }
        location /missing/ { auth_basic x; auth_basic_user_file %%ROOT%%/nothing; }
        location /folder/ { auth_basic x; auth_basic_user_file %%ROOT%%; }
        location /either/ { satisfy any; deny all; auth_basic x; }
        location /either-allowed/ { satisfy any; allow all; auth_basic x; }
        location /both/ { allow all; auth_basic x; }
        location /refused/ { deny all; auth_basic x; }
        location /delayed/ { auth_basic x; auth_delay 50ms; }
        location /delayed-either/ { satisfy any; deny all; auth_basic x; auth_delay 50ms; }
        location /page/ { auth_basic x; error_page 401 = /off/index.html; }
    }
""", {
    "none": get("/index.html"),
    **{f"right-{name or 'without-name'}": user("/index.html", f"{name}:secret") for name in NAMES},
    **{f"wrong-{name or 'without-name'}": user("/index.html", f"{name}:secreT") for name in NAMES},
    "no-colon": user("/index.html", "plain"), "no-password": user("/index.html", "plain:"),
    "with-nul": user("/index.html", "plain:secret\0more"), "long-password": user("/index.html", "apache:" + "x" * 500),
    "scheme-case": get("/index.html", Authorization="bAsIc   " + basic("plain:secret")[6:]),
    "no-base64": get("/index.html", Authorization="Basic !"), "other-scheme": get("/index.html", Authorization="Bearer x"),
    "empty-scheme": get("/index.html", Authorization="Basic"),
    "variable": user("/variable/x?realm=a&file=users", "plain:secret"),
    "variable-off": get("/variable/x?realm=off&file=users"), "variable-empty": get("/variable/x?file=users"),
    "variable-missing": user("/variable/x?realm=a&file=no", "plain:secret"),
    **{name: user(f"/{name}/x", "plain:secret") for name in (
        "off", "missing", "folder", "either", "either-allowed", "both", "refused", "delayed", "page")},
    **{f"{name}-without": get(f"/{name}/x") for name in (
        "missing", "either", "either-allowed", "both", "refused", "delayed", "delayed-either", "page")},
}, files={"users": USERS.encode("latin-1"), "off/index.html": b"the page\n"})

FORWARDED = ("192.0.2.1", "192.0.2.1:80", "192.0.2.1:0", "::1", "[2001:db8::1]:44", "x", "1.2.3", "192.0.2.1, 10.0.0.1",
             "192.0.2.2, 192.0.2.1,10.0.0.1 10.0.0.2", ",192.0.2.1,", ", ,", "10.0.0.1, 10.0.0.2", "bad, 10.0.0.1",
             "192.0.2.1, fd00::1", "192.0.2.66", "192.0.2.1, ::ffff:10.0.0.1")

PROXIES = Site("trusted-proxies", r"""
    set_real_ip_from 127.0.0.1;
    set_real_ip_from 10.0.0.0/8;
    set_real_ip_from fd00::/8;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        deny 192.0.2.66;
        add_header X-Client "$remote_addr" always;
        location /list { real_ip_header X-Forwarded-For; add_header X-Client "$remote_addr" always; }
        location /deep { real_ip_header X-Forwarded-For; real_ip_recursive on; add_header X-Client "$remote_addr" always; }
        location /own { real_ip_header X-My-Client; real_ip_recursive on; add_header X-Client "$remote_addr" always; }
        location /protocol { real_ip_header proxy_protocol; }
        location /stranger { set_real_ip_from 192.0.2.1; add_header X-Client "$remote_addr" always; }
        add_header X-Peer "$realip_remote_addr" always;
    }
""", {
    **{f"x-real-ip-{number}": get("/first", X_Real_IP=value) for number, value in enumerate(FORWARDED)},
    **{f"list-{number}": get("/list", X_Forwarded_For=value) for number, value in enumerate(FORWARDED)},
    **{f"deep-{number}": get("/deep", X_Forwarded_For=value) for number, value in enumerate(FORWARDED)},
    **{f"own-{number}": get("/own", X_My_Client=value) for number, value in enumerate(FORWARDED)},
    "stranger": get("/stranger", X_Real_IP="192.0.2.7"),
}, log="$realip_remote_addr")

# Rates so low that no time of a test counts, and bursts that delay nothing.
LIMITS = Site("limits", r"""
    limit_req_zone $arg_key zone=slow:1m rate=1r/m;
    limit_req_zone $arg_other zone=other:32k rate=1r/m;
    limit_conn_zone $arg_key zone=count:1m;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location /one/ { limit_req zone=slow; }
        location /burst/ { limit_req zone=slow burst=2 nodelay; limit_req_status 429; }
        location /two/ { limit_req zone=slow burst=1 nodelay; limit_req zone=other burst=2 nodelay; }
        location /dry/ { limit_req zone=slow; limit_req_dry_run on; }
        location /count/ { limit_conn count 1; }
        location /page/ { limit_req zone=slow; error_page 503 =200 /one/x; }
    }
""", {
    **{f"one-{number}": get("/one/x?key=a") for number in range(2)},
    "one-without": get("/one/x"), "one-empty": get("/one/x?key="),
    **{f"one-long-{number}": get("/one/x?key=" + "k" * 300) for number in range(2)},
    **{f"burst-{number}": get("/burst/x?key=b") for number in range(4)},
    **{f"two-{number}": get("/two/x?key=c&other=c") for number in range(3)},
    **{f"two-first-{number}": get("/two/x?key=d") for number in range(3)},
    **{f"two-last-{number}": get("/two/x?other=e") for number in range(4)},
    **{f"dry-{number}": get("/dry/x?key=f") for number in range(2)},
    **{f"count-{number}": get("/count/x?key=g") for number in range(2)},
    "count-long": get("/count/x?key=" + "k" * 300),
    **{f"page-{number}": get("/page/x?key=h") for number in range(2)},
}, log="$limit_req_status $limit_conn_status", torn=False)

LISTS = Site("lists", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        autoindex on;
        location /xml/ { alias %%ROOT%%/files/; autoindex_format xml; }
        location /json/ { alias %%ROOT%%/files/; autoindex_format json; }
        location /jsonp/ { alias %%ROOT%%/files/; autoindex_format jsonp; }
        location /rounded/ { alias %%ROOT%%/files/; autoindex_exact_size off; autoindex_localtime on; }
        location /random/ { alias %%ROOT%%/alone/; random_index on; }
        location /status { stub_status; }
    }
""", {
    **{name: get(f"/{name}/") for name in ("files", "xml", "json", "jsonp", "rounded", "empty", "random")},
    "jsonp-callback": get("/jsonp/?callback=a.b_1"), "jsonp-invalid": get("/jsonp/?callback=a-b"),
    "jsonp-empty": get("/jsonp/?callback="), "jsonp-long": get("/jsonp/?callback=" + "a" * 129),
    "head": get("/files/", method="HEAD"), "post": get("/files/", method="POST", body=b"a"),
    "http-1-0": get("/files/", version="1.0"), "escaped": get("/files/a%20%26%20%3Cb%3E/"),
    "status-post": get("/status", method="POST", body=b"a"),
}, files={
    "empty/": b"", "alone/file": b"the only one\n",
    **{f"files/{name}": b"x" * size for name, size in {
        "a": 0, "B": 9999, "c": 10_000, "d": 10_240 + 511, "e": 10_240 + 512, "f": 1 << 20, "n" * 50: 1, "n" * 51: 1,
        "<&\">" + "y" * 60: 2, "blank %?#+:;": 1, "ümlaut": 3, "ü" * 60: 1, "tab\tline\n\x01\\": 1, ".hidden": 1}.items()},
    "files/a & <b>/": b"", "files/folder/": b"", f"files/{'D' * 49}/": b"", f"files/{'E' * 50}/": b"",
})

SITES = [ACCESS, PASSWORDS, PROXIES, LIMITS, LISTS]
