"""Whatever is asked, and however it ends: the server does not grow."""

import pytest

import counting
import serving

CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events { }
http {
    %%TEMP%%
    access_log logs/access.log;
    keepalive_requests 1000000;
    gzip on;
    gzip_types text/plain;
    gzip_min_length 100;
    upstream application { server 127.0.0.1:%%UPSTREAM%%; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        client_body_buffer_size 1k;
        location = /return { return 200 "hello"; }
        location /rewritten { rewrite ^ /return last; }
        location /application/ { proxy_pass http://application; }
        location /alone/ { proxy_pass http://127.0.0.1:%%UPSTREAM%%; }
        location /dead/ { proxy_pass http://127.0.0.1:1; }
        location /streamed/ { proxy_pass http://application; proxy_request_buffering off; proxy_buffering off; }
        location /list/ { alias html/; autoindex on; }
    }
}
"""
ROUND = 300


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()


def post(path, size):
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + b"b" * size


def chunked(path, size):
    return (f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n".encode()
            + b"b" * size + b"\r\n0\r\n\r\n")


def kept(request):
    """Over one connection."""
    def run(port, times):
        with serving.Connection(port) as client:
            for _ in range(times):
                client.send(request)
                client.response()
    return run


def anew(request):
    """Over a connection each."""
    def run(port, times):
        for _ in range(times):
            with serving.Connection(port) as client:
                client.send(request)
                client.response()
    return run


def broken(request):
    """By clients that do not wait for an answer."""
    def run(port, times):
        for _ in range(times):
            with serving.Connection(port) as client:
                client.send(request)
    return run


WAYS = {
    "return": kept(get("/return")),
    "return-anew": anew(get("/return")),
    "rewritten": kept(get("/rewritten")),
    "file": kept(get("/file.txt")),
    "large-file": kept(get("/large.bin")),
    "large-file-broken": broken(get("/large.bin")),
    "range": kept(get("/large.bin", "Range: bytes=0-9,50-59\r\n")),
    "gzip": kept(get("/file.txt", "Accept-Encoding: gzip\r\n")),
    "missing": kept(get("/missing")),
    "list": kept(get("/list/")),
    "proxied": kept(get("/application/")),
    "proxied-anew": anew(get("/application/")),
    "proxied-alone": kept(get("/alone/")),
    "proxied-dead": kept(get("/dead/")),
    "proxied-broken": broken(get("/alone/")),
    "body": kept(post("/application/", 100)),
    "body-in-file": kept(post("/application/", 5_000)),
    "body-unread": kept(post("/return", 5_000)),
    "body-broken": broken(post("/application/", 5_000)[:-10]),
    "chunked": kept(chunked("/return", 50)),
    "streamed": kept(post("/streamed/", 5_000)),
    "head-broken": broken(b"GET / HTTP/1.1\r\nHost"),
    "malformed": anew(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
}


@pytest.mark.parametrize("way", WAYS)
def test_server_does_not_grow(serve, shim, folder, application, way):
    counts = counting.Counts(shim, folder)
    server = serve(CONFIG, start=False, values={"UPSTREAM": application.port})
    (server.prefix / "html/file.txt").write_bytes(b"f" * 1024)
    (server.prefix / "html/large.bin").write_bytes(b"f" * 1_000_000)
    server.start(env=counts.environment)
    WAYS[way](server.port, ROUND)
    grown = []
    # A table that grows once is none; what each request leaves behind shows in every round.
    for _ in range(3):
        before = counts.living
        WAYS[way](server.port, ROUND)
        serving.fetch(server.port, "/return")
        grown.append(counts.living - before)
    assert min(grown) < ROUND // 10, grown
