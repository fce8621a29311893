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


BAD_GATEWAY = Difference(
    "nginx passes an upstream answer without a valid status line on as HTTP/0.9; Apus answers 502.",
    r"^-", r"^\+HTTP/1\.1 502 Bad Gateway$",
    r"^\+(Connection|Content-Length|Content-Type|Date|Server|log): ",
    r"^\+body: b'<html>.*502 Bad Gateway")

# By "site-request".
REQUESTS = {
    "proxy-responses-no-status-line": BAD_GATEWAY,
    "proxy-responses-bad-status": BAD_GATEWAY,
    "proxy-responses-status-99": BAD_GATEWAY,
    "proxy-responses-leading-space": BAD_GATEWAY,
}

# By "directive-context-arguments"; see test_directives.py.
DIRECTIVES = {}
