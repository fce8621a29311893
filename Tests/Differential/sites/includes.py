"""Pages with commands in them (SSI)."""

from support import Site, get

PAGES = {
    "echo.html": 'a<!--#echo var="arg_x" -->b<!--#echo var="ARG_X" encoding="none" -->c<!--#echo var="arg_x" encoding="url"-->d'
                 '<!--#echo var="none" -->e<!--#echo var="none" default="std" -->f<!--#echo var="none" default="" -->g'
                 '<!--#echo var="request_uri"--><!--#echo var="x" encoding="what" -->',
    "set.html": '<!--#set var="Name" value="v$arg_x" --><!--#echo var="name" -->|<!--#set var="b" value="${name}-\\$\\"\\\\\\x" -->'
                '<!--#echo var="b" encoding="none" -->|<!--#set var="c" value="$none" -->(<!--#echo var="c" -->)'
                '<!--#set var="d" value="${x" --><!--#set var="e" value="$" -->',
    "if.html": '<!--#if expr="$arg_x" -->IF<!--#elif expr="$arg_y = Yes" -->ELIF<!--#else -->ELSE<!--#endif -->.',
    "regex.html": '<!--#if expr="$arg_x = /^(\\w)(?<rest>.*)$/" -->[<!--#echo var="1" -->|<!--#echo var="rest" -->|<!--#echo var="0"-->]'
                  '<!--#endif --><!--#if expr="$arg_x != /b/" -->no b<!--#endif --><!--#if expr="$arg_x = /(/" -->x<!--#endif -->',
    "nested.html": '<!--#if expr="a = a" -->1<!--#if expr="b = c" -->2<!--#endif -->3<!--#else -->4<!--#endif -->5'
                   '<!--#else -->6<!--#endif -->7<!--#elif expr="1" -->8',
    "errors.html": 'a<!--#nothing -->b<!--#echo -->c<!--#echo var="a" var="b" -->d<!--#echo other="a" -->e<!--#if expr="a >" -->f'
                   '<!--#include -->g<!--#include virtual="/a" file="b" -->h<!--#include virtual="/../x" -->i<!--#echo var=a -->j'
                   '<!--#echo var="a"b="c" -->k<!--#echo var -->l<!--#echo -var="a" -->m<!--#include virtual="/t.html" wait="x" -->'
                   'n<!--#include file="t.html" wait="yes" -->o<!--#include virtual="/t.html" stub="x" -->p'
                   '<!--#config errmsg="[wrong]" --><!--#nothing -->q<!--# echo var="arg_x" -->r<!--#echo -x -->s<!--#endif -->t',
    "text.html": '< <! <!- <!-- <!--x <!---- <<!--#echo var="arg_x" --><!--<!--#echo var="arg_x" -->-->end<',
    "cut.html": 'start<!--#echo var="arg_x"', "cut2.html": "end<!-",
    "long.html": '<!--#echo var="none" default="' + "x" * 255 + '" -->|<!--#echo var="none" default="' + "x" * 256 + '" -->|'
                 '<!--#' + "c" * 33 + ' -->|<!--#echo ' + "p" * 33 + '="1" -->|',
    "include.html": '[<!--#include virtual="/t.html" -->][<!--#include virtual="t.html?x=1" -->][<!--#include file="sub/t.html" -->]'
                    '[<!--#include virtual="/sub/$arg_x.html" -->][<!--#include virtual="/show?a=b" -->][<!--#include virtual="/none" -->]',
    "t.html": "T", "sub/t.html": 'S<!--#include virtual="inner.html" -->S', "sub/inner.html": "inner",
    "order.html": '1<!--#include virtual="/p/slow.html" -->2<!--#include virtual="/t.html" -->3<!--#include virtual="/p/t.html" wait="yes" -->4'
                  '<!--#include virtual="/sub/t.html" -->5',
    "slow.html": "slow" * 100,
    "waits.html": '<!--#include virtual="/setter.html" wait="yes" -->(<!--#echo var="made" -->)',
    "setter.html": '<!--#set var="made" value="here" -->',
    "kept.html": '<!--#include virtual="/t.html" set="one" --><!--#include virtual="/none.html" set="two" -->'
                 '<!--#include virtual="/p/t.html" set="three" -->(<!--#echo var="one" -->)(<!--#echo var="two" -->)(<!--#echo var="three" -->)',
    "blocks.html": '<!--#block name="b" -->[<!--#echo var="arg_x" --> <!--#include virtual="/t.html" -->]<!--#endblock -->'
                   'full:<!--#include virtual="/t.html" stub="b" -->, empty:<!--#include virtual="/empty" stub="b" -->, '
                   'nothing:<!--#include virtual="/nothing" stub="b" -->, error:<!--#include virtual="/error" stub="b" -->, '
                   'missing:<!--#include virtual="/none.html" stub="b" -->, proxied:<!--#include virtual="/p/empty.html" stub="b" -->, '
                   'file:<!--#include virtual="/empty.html" stub="b" -->',
    "empty.html": "", "loop.html": 'x<!--#include virtual="/loop.html" -->y',
    "date.html": '<!--#config timefmt="%Y" --><!--#echo var="date_gmt" --> <!--#config timefmt="literal" --><!--#echo var="date_local" -->',
    "big.html": "0123456789" * 5000 + '<!--#include virtual="/t.html" -->' + "abcdefghij" * 5000 + '<!--#include virtual="/p/big2.html" -->.',
    "big2.html": "z" * 70000,
}

INCLUDES = Site("includes", r"""
    map $http_x_inner $outer { "" 1; default 0; }
    proxy_set_header X-Inner 1;
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        access_log logs/access.log compared if=$outer;
        chunked_transfer_encoding off;
        location / { ssi on; }
        location /p/ { proxy_pass http://127.0.0.1:%%PORT%%/plain/; }
        location /plain/ { alias %%ROOT%%/; }
        location /silent/ { alias %%ROOT%%/; ssi on; ssi_silent_errors on; }
        location /dated/ { alias %%ROOT%%/; ssi on; ssi_last_modified on; }
        location /gzip/ { alias %%ROOT%%/; ssi on; gzip on; gzip_min_length 0; access_log off; }
        location /off/ { alias %%ROOT%%/; }
        location /replaced/ { alias %%ROOT%%/; ssi on; sub_filter T Replaced; sub_filter_once off; }
        location /show { return 200 "$request_uri $uri $args $request_method"; }
        location /empty { return 200 ""; }
        location /nothing { return 204; }
        location /error { return 500; }
    }
""", {
    **{name.split(".")[0].replace("/", "-"): get(f"/{name}?x=%3Ca%3E%26b&y=Yes") for name in PAGES if name != "big2.html"},
    "if-false": get("/if.html?y=no"), "if-elif": get("/if.html?y=yes"), "regex-a": get("/regex.html?x=abc"), "regex-none": get("/regex.html"),
    "include-x": get("/include.html?x=inner"), "silent": get("/silent/errors.html"), "dated": get("/dated/t.html"), "off": get("/off/echo.html"),
    "gzip": get("/gzip/big.html", Accept_Encoding="gzip"), "replaced": get("/replaced/include.html"),
    "head": get("/include.html", method="HEAD"), "post": get("/include.html", method="POST", body=b"abc"),
    "kept-alive": get("/t.html", close=False) + get("/order.html", close=False) + get("/include.html?x=t"),
}, files={name: text.encode() for name, text in PAGES.items()})

SITES = [INCLUDES]
