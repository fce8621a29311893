"""Files: index, autoindex, alias, try_files, ranges, conditions, types."""

from support import MODIFIED_TEXT, Site, get, raw

TEXT = b"".join(b"%04d " % number for number in range(200))

STATIC = Site("static", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { }
        location /alias/ { alias %%ROOT%%/sub/; }
        location /alias-bare { alias %%ROOT%%/sub; }
        location /alias-file { alias %%ROOT%%/file.txt; }
        location ~ ^/alias-re/(.*)$ { alias %%ROOT%%/sub/$1; }
        location /other-index/ { alias %%ROOT%%/sub/; index nothing.html inner.txt; }
        location /index-absolute/ { alias %%ROOT%%/sub/; index none /file.txt; }
        location /index-variable/ { alias %%ROOT%%/sub/; index $arg_i.txt; }
        location /types/ { alias %%ROOT%%/; types { text/x-own txt; } default_type text/x-default; }
        location /no-types/ { alias %%ROOT%%/; types { } }
        location /no-etag/ { alias %%ROOT%%/; etag off; }
        location /internal/ { internal; alias %%ROOT%%/; }
        location /quiet/ { alias %%ROOT%%/; log_not_found off; }
    }
""", {
    "index": get("/"),
    "file": get("/file.txt"),
    "head": get("/file.txt", method="HEAD"),
    "post": get("/file.txt", method="POST", body=b"x=1"),
    "put": get("/file.txt", method="PUT", body=b"x=1"),
    "delete": get("/file.txt", method="DELETE"),
    "options": get("/file.txt", method="OPTIONS"),
    "trace": get("/file.txt", method="TRACE"),
    "unknown-method": get("/file.txt", method="BREW"),
    "connect": raw("CONNECT a.test:443 HTTP/1.1", "Host: a", "Connection: close"),
    "missing": get("/missing"),
    "missing-head": get("/missing", method="HEAD"),
    "missing-folder": get("/missing/"),
    "folder-redirect": get("/sub"),
    "folder-redirect-query": get("/sub?a=b"),
    "folder-redirect-host": get("/sub", host="other.test:99"),
    "folder-without-index": get("/sub/"),
    "folder-with-index": get("/indexed/"),
    "folder-with-index-post": get("/indexed/", method="POST", body=b""),
    "file-as-folder": get("/file.txt/"),
    "below-file": get("/file.txt/x"),
    "empty": get("/empty.txt"),
    "unknown-type": get("/data.unknown"),
    "no-extension": get("/plain"),
    "dot-file": get("/.hidden"),
    "two-extensions": get("/a.html.txt"),
    "upper-extension": get("/upper.TXT"),
    "space": get("/with%20space.txt"),
    "long-name": get("/" + "n" * 300),
    "alias": get("/alias/inner.txt"),
    "alias-escape": get("/alias/../file.txt"),
    "alias-root": get("/alias/"),
    "alias-bare": get("/alias-bare/inner.txt"),
    "alias-bare-redirect": get("/alias-bare"),
    "alias-file": get("/alias-file"),
    "alias-regex": get("/alias-re/inner.txt"),
    "other-index": get("/other-index/"),
    "index-absolute": get("/index-absolute/"),
    "index-variable": get("/index-variable/?i=inner"),
    "own-types": get("/types/file.txt"),
    "default-type": get("/types/plain"),
    "no-types": get("/no-types/file.txt"),
    "no-etag": get("/no-etag/file.txt"),
    "internal": get("/internal/file.txt"),
    "quiet": get("/quiet/missing"),
    "http-1-0": get("/file.txt", version="1.0"),
    "http-1-0-keep-alive": get("/file.txt", version="1.0", close=False, Connection="keep-alive"),
    "http-0-9": b"GET /file.txt\r\n",
}, {
    "file.txt": TEXT, "sub/inner.txt": b"inner\n", "indexed/index.html": b"indexed\n", "empty.txt": b"",
    "data.unknown": b"?\n", "plain": b"plain\n", ".hidden": b"hidden\n", "a.html.txt": b"two\n",
    "upper.TXT": b"upper\n", "with space.txt": b"space\n",
})

RANGES = Site("ranges", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location /limited/ { alias %%ROOT%%/; max_ranges 2; }
        location /none/ { alias %%ROOT%%/; max_ranges 0; }
    }
""", {
    name: get(path, Range=value)
    for name, (path, value) in {
        "first": ("/file.txt", "bytes=0-9"), "middle": ("/file.txt", "bytes=100-199"),
        "open": ("/file.txt", "bytes=990-"), "suffix": ("/file.txt", "bytes=-10"),
        "suffix-too-long": ("/file.txt", "bytes=-5000"), "suffix-zero": ("/file.txt", "bytes=-0"),
        "end-too-far": ("/file.txt", "bytes=990-5000"), "start-too-far": ("/file.txt", "bytes=1000-1001"),
        "reversed": ("/file.txt", "bytes=9-0"), "empty": ("/file.txt", "bytes="),
        "junk": ("/file.txt", "bytes=a-b"), "other-unit": ("/file.txt", "lines=0-9"),
        "upper-unit": ("/file.txt", "BYTES=0-9"), "spaces": ("/file.txt", "bytes= 0 - 9 , 20 - 29 "),
        "two": ("/file.txt", "bytes=0-9,20-29"), "two-one-bad": ("/file.txt", "bytes=0-9,5000-"),
        "both-bad": ("/file.txt", "bytes=5000-,6000-"), "three": ("/file.txt", "bytes=0-1,3-4,-2"),
        "overlapping": ("/file.txt", "bytes=0-500,100-600"), "all-twice": ("/file.txt", "bytes=0-,0-"),
        "whole": ("/file.txt", "bytes=0-999"), "huge-number": ("/file.txt", "bytes=0-99999999999999999999"),
        "limited": ("/limited/file.txt", "bytes=0-1,3-4"), "limited-over": ("/limited/file.txt", "bytes=0-1,3-4,6-7"),
        "none": ("/none/file.txt", "bytes=0-1"), "empty-file": ("/empty.txt", "bytes=0-0"),
    }.items()
} | {
    "head": get("/file.txt", method="HEAD", Range="bytes=0-9"),
    "http-1-0": get("/file.txt", version="1.0", Range="bytes=0-9"),
    "if-range-date": get("/file.txt", Range="bytes=0-9", If_Range=MODIFIED_TEXT),
    "if-range-date-old": get("/file.txt", Range="bytes=0-9", If_Range="Sun, 13 Sep 2019 12:26:40 GMT"),
    "if-range-etag": get("/file.txt", Range="bytes=0-9", If_Range='"5f5e1000-3e8"'),
    "if-range-etag-wrong": get("/file.txt", Range="bytes=0-9", If_Range='"x"'),
    "if-range-etag-weak": get("/file.txt", Range="bytes=0-9", If_Range='W/"5f5e1000-3e8"'),
    "twice": raw("GET /file.txt HTTP/1.1", "Host: a", "Range: bytes=0-1", "Range: bytes=3-4", "Connection: close"),
}, {"file.txt": TEXT, "empty.txt": b""})

ETAG = '"5f5e1000-3e8"'  # the time and the size of file.txt in hexadecimal
EARLIER, LATER = "Sun, 13 Sep 2020 12:26:39 GMT", "Sun, 13 Sep 2020 12:26:41 GMT"

CONDITIONS = Site("conditions", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location /before/ { alias %%ROOT%%/; if_modified_since before; }
        location /off/ { alias %%ROOT%%/; if_modified_since off; }
    }
""", {
    "since-same": get("/file.txt", If_Modified_Since=MODIFIED_TEXT),
    "since-earlier": get("/file.txt", If_Modified_Since=EARLIER),
    "since-later": get("/file.txt", If_Modified_Since=LATER),
    "since-later-before": get("/before/file.txt", If_Modified_Since=LATER),
    "since-earlier-before": get("/before/file.txt", If_Modified_Since=EARLIER),
    "since-off": get("/off/file.txt", If_Modified_Since=MODIFIED_TEXT),
    "since-rfc850": get("/file.txt", If_Modified_Since="Sunday, 13-Sep-20 12:26:40 GMT"),
    "since-asctime": get("/file.txt", If_Modified_Since="Sun Sep 13 12:26:40 2020"),
    "since-junk": get("/file.txt", If_Modified_Since="yesterday"),
    "since-head": get("/file.txt", method="HEAD", If_Modified_Since=MODIFIED_TEXT),
    "since-keep-alive": get("/file.txt", close=False, If_Modified_Since=MODIFIED_TEXT),
    "unmodified-same": get("/file.txt", If_Unmodified_Since=MODIFIED_TEXT),
    "unmodified-earlier": get("/file.txt", If_Unmodified_Since=EARLIER),
    "unmodified-later": get("/file.txt", If_Unmodified_Since=LATER),
    "none-match": get("/file.txt", If_None_Match=ETAG),
    "none-match-other": get("/file.txt", If_None_Match='"x"'),
    "none-match-weak": get("/file.txt", If_None_Match="W/" + ETAG),
    "none-match-star": get("/file.txt", If_None_Match="*"),
    "none-match-list": get("/file.txt", If_None_Match='"a", W/"b" ,' + ETAG),
    "none-match-junk": get("/file.txt", If_None_Match="a b"),
    "none-match-beats-since": get("/file.txt", If_None_Match='"x"', If_Modified_Since=MODIFIED_TEXT),
    "match": get("/file.txt", If_Match=ETAG),
    "match-other": get("/file.txt", If_Match='"x"'),
    "match-weak": get("/file.txt", If_Match="W/" + ETAG),
    "match-star": get("/file.txt", If_Match="*"),
    "match-and-none-match": get("/file.txt", If_Match=ETAG, If_None_Match=ETAG),
    "not-modified-range": get("/file.txt", If_None_Match=ETAG, Range="bytes=0-1"),
    "missing": get("/missing", If_Modified_Since=MODIFIED_TEXT),
}, {"file.txt": TEXT})

AUTOINDEX = Site("autoindex", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        charset utf-8;
        autoindex on;
        location /rounded/ { alias %%ROOT%%/list/; autoindex_exact_size off; autoindex_localtime on; }
        location /json/ { alias %%ROOT%%/list/; autoindex_format json; }
        location /xml/ { alias %%ROOT%%/list/; autoindex_format xml; }
        location /jsonp/ { alias %%ROOT%%/list/; autoindex_format jsonp; }
        location /off/ { alias %%ROOT%%/list/; autoindex off; }
    }
""", {
    "html": get("/list/"),
    "html-head": get("/list/", method="HEAD"),
    "post": get("/list/", method="POST", body=b"x"),
    "rounded": get("/rounded/"),
    "json": get("/json/"),
    "xml": get("/xml/"),
    "jsonp": get("/jsonp/?callback=done"),
    "jsonp-without": get("/jsonp/"),
    "jsonp-bad": get("/jsonp/?callback=a(b"),
    "off": get("/off/"),
    "empty": get("/void/"),
    "index-wins": get("/"),
}, {
    "list/a.txt": b"a" * 10, "list/b<&>\"'.txt": b"b" * 2000, "list/grün.txt": b"c" * 3_000_000,
    "list/.hidden": b"h", "list/folder/x": b"x", "list/" + "long" * 20 + ".txt": b"l", "list/a b%#?.txt": b"s",
    "void/": b"",
})

TRY_FILES = Site("try-files", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { try_files $uri $uri/ /fallback?from=$uri; }
        location = /fallback { return 200 "fallback $args\n"; }
        location /code/ { try_files $uri =418; }
        location /named/ { try_files $uri @named; }
        location @named { return 200 "named $uri $request_uri\n"; }
        location /last/ { try_files /none /file.txt; }
        location /folder-only/ { try_files /file.txt/ /sub/ =404; }
        location /aliased/ { alias %%ROOT%%/sub/; try_files $uri $arg_x =404; }
        location ~ ^/cap/(.*)$ { try_files /sub/$1 =404; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name whole.test;
        root %%ROOT%%;
        try_files /file.txt =404;
    }
""", {
    "file": get("/file.txt"),
    "folder": get("/sub/"),
    "folder-without-slash": get("/sub"),
    "fallback": get("/none?x=1"),
    "code": get("/code/none"),
    "named": get("/named/none?q=1"),
    "last": get("/last/x"),
    "folder-only": get("/folder-only/x"),
    "aliased": get("/aliased/inner.txt"),
    "aliased-missing": get("/aliased/none"),
    "captures": get("/cap/inner.txt"),
    "captures-missing": get("/cap/none"),
    "whole-server": get("/anything", host="whole.test"),
    "post": get("/none", method="POST", body=b"abc"),
}, {"file.txt": b"the file\n", "sub/inner.txt": b"inner\n", "sub/index.html": b"sub's index\n"})

SITES = [STATIC, RANGES, CONDITIONS, AUTOINDEX, TRY_FILES]
