"""Who asks, and from where: referers, browsers, signed links, cookies that browsers are known by, and a picture of one pixel."""

import base64
import hashlib

from support import Site, get


def referer(path, value):
    return get(path, **({"Referer": value} if value is not None else {}))


REFERERS = [
    None, "", "http://www.example.org", "http://www.example.org/uri/x", "http://www.example.org:8080/uri", "https://WWW.example.org",
    "http://example.org/URI", "www.example.org", "localhost", "http://localhost/", "http://foobar/x", "http://a.b.example.com/",
    "http://example.net/", "http://www.example.net/uri", "ftp://www.example.org/", "http://i", "http://" + "a" * 300 + "/",
]
REFERER_PATHS = ["/blocked", "/none", "/simple", "/regex", "/regex-uri", "/uri", "/names", "/names-blocked", "/wild", "/inner/x", "/no"]

REFERERS_SITE = Site("referers", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name localhost ~bar *.below.test;
        location /blocked { valid_referers blocked www.example.org; return 200 "value $invalid_referer"; }
        location /none { valid_referers none www.example.org; return 200 "value $invalid_referer"; }
        location /simple { valid_referers www.example.org; return 200 "value $invalid_referer"; }
        location /regex { valid_referers ~example.org$ ~(?-i)example.net; return 200 "value $invalid_referer"; }
        location /regex-uri { valid_referers ~example.org/uri; return 200 "value $invalid_referer"; }
        location /uri { valid_referers www.example.org/uri *.example.net/uri; return 200 "value $invalid_referer"; }
        location /names { valid_referers server_names; return 200 "value $invalid_referer"; }
        location /names-blocked { valid_referers none blocked server_names; return 200 "value $invalid_referer"; }
        location /wild { valid_referers *.example.com example.*; return 200 "value $invalid_referer"; }
        location /inner { valid_referers ~example.org; location /inner/x { valid_referers a.test; return 200 "value $invalid_referer"; } }
        location /no { return 200 "value $invalid_referer"; }
    }
""", {
    f"{path.strip('/').replace('/', '-')}-{number}": referer(path, value)
    for path in REFERER_PATHS for number, value in enumerate(REFERERS)
})

AGENTS = {
    "none": None, "empty": "", "other": "Lynx/2.8",
    "explorer-5": "Mozilla/4.0 (compatible; MSIE 5.0; Windows NT 5.1)",
    "explorer-5.5": "Mozilla/4.0 (compatible; MSIE 5.5; Windows NT 5.1)",
    "explorer-6": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "opera": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0; en) Opera 8.0",
    "opera-9": "Opera/9.01 (X11; FreeBSD 6 i386; U; en)",
    "gecko": "Mozilla/5.0 (X11; U; Linux i686; en-US; rv:1.0.0) Gecko/20020610",
    "gecko-2": "Mozilla/5.0 (Windows; U; Windows NT 5.1; ru-RU; rv:1.7.8) Gecko/20050511 Firefox/1.0.4",
    "safari": "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; ru-ru) AppleWebKit/125.2 (KHTML, like Gecko) Safari/125.7",
    "konqueror": "Mozilla/5.0 (compatible; Konqueror/3.4; Linux) KHTML/3.4.2 (like Gecko)",
    "netscape": "Mozilla/4.72 [en] (X11; U; Linux)", "cut": "Mozilla/4.0 (compatible; MSIE ",
    "huge": "Mozilla/4.0 (compatible; MSIE 99999999999999999999.9; x",
}

BROWSERS = Site("browsers", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        # nginx takes browsers that are named in http for none.
        modern_browser msie 5.5;
        modern_browser gecko 1.0.0;
        modern_browser safari 100.0;
        ancient_browser Lynx netscape4;
        location / { return 200 "$modern_browser!$ancient_browser!$msie\n"; }
        location /unlisted { modern_browser unlisted; return 200 "$modern_browser!$ancient_browser\n"; }
        location /opera { modern_browser opera 9.0; modern_browser unlisted; return 200 "$modern_browser!$ancient_browser\n"; }
        location /ancient { ancient_browser Opera; modern_browser unlisted; return 200 "$modern_browser!$ancient_browser\n"; }
        location /values {
            modern_browser_value modern.; ancient_browser_value ancient.;
            modern_browser konqueror 3.2;
            return 200 "$modern_browser!$ancient_browser\n";
        }
    }
""", {
    f"{path.strip('/') or 'root'}-{name}": get(path, **({"User-Agent": agent} if agent is not None else {}))
    for path in ("/", "/unlisted", "/opera", "/ancient", "/values") for name, agent in AGENTS.items()
})


def signed(text):
    return base64.urlsafe_b64encode(hashlib.md5(text.encode()).digest()).decode().rstrip("=")


FAR = 4102444800

LINKS = Site("links", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        location / {
            secure_link $arg_md5; secure_link_md5 "secret$uri";
            return 200 "$secure_link!$secure_link_expires!\n";
        }
        location /expires {
            secure_link $arg_md5,$arg_e; secure_link_md5 "$secure_link_expires$uri secret";
            return 200 "$secure_link!$secure_link_expires!\n";
        }
        location /p/ { secure_link_secret word; return 200 "$secure_link!\n"; }
        location /half { secure_link $arg_md5; return 200 "$secure_link!\n"; }
    }
""", {
    "right": get(f"/x?md5={signed('secret/x')}"),
    "padded": get(f"/x?md5={signed('secret/x')}=="),
    "wrong": get(f"/x?md5={signed('secret/y')}"),
    "short": get("/x?md5=abc"), "long": get("/x?md5=" + "a" * 30), "none": get("/x"), "alphabet": get("/x?md5=" + "+" * 22),
    "in-time": get(f"/expires?e={FAR}&md5={signed(f'{FAR}/expires secret')}"),
    "too-late": get(f"/expires?e=1000&md5={signed('1000/expires secret')}"),
    "no-time": get(f"/expires?md5={signed('/expires secret')}"),
    "bad-time": get(f"/expires?e=abc&md5={signed('abc/expires secret')}"),
    "old": get("/p/" + hashlib.md5(b"some/link?aword").hexdigest() + "/some/link?a"),
    "old-upper": get("/p/" + hashlib.md5(b"some/linkword").hexdigest().upper() + "/some/link"),
    "old-wrong": get("/p/" + hashlib.md5(b"some/linkworD").hexdigest() + "/some/link"),
    "old-short": get("/p/abc/some/link"), "old-nothing": get("/p/" + "a" * 32 + "/"), "old-letters": get("/p/" + "g" * 32 + "/x"),
    "half": get(f"/half?md5={signed('x')}"),
})

COOKIE = "AQIDBAUGBwgJCgsMDQ4PEA"

# Identifiers that are made anew differ, so only those that came are shown.
COOKIES = Site("cookies", r"""
    userid on; userid_service 7; userid_p3p "policyref=x"; userid_expires max;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        add_header X-Got $uid_got;
        location / { }
        location /marked { alias %%ROOT%%/; userid_mark y; userid_name own; userid_domain a.test; userid_path /x; add_header X-Set $uid_set; }
        location /flags { alias %%ROOT%%/; userid_mark y; userid_flags secure httponly samesite=strict; userid_expires off; userid_p3p none; }
        location /log { alias %%ROOT%%/; userid log; }
        location /off { alias %%ROOT%%/; userid off; }
        location /reset { alias %%ROOT%%/; userid log; set $uid_reset log; }
    }
""", {
    **{f"{path.strip('/') or 'root'}-{name}": get(path, Cookie=cookie)
       for path in ("/", "/marked/", "/flags/", "/log/", "/off/", "/reset/")
       for name, cookie in {
           "uid": f"uid={COOKIE}==", "own": f"a=b; own={COOKIE}==; uid={COOKIE}==", "marked": f"own={COOKIE}y=; uid={COOKIE}y="}.items()
       if not (path == "/marked/" and name == "uid")},
    **{f"log-{name}": get("/log/", Cookie=cookie) for name, cookie in {
        "none": "x=y", "short": "uid=AQID", "invalid": "uid=" + "!" * 24, "zero": "uid=" + "A" * 22}.items()},
})

PIXEL = Site("pixel", r"""
    server { listen 127.0.0.1:%%PORT%%; location / { empty_gif; } }
""", {
    "get": get("/"), "head": get("/", method="HEAD"), "post": get("/", method="POST", body=b"abc"),
    "fresh": get("/", **{"If-Modified-Since": "Mon, 28 Sep 1970 06:00:00 GMT"}), "range": get("/", Range="bytes=0-3"),
})

SITES = [REFERERS_SITE, BROWSERS, LINKS, COOKIES, PIXEL]
