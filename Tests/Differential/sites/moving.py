"""Large bodies that nobody looks at: the same bytes, the same figures in the log."""

import random

from serving import Backend, answer
from support import Site, get, raw

BODY = random.Random(2).randbytes(700_000)


def script(received):
    size = int(Backend.path(received).rsplit("/", 1)[-1])
    steps = answer(BODY[:size], head="Content-Type: application/octet-stream")
    if received.startswith(b"HEAD"):
        return [steps[0][:steps[0].index(b"\r\n\r\n") + 4], "keep"]
    # The head and the body's beginning come first.
    return [steps[0][:20_000], 0.02, steps[0][20_000:], "keep"] if size > 20_000 else steps


SIZES = [131_071, 131_072, 160_000, 262_144, 700_000]

MOVED = Site("moved-bodies", r"""
    upstream app { server 127.0.0.1:%%BACKEND%%; keepalive 4; }
    server {
        listen 127.0.0.1:%%PORT%%;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host backend.test;
        location / { proxy_pass http://app; }
        location /unbuffered/ { proxy_pass http://app; proxy_buffering off; }
        location /unspooled/ { proxy_pass http://app; proxy_max_temp_file_size 0; }
        location /limited/ { proxy_pass http://app; limit_rate 100m; }
        location /ranges/ { proxy_pass http://app; proxy_force_ranges on; }
    }
""", {
    f"{name or 'plain'}-{size}": get(f"/{name}{'/' if name else ''}{size}")
    for name in ("", "unbuffered", "unspooled", "limited") for size in SIZES
} | {
    "head": get("/700000", method="HEAD"),
    "part": get("/ranges/700000", Range="bytes=500-650000"),
    "1.0": raw("GET /700000 HTTP/1.0", "Host: localhost"),
    "two": get("/700000", close=False) + get("/300000"),
}, torn=False, backend={"*": script},
    log="$bytes_sent $body_bytes_sent $upstream_status $upstream_bytes_received $upstream_response_length")

SITES = [MOVED]
