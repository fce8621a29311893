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

# By "site-request".
REQUESTS = {
    "gzip-static": STATIC_RANGES,
    "gzip-static-always": STATIC_RANGES,
    "charset-variable-empty": Difference(
        "nginx closes the connection where the charset's variable has no value; Apus names none.",
        r"^[-+]log: ", r"^\+"),
    "proxy-responses-no-status-line": NO_STATUS_LINE,
    "proxy-responses-bad-status": NO_STATUS_LINE,
    "proxy-responses-status-99": NO_STATUS_LINE,
    "proxy-responses-leading-space": NO_STATUS_LINE,
    "proxy-responses-length-twice": TWO_FRAMINGS,
    "proxy-responses-length-and-chunked": TWO_FRAMINGS,
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
    r"lock_file-main-(1|1-wrong|variable|empty)": Difference(
        "Accepted without effect, and said so.",
        r"^- 0 ", r"^\+ 0 \[warn\] \"lock_file\" directive has no effect"),
    r"modern_browser-\w+-(1|1-wrong|variable|empty)": Difference(
        "nginx refuses a lone word other than \"unlisted\" without a message.",
        r"^- 1 configuration file ", r"^\+ 1 \[emerg\] invalid number of arguments"),
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
