"""Large bodies that go from the upstream's socket to the client's through a pipe: whole, exactly counted, and nobody is held up."""

import contextlib
import os
import random
import threading

import pytest

import serving
from serving import Backend, Connection, answer, fetch, request, together, wait_for

BODY = random.Random(1).randbytes(3_000_000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
LOG = "log_format moved '$status $bytes_sent $body_bytes_sent $upstream_bytes_received $upstream_response_length'; access_log logs/moved.log moved;"
PASS = """
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / { proxy_pass http://app; }
        location /unbuffered { proxy_pass http://app; proxy_buffering off; }
        location /ranges { proxy_pass http://app; proxy_force_ranges on; }
        location /alone { proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_set_header Connection close; }
"""


@pytest.fixture
def moving(simple):
    def start(backend, http="", **options):
        group = f"upstream app {{ server 127.0.0.1:{backend.port}; keepalive 8; }} {LOG} {http}"
        return simple(PASS, values={"BACKEND": backend.port}, http=group, **options)

    return start


def worker(server):
    return serving.children(server.process.pid)[0]


def pipes(server):
    """Descriptors of pipes that the worker has."""
    found = 0
    for link in os.scandir(f"/proc/{worker(server)}/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(link.path).startswith("pipe:")
    return found


def last_line(server):
    return (server.prefix / "logs/moved.log").read_text().splitlines()[-1]


def is_beginning(received, count):
    """Whether so much of the body has come. nginx may hold back what it has buffered when it gives up."""
    body = received.split(b"\r\n\r\n", 1)[1]
    return body == BODY[:count] or serving.is_nginx(serving.SUBJECT) and BODY[:count].startswith(body)


def sizes(requested):
    size = int(Backend.path(requested).split("/")[-1])
    return answer(BODY[:size])


def test_sizes(moving):
    with Backend({"*": sizes}) as backend:
        server = moving(backend)
        before = pipes(server)
        for size in [131_071, 131_072, 131_073, 200_000, 262_143, 262_144, 262_145, 393_216, 1_000_000, 3_000_000]:
            with Connection(server.port) as connection:
                for path in ("/", "/unbuffered/"):
                    connection.send(request(f"{path}{size}", close=False))
                    response = connection.response()
                    assert response.status == 200 and response.body == BODY[:size]
            head = len(HEAD % size)
            wait_for(lambda: last_line(server).split()[2:] == [str(size), str(size + head), str(size)], what="the line of the log")
        # The upstream's connection has served them all.
        assert backend.connections == 1
        if not serving.is_nginx(serving.SUBJECT):
            assert pipes(server) - before == 2


def test_many_at_once(moving):
    with Backend({"*": answer(BODY)}) as backend:
        server = moving(backend)
        found = []

        def ask():
            with Connection(server.port, timeout=60) as connection:
                for _ in range(3):
                    connection.send(request("/x", close=False))
                    found.append(connection.response().body == BODY)

        together(12, ask)
        assert found == [True] * 36


@pytest.mark.parametrize("path, is_relieved", [("/x", True), ("/unbuffered", False)])
def test_slow_reader(moving, path, is_relieved):
    """With buffering the upstream has done with it long before the client has."""
    # More than the receive buffer of one socket and the send buffers of two may grow to: 32 MB and twice 4 MB.
    body = BODY * 16
    done = threading.Event()

    def script(_):
        yield HEAD % len(body) + body[:100_000]
        yield 0.05
        yield body[100_000:]
        done.set()
        yield "close"

    with Backend({"*": script}) as backend:
        server = moving(backend)
        with Connection(server.port, receive_buffer=65536, timeout=60) as connection:
            connection.send(request(path))
            assert done.wait(3) == is_relieved
            response = connection.response()
            assert response.body == body
        if not serving.is_nginx(serving.SUBJECT):
            assert ("buffered to a temporary file" in server.log()) == is_relieved


def test_client_that_leaves(moving):
    """Wherever it is: no pipe and no connection is left over, and the next one gets its own bytes."""
    with Backend({"*": answer(BODY)}) as backend:
        server = moving(backend)
        for path in ("/x", "/unbuffered"):
            for count in (1, 100_000, 500_000, 2_000_000):
                with Connection(server.port, receive_buffer=4096) as connection:
                    connection.send(request(path))
                    while len(connection.buffer) < count:
                        assert connection.more()
                assert fetch(server.port, "/x").body == BODY
        wait_for(lambda: pipes(server) <= 8, what="the end of the pipes")


@pytest.mark.parametrize("how, text", [
    ("close", r"upstream prematurely closed connection while reading upstream"),
    ("reset", r"(recv|readv)\(\) failed \(104: Connection reset by peer\) while reading upstream"),
])
@pytest.mark.parametrize("count", [150_000, 1_500_000])
def test_upstream_that_breaks_off(moving, how, text, count):
    steps = [HEAD % len(BODY) + BODY[:100_000], 0.05, BODY[100_000:count], 0.2, how]
    with Backend({"*": steps}) as backend:
        server = moving(backend)
        with Connection(server.port) as connection:
            connection.send(request("/x", close=False))
            received = connection.rest()
        assert is_beginning(received, count)
        server.wait_for_log(text)
        wait_for(lambda: last_line(server).split()[2:] == [str(count), str(count + len(HEAD % len(BODY))), str(count)], what="the log")


def test_upstream_that_stops(moving):
    steps = [HEAD % len(BODY) + BODY[:100_000], 0.05, BODY[100_000:500_000], 3]
    with Backend({"*": steps}) as backend:
        server = moving(backend, http="proxy_read_timeout 500ms;")
        with Connection(server.port) as connection:
            connection.send(request("/x", close=False))
            received = connection.rest()
        assert is_beginning(received, 500_000)
        server.wait_for_log(r"upstream timed out \(110: Connection timed out\) while reading upstream")


def test_client_that_stops(moving):
    with Backend({"*": answer(BODY * 5)}) as backend:
        server = moving(backend, http="send_timeout 500ms;")
        with Connection(server.port, receive_buffer=4096) as connection:
            connection.send(request("/unbuffered", close=False))
            server.wait_for_log(r"client timed out \(110: Connection timed out\) while sending to client")


def test_more_than_the_body(moving):
    """What follows the body is not the client's, and nobody's answer."""
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    steps = [HEAD % len(BODY) + BODY[:100_000], 0.05, BODY[100_000:] + extra, "keep"]
    with Backend({"*": steps}) as backend:
        server = moving(backend)
        with Connection(server.port) as connection:
            for _ in range(3):
                connection.send(request("/x", close=False))
                assert connection.response().body == BODY
        assert backend.connections == 3
        server.wait_for_log(r'upstream sent more data than specified in "Content-Length" header while reading upstream')


def test_without_a_body(moving):
    """HEAD, 304, and a part of it."""
    def script(requested):
        if requested.startswith(b"HEAD"):
            return [HEAD % len(BODY), "keep"]
        if b"If-None-Match" in requested:
            return [b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 3000000\r\n\r\n', "keep"]
        return answer(BODY)

    with Backend({"*": script}) as backend:
        server = moving(backend)
        assert fetch(server.port, "/x", method="HEAD").all("Content-Length") == [str(len(BODY))]
        assert fetch(server.port, "/x", If_None_Match='"x"').status == 304
        part = fetch(server.port, "/ranges", Range="bytes=1000-2500000")
        assert part.status == 206 and part.body == BODY[1000:2_500_001]
        assert fetch(server.port, "/alone").body == BODY
        assert fetch(server.port, "/x").body == BODY
