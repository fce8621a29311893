"""Servers whose allocations are counted."""

import pathlib
import shutil
import socket
import struct
import subprocess
import threading

import serving

SIZE = 16


def build(folder):
    """The counting library, compiled for this machine."""
    path = folder / "counting.so"
    source = pathlib.Path(__file__).with_name("counting.c")
    subprocess.run(
        [shutil.which("cc") or "clang", "-shared", "-fPIC", "-O2", "-o", path, source], check=True)
    return path


class Counts:
    """What was allocated and freed since, by all processes that run with this environment."""

    def __init__(self, shim, folder):
        self.path = folder / "counts"
        self.path.write_bytes(bytes(SIZE))
        self.path.chmod(0o666)
        self.environment = {"LD_PRELOAD": str(shim), "ALLOCATION_COUNTS": str(self.path)}

    @property
    def allocated(self):
        return struct.unpack("=QQ", self.path.read_bytes())[0]

    @property
    def living(self):
        """Blocks that were allocated and not freed."""
        allocated, freed = struct.unpack("=QQ", self.path.read_bytes())
        return allocated - freed


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
                head, body = rest.split(b"\r\n\r\n", 1)
                length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0)
                if len(body) < length:
                    break
                rest = body[length:]
                connection.sendall(answer)

    def close(self):
        self.listener.close()
