"""return, rewrite, set, if, error_page, map and the variables they show."""

from support import Site, get, raw

REWRITE = Site("rewrite", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        rewrite ^/early/(.*)$ /late/$1;
        rewrite_log on;
        location /late/ { return 200 "late $uri $args\n"; }
        location /break/ { rewrite ^/break/(.*)$ /$1 break; return 200 "not reached\n"; }
        location /last/ { rewrite ^/last/(.*)$ /late/$1 last; return 200 "not reached\n"; }
        location /redirect/ { rewrite ^/redirect/(.*)$ /new/$1 redirect; }
        location /permanent/ { rewrite ^/permanent/(.*)$ /new/$1 permanent; }
        location /absolute/ { rewrite ^/absolute/(.*)$ http://else.test/$1; }
        location /absolute-https/ { rewrite ^ https://else.test$request_uri? permanent; }
        location /args/ { rewrite ^/args/(.*)$ /late/x?a=$1; }
        location /args-dropped/ { rewrite ^/args-dropped/(.*)$ /late/x?a=$1?; }
        location /escaped/ { rewrite ^/escaped/(.*)$ /new/$1 redirect; }
        location /loop/ { rewrite ^/loop/(.*)$ /loop/$1x; }
        location /caseless/ { rewrite (?i)^/caseless/ABC$ /late/caseless; return 200 "no match\n"; }
        location /braces/ { rewrite "^/braces/(\d{2,3})$" /late/$1; return 200 "no match\n"; }
        location /named/ { rewrite ^/named/(?<part>\w+)$ /late/$part; return 404; }
        location /chain/ {
            rewrite ^/chain/a$ /chain/b;
            rewrite ^/chain/b$ /chain/c;
            rewrite ^/chain/c$ /late/chain;
        }
    }
""", {
    "early": get("/early/x?q=1"), "break": get("/break/index.html"), "last": get("/last/x"),
    "redirect": get("/redirect/x?q=1"), "permanent": get("/permanent/x"), "absolute": get("/absolute/x?q=1"),
    "absolute-https": get("/absolute-https/x%20y?q=1"), "args": get("/args/v?q=1"),
    "args-dropped": get("/args-dropped/v?q=1"), "escaped": get("/escaped/a%20b%3Fc"), "loop": get("/loop/a"),
    "caseless": get("/caseless/abc"), "braces": get("/braces/123"), "braces-no": get("/braces/1"),
    "named": get("/named/word"), "chain": get("/chain/a"),
    "redirect-post": get("/redirect/x", method="POST", body=b"abc"),
    "redirect-http-1-0": get("/redirect/x", version="1.0", host=None),
})

RETURN = Site("return", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        location /200 { return 200; }
        location /200-text { return 200 "text\n"; }
        location /200-type { default_type text/html; return 200 "<b>"; }
        location /201 { return 201 "created"; }
        location /204 { return 204; }
        location /204-text { return 204 "dropped"; }
        location /301 { return 301 /new; }
        location /301-absolute { return 301 http://else.test/$args; }
        location /302-variable { return 302 $scheme://$host$request_uri; }
        location /303 { return 303 /new; }
        location /304 { return 304; }
        location /307 { return 307 /new; }
        location /308 { return 308 /new; }
        location /url { return http://else.test/; }
        location /relative { absolute_redirect off; return 301 /new; }
        location /no-port { port_in_redirect off; return 301 /new; }
        location /named-redirect { server_name_in_redirect on; return 301 /new; }
        location /400 { return 400; }
        location /403 { return 403; }
        location /404 { return 404; }
        location /404-text { return 404 "gone $uri"; }
        location /405 { return 405; }
        location /410 { return 410; }
        location /418 { return 418; }
        location /429 { return 429; }
        location /444 { return 444; }
        location /451 { return 451; }
        location /499 { return 499; }
        location /500 { return 500; }
        location /502 { return 502; }
        location /503 { return 503; }
        location /504 { return 504; }
        location /507 { return 507; }
        location /599 { return 599; }
        location /600 { return 600; }
        location /999 { return 999; }
    }
""", {
    path: get("/" + path + "?a=b")
    for path in [
        "200", "200-text", "200-type", "201", "204", "204-text", "301", "301-absolute", "302-variable", "303",
        "304", "307", "308", "url", "relative", "no-port", "named-redirect", "400", "403", "404",
        "404-text", "405", "410", "418", "429", "444", "451", "499", "500", "502", "503", "504", "507",
        "599", "600", "999",
    ]
} | {
    "head": get("/200-text", method="HEAD"),
    "post": get("/200-text", method="POST", body=b"abc"),
    "404-head": get("/404", method="HEAD"),
    "404-msie": get("/404", User_Agent="Mozilla/4.0 (compatible; MSIE 6.0)"),
    "404-chrome": get("/404", User_Agent="Mozilla/5.0 Chrome/90"),
    "http-1-0": get("/200-text", version="1.0"),
    "500-keep-alive": get("/500", close=False),
    "400-keep-alive": get("/400", close=False),
    "301-no-host-1-0": get("/301", version="1.0", host=None),
})

IF = Site("if", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        set $answer "unset";
        if ($host = blocked.test) { return 403 "blocked\n"; }
        if ($http_user_agent ~* "(bot|spider)/(\d+)") { set $answer "robot $1 $2"; }
        location / {
            if ($arg_x) { return 200 "x is $arg_x\n"; }
            if ($request_method = POST) { return 405; }
            if ($request_method !~ ^(GET|HEAD|POST)$) { return 200 "method $request_method\n"; }
            return 200 "answer $answer\n";
        }
        location /file/ {
            if (-f %%ROOT%%$arg_f) { return 200 "file\n"; }
            if (-d %%ROOT%%$arg_f) { return 200 "folder\n"; }
            if (!-e %%ROOT%%$arg_f) { return 200 "nothing\n"; }
            return 200 "else\n";
        }
        location /exec { if (-x %%ROOT%%/index.html) { return 200 "x\n"; } return 200 "not x\n"; }
        location /compare {
            if ($arg_a != $arg_b) { return 200 "differ\n"; }
            return 200 "same\n";
        }
        location /if-content/ {
            add_header X-Outer yes;
            if ($arg_inner) { add_header X-Inner yes; }
            alias %%ROOT%%/;
        }
        location /if-after/ {
            if ($arg_first) { proxy_pass http://127.0.0.1:1; }
            if ($arg_second) { add_header X-Second yes; }
            alias %%ROOT%%/;
        }
        location /if-break/ {
            set $a 1;
            if ($arg_b) { set $a 2; break; set $a 3; }
            set $a "${a}4";
            return 200 "a=$a\n";
        }
        location /set/ {
            set $one "1";
            set $two "${one}2$one";
            set $three $undefined_arg$two;
            return 200 "$one $two $three\n";
        }
        set $undefined_arg "";
        location /cookie { if ($http_cookie ~ "id=([^;]+)(?:;|$)") { set $id $1; } return 200 "id=$id\n"; }
    }
""", {
    "plain": get("/"), "blocked": get("/", host="blocked.test"), "argument": get("/?x=1"),
    "argument-zero": get("/?x=0"), "argument-empty": get("/?x="), "post": get("/", method="POST", body=b""),
    "delete": get("/", method="DELETE"), "robot": get("/", User_Agent="Googlebot/12"),
    "file": get("/file/?f=/index.html"), "folder": get("/file/?f=/"), "nothing": get("/file/?f=/none"),
    "executable": get("/exec"), "compare-same": get("/compare?a=1&b=1"), "compare-differ": get("/compare?a=1&b=2"),
    "content": get("/if-content/index.html"), "content-inner": get("/if-content/index.html?inner=1"),
    "second-of-two": get("/if-after/index.html?second=1"), "two": get("/if-after/index.html?first=1&second=1"),
    "break": get("/if-break/"), "break-taken": get("/if-break/?b=1"), "set": get("/set/"),
    "cookie": get("/cookie", Cookie="a=b; id=42; c=d"), "cookie-none": get("/cookie"),
})

ERROR_PAGES = Site("error-pages", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        error_page 404 /errors/404.html;
        error_page 500 502 503 =200 /errors/soft.html;
        error_page 403 http://else.test/forbidden;
        error_page 410 =301 /moved;
        error_page 418 = @teapot;
        error_page 405 /errors/405.html;
        error_page 402 /errors/missing.html;
        error_page 406 =418 /errors/404.html;
        error_page 409 /errors/$arg_page.html;
        error_page 413 414 431 494 /errors/404.html;
        location / { }
        location /errors/ { internal; }
        location /500 { return 500; }
        location /403 { return 403; }
        location /410 { return 410; }
        location /418 { return 418; }
        location /402 { return 402; }
        location /406 { return 406; }
        location /409 { return 409; }
        location /small { client_max_body_size 2; proxy_pass http://127.0.0.1:1; }
        location @teapot { return 203 "teapot $uri $status\n"; }
        location /own/ { error_page 404 =202 /errors/soft.html; }
        location /recursive/ { recursive_error_pages on; error_page 404 /recursive2/; }
        location /recursive2/ { recursive_error_pages on; error_page 404 /errors/soft.html; return 404; }
        location /not-recursive/ { error_page 404 /not-recursive2/; }
        location /not-recursive2/ { error_page 404 /errors/soft.html; return 404; }
    }
""", {
    "404": get("/none"), "404-head": get("/none", method="HEAD"), "404-post": get("/none", method="POST", body=b"x"),
    "405": get("/", method="POST", body=b"x"), "500": get("/500"), "403": get("/403"), "410": get("/410"),
    "418": get("/418"), "402-page-missing": get("/402"), "406": get("/406"), "409-variable": get("/409?page=soft"),
    "413": get("/small", method="POST", body=b"abc"), "own": get("/own/none"), "recursive": get("/recursive/none"),
    "not-recursive": get("/not-recursive/none"), "internal": get("/errors/404.html"),
    "404-range": get("/none", Range="bytes=0-1"), "404-keep-alive": get("/none", close=False),
}, {"errors/404.html": b"own 404\n", "errors/soft.html": b"soft\n", "errors/405.html": b"own 405\n"})

MAP = Site("map", r"""
    map $arg_x $exact { default "other"; one "first"; TWO "second"; "" "empty"; three $arg_y; "a b" "quoted"; }
    map $host $by_host { hostnames; default "other"; .dotted.test "dotted"; *.star.test "star"; tail.* "tail";
                         exact.test "exact"; }
    map $uri $by_regex { ~^/re/(?<what>\w+)$ "re $what $1"; ~*^/UP "caseless"; \~tilde "tilde"; default "none"; }
    map "$arg_x:$arg_y" $combined { "1:2" "both"; ~^1: "first"; volatile; }
    map $arg_x $numbers { 1 10; 2 20; }
    map $sent_http_content_type $lifetime { default off; text/html epoch; ~text/ 1h; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        location / { return 200 "$exact|$by_host|$by_regex|$combined|$numbers\n"; }
        location /files/ { alias %%ROOT%%/; expires $lifetime; }
    }
""", {
    name: get(path, host=host) for name, path, host in [
        ("default", "/", "localhost"), ("one", "/?x=one", "localhost"), ("case", "/?x=two", "localhost"),
        ("variable-value", "/?x=three&y=why", "localhost"), ("other", "/?x=zzz", "localhost"),
        ("escaped", "/?x=a%20b", "localhost"), ("host-dotted", "/", "a.dotted.test"),
        ("host-dotted-bare", "/", "dotted.test"), ("host-star", "/", "a.star.test"), ("host-tail", "/", "tail.org"),
        ("host-exact", "/", "exact.test"), ("host-upper", "/", "EXACT.test"), ("regex", "/re/word", "localhost"),
        ("regex-caseless", "/upper", "localhost"), ("combined", "/?x=1&y=2", "localhost"),
        ("combined-regex", "/?x=1&y=3", "localhost"), ("number", "/?x=2", "localhost"),
        ("expires-html", "/files/index.html", "localhost"), ("expires-text", "/files/a.txt", "localhost"),
        ("expires-off", "/files/a.json", "localhost"),
    ]
}, {"a.txt": b"a\n", "a.json": b"{}\n"})

VARIABLES = Site("variables", r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name named.test;
        root %%ROOT%%;
        location / {
            return 200 "args=$args arg_a=$arg_a arg_B=$arg_B body=$request_body body_bytes=$body_bytes_sent
content_length=$content_length content_type=$content_type cookie=$cookie_a host=$host hostname_set=x
http_x=$http_x_own_header is_args=$is_args limit_rate=$limit_rate method=$request_method
protocol=$server_protocol query=$query_string request=$request uri=$uri request_uri=$request_uri
remote_addr=$remote_addr scheme=$scheme server_addr=$server_addr server_name=$server_name
status=$status https=$https document_root=$document_root request_filename=$request_filename
http_host=$http_host pipe=$pipe completion=$request_completion document_uri=$document_uri
realpath_root=$realpath_root proxy_protocol=$proxy_protocol_addr nginx=$http_cookie agent=$http_user_agent
forwarded=$http_x_forwarded_for sent=$sent_http_content_type connection=$http_connection\n";
        }
    }
""", {
    "plain": get("/"),
    "arguments": get("/a%20b/c?a=1&B=2&a=3"),
    "argument-case": get("/?A=1&b=2"),
    "headers": get("/", X_Own_Header="x y", Cookie="b=1; a=2; c=3", User_Agent="tests"),
    "headers-twice": raw("GET / HTTP/1.1", "Host: named.test", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2",
                         "Cookie: a=1", "Cookie: b=2", "Connection: close"),
    "post": get("/", method="POST", body=b"the body", Content_Type="text/x"),
    "host": get("/", host="NAMED.test:88"),
    "http-1-0": get("/", version="1.0", host=None),
    "header-underscore": get("/", **{"X__Own": "1"}),
    "cookie-odd": get("/", Cookie="xa=1;a=;a=2"),
})

SITES = [REWRITE, RETURN, IF, ERROR_PAGES, MAP, VARIABLES]
