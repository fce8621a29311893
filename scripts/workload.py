"""What the scripts that measure have in common."""

import os
import pathlib
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


# Sockets that hold ports for as long as this process lives.
_reserved = []


def reserve_ports(count):
    """Free ports that nobody else gets: neither another run, which asks for free ones, too, nor a connection as its own end. Servers
    can listen on them, since they share addresses (SO_REUSEADDR) with sockets that do not listen."""
    taken = [socket.socket() for _ in range(count)]
    for holder in taken:
        # Only what is bound without sharing is free; it is shared from then on.
        holder.bind(("127.0.0.1", 0))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _reserved.extend(taken)
    return [holder.getsockname()[1] for holder in taken]


def start(argv, port, environment=None):
    """Starts a server and waits until it listens."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    process.wait()
    raise OSError(f"{argv[0]} did not start")


def make_files(folder):
    """Makes `files` there: 1k.txt, 100k.txt, 1024k.txt and 64k.json."""
    files = folder / "files"
    files.mkdir()
    for size in (1, 100, 1_024):
        (files / f"{size}k.txt").write_bytes(b"0123456789abcde\n" * 64 * size)
    rows = ",".join(f'{{"id":{n},"name":"item {n * 7919 % 1000}","price":{n * 31 % 997}}}' for n in range(2000))
    (files / "64k.json").write_text(f"[{rows}]"[:65536])
    # Their times have to be past what could still be changing.
    for file in files.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
