"""`use io_uring`: that it is what serves, and what becomes of it where the kernel refuses it.

Much else is tested on it by conftest.py, and all by APUS_TEST_USE=io_uring.
"""

import ctypes
import os
import pathlib
import re
import struct

import pytest

import serving
from serving import Connection, fetch, request, wait_for

pytestmark = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="nginx has no io_uring")


@pytest.fixture(autouse=True)
def ring(monkeypatch):
    monkeypatch.setattr(serving, "EVENT_METHOD", "io_uring")


def has_ring(pid):
    """Whether the process holds an io_uring."""
    return any("io_uring" in os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())


SETUP, ENTER, REGISTER = 425, 426, 427


def refusing(error, call=SETUP):
    """For a child before it executes the server: a call fails with this error, as a container's profile has it."""
    def filter():
        # Loads the call's number; this one is answered with the error, all others are let through.
        program = [(0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, 0x0005_0000 | error), (0x06, 0, 0, 0x7FFF_0000)]
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
        head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        no_new_privileges, seccomp, by_filter = 38, 22, 2
        if prctl(no_new_privileges, 1, 0, 0, 0) or prctl(seccomp, by_filter, ctypes.c_char_p(head), 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    return filter


def test_workers_have_a_ring_each(simple):
    server = simple("location / { return 200 one; }", workers=2)
    assert fetch(server.port).text == "one"
    wait_for(lambda: len(server.workers()) == 2 and all(map(has_ring, server.workers())), what="two rings")
    assert not has_ring(server.pid)
    assert 'using the "io_uring" event method' in server.log() and "epoll" not in server.log()
    server.reload()
    assert fetch(server.port).text == "one"


@pytest.mark.parametrize("error, reason", [
    (1, r"which a seccomp profile or the setting kernel\.io_uring_disabled forbids: "
        r"io_uring_setup\(\) failed \(1: Operation not permitted\)"),
    (38, r"which this kernel is built without, or a seccomp profile forbids: "
         r"io_uring_setup\(\) failed \(38: Function not implemented\)"),
    (22, r"which takes Linux 6\.1 or later: io_uring_setup\(\) failed \(22: Invalid argument\)"),
], ids=["forbidden", "absent", "old"])
def test_epoll_serves_where_the_kernel_refuses(simple, error, reason):
    server = simple("location / { return 200 one; }", workers=2, start=False)
    server.start(before=refusing(error))
    assert fetch(server.port).text == "one"
    server.wait_for_log(rf"\[warn\] .*epoll is used instead of io_uring, {reason}$")
    assert not any(map(has_ring, server.workers()))
    server.stop()
    assert len(re.findall("io_uring_setup", server.log())) == 1


@pytest.mark.parametrize("call, name", [(ENTER, "io_uring_enter"), (REGISTER, "io_uring_register")], ids=["enter", "register"])
def test_a_ring_that_cannot_be_used_is_none(simple, call, name):
    server = simple("location / { return 200 one; }", start=False)
    server.start(before=refusing(1, call))
    assert fetch(server.port).text == "one"
    server.wait_for_log(rf"\[warn\] .*epoll is used instead of io_uring, .*: {name}\(\) failed \(1: Operation not permitted\)$")
    assert not any(map(has_ring, server.workers()))


def test_quit_serves_whoever_was_accepted(simple):
    """Connections that the kernel accepted by itself while the worker was told to quit are nobody else's."""
    server = simple("location / { return 200 one; }", http="keepalive_timeout 0;")
    for _ in range(5):
        connections = [Connection(server.port) for _ in range(20)]
        before = set(server.workers())
        for connection in connections:
            connection.send(request("/"))
        server.reload()
        assert not before & set(server.workers())
        for connection in connections:
            assert connection.response().text == "one"
            connection.socket.close()
