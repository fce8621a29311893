"""Where the subject may answer otherwise than Debian's nginx, each entry with its reason.

Debian's nginx is 1.22; Apus follows the current mainline and is safer on purpose here and there
(DIFFERENCES.md). An entry allows certain lines of one case to differ, and nothing else.
"""

import re


class Difference:
    """Lines that may differ (`- reference`, `+ subject`), as regular expressions, and why."""

    def __init__(self, reason, *patterns):
        self.reason = reason
        self.patterns = [re.compile(pattern) for pattern in patterns]

    def matches(self, line):
        return any(pattern.search(line) for pattern in self.patterns)


def bad_gateway(reason):
    return Difference(
        reason, r"^-", r"^\+HTTP/1\.1 502 Bad Gateway$",
        r"^\+(Connection|Content-Length|Content-Type|Date|Server|log): ",
        r"^\+body: b'<html>.*502 Bad Gateway")


NO_STATUS_LINE = bad_gateway(
    "nginx passes an upstream answer without a valid status line on as HTTP/0.9; Apus answers 502.")
TWO_FRAMINGS = bad_gateway(
    "nginx 1.22 takes one of two framings of an upstream answer; since 1.23 it is invalid.")
STATIC_RANGES = Difference(
    "Since 1.23.4 nginx allows ranges of files compressed beforehand.", r"^\+Accept-Ranges: bytes$")

STRICT_HOST = Difference(
    "Since 1.29 nginx takes only a host and a port, by the grammar of RFC 3986, for a host.",
    r"^-", r"^\+HTTP/1\.1 400 ", r"^\+(Content-Length|Content-Type|log): ", r"^\+body: .*400 Bad Request")
HOST_FIRST = Difference("Since 1.29 nginx sends Host before all other fields.", r"^[-+]body: b'GET ")
AS_IT_COMES = Difference(
    "nginx holds a part of an answer without a length back until a buffer is full; Apus passes on what has come, in more chunks.",
    r'^[-+]log: .* "GET /until-close HTTP/1\.1" 200 2[05] ')
INTERIM_ANSWERS = Difference(
    "nginx 1.22 knows no interim answers of upstreams; since 1.29 they pass, or are swallowed.", r"^[-+]")
LOST_MARKS = Difference(
    "nginx loses what a page ends with if it could begin a command.", r"^[-+]body: ", r"^[-+]log: ")
BARE_STATUS = Difference(
    "Since 1.23 nginx names the code that an application has left bare.", r"^-HTTP/1\.1 201 $", r"^\+HTTP/1\.1 201 Created$")
DEFAULT_HOST = Difference(
    "Since 1.29 HTTP_HOST is a parameter by itself, and no field that is passed on.", r"^[-+](Content-Length|body|log): ")

# By "site-request".
REQUESTS = {
    "gzip-static": STATIC_RANGES,
    "gzip-static-always": STATIC_RANGES,
    "charset-variable-empty": Difference(
        "nginx closes the connection where the charset's variable has no value; Apus names none.",
        r"^[-+]log: ", r"^\+"),
    "static-connect": Difference(
        "Since 1.29 nginx reads the authority form of CONNECT, and refuses the method rather than the line.",
        r"^[-+](HTTP/1\.1 40[05]|body|log): ?", r"^[-+]HTTP/1\.1 40[05] "),
    "servers-host-bad-brackets": STRICT_HOST,
    "servers-host-at": STRICT_HOST,
    "servers-host-port-letters": STRICT_HOST,
    "return-named-redirect": Difference(
        "A server without a name redirects to the host that was asked for, not to an empty one.",
        r"^-Location: http://:PORT!/new$", r"^\+Location: http://localhost:PORT!/new$"),
    "proxy-requests-many": HOST_FIRST,
    "proxy-requests-upgrade": HOST_FIRST,
    "proxy-requests-hop-by-hop": Difference(
        "Since 1.29 nginx keeps Proxy-Connection from upstreams.",
        r"^[-+](Content-Length|body|log): "),
    "proxy-responses-until-close": AS_IT_COMES,
    "proxy-responses-keep-alive-until-close": AS_IT_COMES,
    "proxy-responses-continue-first": INTERIM_ANSWERS,
    "proxy-responses-hints-first": INTERIM_ANSWERS,
    "proxy-responses-length-bad": bad_gateway(
        "nginx 1.22 takes an upstream's invalid Content-Length for none; since 1.23 it is invalid."),
    "proxy-responses-no-status-line": NO_STATUS_LINE,
    "proxy-responses-bad-status": NO_STATUS_LINE,
    "proxy-responses-status-99": NO_STATUS_LINE,
    "proxy-responses-leading-space": NO_STATUS_LINE,
    "proxy-responses-length-twice": TWO_FRAMINGS,
    "proxy-responses-length-and-chunked": TWO_FRAMINGS,
    **{f"{site}-status-bare": BARE_STATUS for site in ("fastcgi", "scgi", "uwsgi")},
    **{f"{site}-length-wrong": bad_gateway(
        "nginx 1.22 takes an upstream's invalid Content-Length for none; since 1.23 it is invalid.")
       for site in ("fastcgi", "scgi", "uwsgi")},
    **{f"{site}-show-none": DEFAULT_HOST for site in ("fastcgi", "scgi", "uwsgi")},
    "fastcgi-bare": DEFAULT_HOST,
    "includes-text": LOST_MARKS,
    "includes-cut2": LOST_MARKS,
    "addition-logged": Difference(
        "nginx logs a subrequest before what it has put out is sent; Apus a moment later, which counts.",
        r'^[-+]log: .* 200 \d+ "-" "-" 0 1 . "/l/before.html"'),
}

# By "directive-context-arguments" (see test_directives.py), as patterns over the whole of it. A line
# is `- STATUS MESSAGE` for the reference and `+ STATUS MESSAGE` for the subject.
DIRECTIVES = {
    r"load_module-main-(1|1-wrong|variable|empty|twice)": Difference(
        "Packages' configurations load nginx's own modules: that must not be fatal, and is not done.",
        r"^- 1 .*dlopen\(\)", r"^- 1 .*is not binary compatible", r"^\+ 0 "),
    r"modern_browser-\w+-(1|1-wrong|variable|empty)": Difference(
        "nginx refuses a lone word other than \"unlisted\" without a message.",
        r"^- 1 configuration file ", r"^\+ 1 \[emerg\] invalid number of arguments"),
    r"keepalive-upstream-2(-wrong)?": Difference(
        "Since 1.29.7 `keepalive` has a second parameter, which may be `local`.",
        r'^- 1 \[emerg\] invalid number of arguments in "keepalive" directive',
        r'^\+ 1 \[emerg\] invalid (parameter "3"|value "wrong" in "keepalive" directive) in '),
    r"proxy_limit_rate-\w+-variable": Difference(
        "Since 1.27.0 the rate may have variables.",
        r'^- 1 \[emerg\] "proxy_limit_rate" directive invalid value',
        r'^\+ 1 \[emerg\] unknown "nonexistent" variable'),
    r"server_tokens-\w+-(1-wrong|variable|empty)": Difference(
        "Any text may be the server's name, as in the commercial nginx.",
        r'^- 1 \[emerg\] invalid value ',
        r'^\+ 0 the configuration file ', r'^\+ 1 \[emerg\] unknown "nonexistent" variable'),
    r"include-\w+-empty": Difference(
        "The message that a folder cannot be read also names the place.",
        r"^- 1 \[crit\] pread\(\) \"PREFIX/\" failed \(21: Is a directory\)$",
        r"^\+ 1 \[emerg\] pread\(\) \"PREFIX/\" failed \(21: Is a directory\) in PREFIX/nginx.conf:\d+$"),
}


def directive(identity):
    for pattern, difference in DIRECTIVES.items():
        if re.fullmatch(pattern, identity):
            return difference
    return None
