"""What a kept-alive request allocates once the server is warm: nothing."""

import pathlib
import shutil
import socket
import struct
import subprocess
import threading

import pytest

import serving

HERE = pathlib.Path(__file__).parent
CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events { }
http {
    %%TEMP%%
    access_log logs/access.log;
    keepalive_requests 1000000;
    upstream application { server 127.0.0.1:%%UPSTREAM%%; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /return { return 200 "hello"; }
        location /application/ { proxy_pass http://application; }
    }
}
"""
ROUND = 500


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """The counting library, compiled for this machine."""
    path = tmp_path_factory.mktemp("shim") / "counting.so"
    subprocess.run(
        [shutil.which("cc") or "clang", "-shared", "-fPIC", "-O2", "-o", path, HERE / "counting.c"],
        check=True)
    return path


class Application(threading.Thread):
    """An upstream that answers each request with 1 KB, on connections that it keeps."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", serving.free_port()))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection, answer), daemon=True).start()

    @staticmethod
    def serve(connection, answer):
        rest = b""
        while more := connection.recv(65536):
            rest += more
            while b"\r\n\r\n" in rest:
                _, rest = rest.split(b"\r\n\r\n", 1)
                connection.sendall(answer)


@pytest.fixture
def counted(serve, shim, folder):
    """A server whose allocations are counted, and the function that counts those of so many requests."""
    counts = folder / "counts"
    counts.write_bytes(bytes(8))
    counts.chmod(0o666)
    application = Application()
    server = serve(CONFIG, start=False, values={"UPSTREAM": application.port})
    (server.prefix / "html/file.txt").write_bytes(b"f" * 1024)
    server.start(env={"LD_PRELOAD": str(shim), "ALLOCATION_COUNTS": str(counts)})

    def total():
        return struct.unpack("=Q", counts.read_bytes())[0]

    def of(path):
        with serving.Connection(server.port) as client:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

            def ask(times):
                for _ in range(times):
                    client.send(request)
                    assert client.response().status == 200

            # Pools fill, tables grow to their size, the timers' wheel has seen each of its places.
            ask(ROUND)
            best = None
            # What happens once a second, or for the first time, belongs to no request: the best of some rounds counts.
            for _ in range(5):
                before = total()
                ask(ROUND)
                made = total() - before
                best = made if best is None else min(best, made)
            return best / ROUND

    yield of
    application.listener.close()


def test_counting_counts(shim, folder):
    counts = folder / "counts"
    counts.write_bytes(bytes(8))
    subprocess.run(
        ["/bin/ls", "/"], check=True, capture_output=True,
        env={"LD_PRELOAD": str(shim), "ALLOCATION_COUNTS": str(counts)})
    assert struct.unpack("=Q", counts.read_bytes())[0] > 10


def test_return_allocates_nothing(counted):
    assert counted("/return") == 0


def test_small_file_allocates_nothing(counted):
    assert counted("/file.txt") == 0


def test_proxied_request_allocates_nothing(counted):
    assert counted("/application/") == 0
