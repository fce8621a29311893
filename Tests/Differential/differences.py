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

# By "site-request".
REQUESTS = {
    "proxy-responses-no-status-line": NO_STATUS_LINE,
    "proxy-responses-bad-status": NO_STATUS_LINE,
    "proxy-responses-status-99": NO_STATUS_LINE,
    "proxy-responses-leading-space": NO_STATUS_LINE,
    "proxy-responses-length-twice": TWO_FRAMINGS,
    "proxy-responses-length-and-chunked": TWO_FRAMINGS,
}

# By "directive-context-arguments" (see test_directives.py), as patterns over the whole of it. A line
# is `- STATUS MESSAGE` for the reference and `+ STATUS MESSAGE` for the subject.
DIRECTIVES = {}


def directive(identity):
    for pattern, difference in DIRECTIVES.items():
        if re.fullmatch(pattern, identity):
            return difference
    return None
