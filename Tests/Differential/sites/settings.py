"""Directives that no other site has, each where it makes a difference and where it is not."""

from serving import answer
from support import Site, get

OLD = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"

OLD_BROWSERS = Site("old-browsers", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { return 404; }
        location /unpadded { msie_padding off; return 404; }
        location /moved { return 301 /to; }
        location /refreshed { msie_refresh on; return 301 "/to?a=b&c=\"d\""; }
    }
""", {
    f"{name}-{browser}": get(path, User_Agent=agent)
    for browser, agent in [("old", OLD), ("new", "Mozilla/5.0 (X11; Linux x86_64) Chrome/120"), ("opera", OLD + " Opera 7")]
    for name, path in [("padded", "/x"), ("unpadded", "/unpadded"), ("moved", "/moved"), ("refreshed", "/refreshed")]
})

BODIES = Site("kept-bodies", r"""
    map $request_body_file $in_file { "" no; default yes; }
    proxy_set_header Host b;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-In-File $in_file;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
        location /file { client_body_in_file_only on; proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
        location /clean { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
        location /said { proxy_set_body "$in_file [$request_body]"; proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
        location /said-file { client_body_in_file_only clean; proxy_set_body "$in_file [$request_body]"; proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
        location /single { client_body_in_single_buffer on; proxy_set_body "[$request_body]"; proxy_pass http://127.0.0.1:%%BACKEND%%/show; }
    }
""", {
    f"{name}-{size}": get(path, method="POST", body=b"b" * size)
    for name, path in [("memory", "/"), ("file", "/file"), ("clean", "/clean"), ("said", "/said"),
                       ("said-file", "/said-file"), ("single", "/single")]
    for size in (0, 10, 300)
}, backend={})

CHARSETS = Site("overridden-charsets", r"""
    charset_map koi8-r utf-8 { C0 D18E; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host b;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { charset utf-8; source_charset koi8-r; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /override/ { charset utf-8; override_charset on; proxy_pass http://127.0.0.1:%%BACKEND%%/; }
    }
""", {
    "plain": get("/koi"), "override": get("/override/koi"), "unnamed": get("/none"), "override-unnamed": get("/override/none"),
}, backend={
    "/koi": answer(b"<\xc0>", head="Content-Type: text/html; charset=koi8-r"),
    "/none": answer(b"<\xc0>", head="Content-Type: text/html"),
})

SITES = [OLD_BROWSERS, BODIES, CHARSETS]
