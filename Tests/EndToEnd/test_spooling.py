"""Answers that wait for their clients in temporary files, written by threads (`aio_write`)."""

import hashlib
import os
import pathlib
import subprocess
import time
import zlib

import pytest

from serving import Backend, Connection, fetch, free_port, request, together, wait_for
from test_reading import FULL, reads, threads

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100_000))
BUFFERED = "an upstream response is buffered to a temporary file"


@pytest.fixture(scope="session")
def disk(tmp_path_factory):
    """A library that makes the disk slow or full, compiled for this machine."""
    path = tmp_path_factory.mktemp("disk") / "disk.so"
    source = pathlib.Path(__file__).with_name("disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source], check=True)
    return path


def chunked(content, size=5_000):
    parts = [content[start:start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


FORMS = {
    "sized": lambda content: [OK + b"Content-Length: %d\r\n\r\n" % len(content), content],
    "chunked": lambda content: [OK + b"Transfer-Encoding: chunked\r\n\r\n", chunked(content)],
    "unsized": lambda content: [OK + b"\r\n", content],
}


@pytest.fixture
def spooling(simple, disk):
    """Serves what an upstream has, to clients whose connections hold little."""
    backends = []

    def start(text="aio threads; aio_write on;", content=CONTENT, form="sized", delay=0, room=-1, **options):
        backend = Backend({"/": FORMS[form](content)})
        backends.append(backend)
        port = free_port()
        server = simple(f"""
            listen 127.0.0.1:{port} sndbuf=32k;
            {FULL} {text} proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k;
            location = /here {{ return 200 here; }}
            location / {{ proxy_pass http://127.0.0.1:{backend.port}/; }}""", start=False, **options)
        server.slow = port
        server.start(env={"LD_PRELOAD": str(disk), "DISK_DELAY": str(int(delay * 1e6)), "DISK_ROOM": str(room)})
        return server

    yield start
    for backend in backends:
        backend.close()


def ask(server, **fields):
    """A client that has asked, and takes nothing yet."""
    connection = Connection(server.slow, receive_buffer=8192, timeout=30)
    connection.send(request("/", **fields))
    return connection


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("way", ["plain", "filtered", "limited"])
def test_threads_write(spooling, form, way):
    text = {"filtered": "gzip on; gzip_types *; gzip_comp_level 1;", "limited": "proxy_limit_rate 4m;"}.get(way, "")
    server = spooling("aio threads; aio_write on;" + text, form=form)
    with ask(server, Accept_Encoding="gzip") as connection:
        server.wait_for_log(BUFFERED)
        time.sleep(0.3)
        body = connection.response().body
    assert (zlib.decompress(body, 31) if way == "filtered" else body) == CONTENT
    # They have nothing else to do: what was just written need not be read from a disk.
    assert threads(server) and reads(server) == (0, 0)


@pytest.mark.parametrize("text", ["aio threads;", "aio on; aio_write on;", "aio_write on;"])
def test_the_worker_writes_by_itself(spooling, text):
    server = spooling(text)
    with ask(server) as connection:
        server.wait_for_log(BUFFERED)
        assert connection.response().body == CONTENT
    assert threads(server) == []


@pytest.mark.parametrize("aio_write, is_held_up", [("on", False), ("off", True)])
def test_others_are_served_while_the_disk_writes(spooling, aio_write, is_held_up):
    server = spooling(f"aio threads; aio_write {aio_write};", content=CONTENT[:1_000_000], delay=0.5)
    with ask(server) as connection:
        server.wait_for_log(BUFFERED)
        longest = 0
        for _ in range(10):
            start = time.monotonic()
            assert fetch(server.port, "/here").text == "here"
            longest = max(longest, time.monotonic() - start)
            time.sleep(0.05)
        assert (longest > 0.35) == is_held_up
        assert connection.response().body == CONTENT[:1_000_000]


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("size", [260_000, 2_000_000])
@pytest.mark.parametrize("room", [0, 20_001, 40_000])
def test_a_disk_that_is_full(spooling, size, room, form):
    content = CONTENT[:size]
    server = spooling(content=content, form=form, delay=0.1, room=room)
    with ask(server) as connection:
        server.wait_for_log(r"\[crit\] .*pwrite\(\) to a temporary file failed \(28: No space left on device\) while ")
        assert connection.response().body == content


def test_a_client_that_is_ready_gets_what_is_written(spooling):
    server = spooling(content=CONTENT[:1_500_000], delay=0.05)
    with ask(server) as connection:
        server.wait_for_log(BUFFERED)
        # It takes all there is at once from now on, mostly more than was written by then.
        assert connection.response().body == CONTENT[:1_500_000]


def deleted(server):
    """Temporary files that workers hold."""
    return [link for pid in server.workers() for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
            if link.is_symlink() and os.readlink(link).endswith("(deleted)")]


def test_clients_that_leave_while_their_answer_is_written(spooling):
    server = spooling(delay=0.3)
    for number in range(8):
        with ask(server):
            wait_for(lambda: server.log().count(BUFFERED) > number, what="the file")
            time.sleep(0.05 * number)
    assert fetch(server.port, "/here").text == "here"
    wait_for(lambda: not deleted(server), 10, "the files to be closed")
    with ask(server) as connection:
        assert connection.response().body == CONTENT


def test_a_worker_ends_when_its_files_are_written(spooling):
    server = spooling(content=CONTENT[:1_000_000], delay=0.2)
    with ask(server) as connection:
        server.wait_for_log(BUFFERED)
        old = server.workers()
        server.reload()
        assert connection.response().body == CONTENT[:1_000_000]
    wait_for(lambda: not any(map(os.path.exists, (f"/proc/{pid}" for pid in old))), 10, "the old worker to end")


def test_many_at_once(spooling):
    server = spooling("aio threads=few; aio_write on;", main="thread_pool few threads=2 max_queue=3;", delay=0.01)
    right = []

    def take():
        with ask(server) as connection:
            time.sleep(0.3)
            right.append(connection.response().body == CONTENT)

    # More of them than may wait for a thread: what finds no place is written by the worker.
    together(12, take)
    assert right == [True] * 12
    assert "queue overflow" in server.log()
