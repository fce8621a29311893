"""Clients that want to cost the server more than themselves: each is stopped within the figure that its test names."""

import os
import re
import struct
import time

import pytest

import http2_client as http2
import serving
from http2_client import Raw, frame
from serving import Backend, answer

pytestmark = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="nginx lets eight times as much pass")
MEGABYTE = 1_048_576


@pytest.fixture
def site(simple):
    def start(text="location / { }", **options):
        return simple(f"http2 on; lingering_close off; {text}", **options)

    return start


def resident(server):
    """Bytes of memory of the worker."""
    with open(f"/proc/{server.workers()[0]}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1_024


def flood(server, make, most):
    """Floods the server twice: the first time it makes what it keeps for later, as many requests as streams are allowed; the
    second time its memory must not grow by ten times what was sent. Returns what `flood_once` does."""
    flood_once(server, make, most, 4 * MEGABYTE)
    return flood_once(server, make, most, 256 * 1_024)


def flood_once(server, make, most, spare, seconds=20):
    """Sends what `make` gives, piece by piece, until the server ends the connection. Returns the GOAWAY's code and how many
    streams were begun until then, and checks that no more than `most` bytes were sent, that memory has not grown tenfold, and
    that others are served."""
    with Raw(server.port) as raw:
        raw.read(lambda all: len(all) >= 2)
        before = resident(server)
        start, deadline = raw.sent, time.monotonic() + seconds
        raw.socket.setblocking(False)
        pending, ended, peak = b"", False, before
        while not ended and time.monotonic() < deadline:
            pending = pending or make(raw)
            try:
                raw.sent += (count := raw.socket.send(pending[:4_096]))
                pending = pending[count:]
            except BlockingIOError:
                time.sleep(0.001)
            except ConnectionError:
                ended = True
            try:
                data = raw.socket.recv(65_536)
                raw.received += data
                ended = ended or not data
            except BlockingIOError:
                pass
            except ConnectionError:
                ended = True
            peak = max(peak, resident(server))
        sent = raw.sent - start
        assert ended, f"{sent} bytes, and no end"
        # What was in the sockets' buffers when the connection ended was not read.
        assert sent < most + 64 * 1_024, sent
        assert peak - before < max(10 * sent, spare), (peak - before, sent)
        ends = [(int.from_bytes(payload[4:8], "big"), (int.from_bytes(payload[:4], "big") + 1) // 2)
                for kind, _, _, payload in http2.frames(raw.received) if kind == http2.GOAWAY]
    assert http2.fetch(server.port).status == 200
    return ends[0] if ends else (None, 0)


@pytest.mark.parametrize("bytes_", [
    frame(http2.SETTINGS), frame(http2.SETTINGS, payload=struct.pack(">HI", 4, 65_535) * 5),
    frame(http2.PING, payload=b"12345678"), frame(http2.PING, 1, payload=b"12345678"),
    frame(http2.WINDOW_UPDATE, payload=b"\0\0\0\1"), frame(http2.PRIORITY, 0, 1, b"\0\0\0\0\20"),
    frame(http2.PRIORITY, 0, 4_001, b"\0\0\0\3\20"),
], ids=["settings", "window-sizes", "pings", "pongs", "windows", "priorities", "far-priorities"])
def test_frames_that_carry_nothing(site, bytes_):
    assert flood(site(), lambda raw: bytes_ * 200, MEGABYTE)[0] in (11, None)


def test_empty_data(site):
    with Backend({"/": [20]}) as upstream:
        server = site(f"location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}/; }} location / {{ }}")

        def make(raw):
            raw.begun = getattr(raw, "begun", False) or not raw.send(raw.get(1, "/up", flags=4, method="POST"))
            return frame(http2.DATA, 0, 1) * 200

        assert flood(server, make, MEGABYTE)[0] == 11


def test_padding(site):
    with Backend({"/": [20]}) as upstream:
        server = site(f"location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}/; }} location / {{ }}")

        def make(raw):
            raw.begun = getattr(raw, "begun", False) or not raw.send(raw.get(1, "/up", flags=4, method="POST"))
            return frame(http2.DATA, 8, 1, b"\xff" + bytes(255)) * 20

        # Padding counts against windows; these stay shut, or it is taken for a flood.
        assert flood(server, make, MEGABYTE)[0] in (3, 11)


def test_rapid_reset(site):
    """Streams that are opened and broken off at once: fewer than a thousand."""
    with Backend({"/": [20]}) as upstream:
        server = site(f"location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}/; }} location / {{ }}")
        def make(raw):
            data = b""
            opened = raw.__dict__.setdefault("opened", [])
            for _ in range(50):
                stream = len(opened) * 2 + 1
                opened.append(stream)
                data += raw.get(stream, "/up") + frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08")
            return data

        code, streams = flood(server, make, MEGABYTE)
        assert code == 11 and streams < 1_000 and upstream.connections < 2_000


def test_rapid_reset_one_at_a_time(site):
    """The same, each seen by itself: as many requests are not even begun at a time as streams are allowed."""
    server = site()
    with Raw(server.port) as raw:
        for count in range(1_000):
            stream = count * 2 + 1
            try:
                raw.send(raw.get(stream) + frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08"))
            except ConnectionError:
                break
            if raw.read(lambda all: True, 0.01) and raw.received.endswith(b"flood") or raw.goaway(0.001):
                break
        assert count < 999


def test_streams_that_the_server_breaks_off(site):
    """What makes the server reset a stream is the client's doing as well."""
    server = site("client_max_body_size 1k; location / { }")
    def make(raw):
        data = b""
        opened = raw.__dict__.setdefault("opened", [])
        for _ in range(50):
            stream = len(opened) * 2 + 1
            opened.append(stream)
            data += raw.get(stream, flags=4) + frame(http2.WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")
        return data

    code, streams = flood(server, make, MEGABYTE)
    assert code == 11 and streams < 1_000


def test_streams_beyond_the_limit(site):
    with Backend({"/": [20]}) as upstream:
        server = site(f"http2_max_concurrent_streams 5; location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}/; }} "
                      "location / { }")
        def make(raw):
            data = b""
            opened = raw.__dict__.setdefault("opened", [])
            for _ in range(50):
                opened.append(len(opened) * 2 + 1)
                data += raw.get(opened[-1], "/up")
            return data

        code, streams = flood(server, make, MEGABYTE)
        assert code == 11 and streams < 1_000 and upstream.connections <= 10


def test_continuations_without_end(site):
    """A head that never ends: 64 KB at most."""
    server = site()
    block = bytes([0, 1]) + b"a" + bytes([100]) + b"b" * 100

    def make(raw):
        if not getattr(raw, "begun", False):
            raw.begun = True
            return frame(http2.HEADERS, 1, 1, block)
        return frame(http2.CONTINUATION, 0, 1, block)

    assert flood(server, make, 64 * 1_024)[0] == 11


def test_empty_continuations(site):
    server = site()

    def make(raw):
        if not getattr(raw, "begun", False):
            raw.begun = True
            return frame(http2.HEADERS, 1, 1, b"\x82")
        return frame(http2.CONTINUATION, 0, 1)

    flood(server, make, 64 * 1_024)


def test_a_bomb_of_header_compression(site):
    """A field of 4 KB that is named again in one byte each time: what is unpacked stays within the limits of a head."""
    server = site()
    entry = b"\x40\x01a\x7f\x81\x1e" + b"b" * 3_968

    def make(raw):
        if getattr(raw, "begun", False):
            return frame(http2.CONTINUATION, 0, 1, b"\xbe" * 16_000)
        raw.begun = True
        return frame(http2.HEADERS, 1, 1, entry + b"\xbe" * 12_000)

    assert flood(server, make, 64 * 1_024)[0] == 11


def test_a_table_that_changes_its_size(site):
    server = site()

    def make(raw):
        stream = getattr(raw, "stream", 1)
        raw.stream = stream + 2
        return frame(http2.HEADERS, 5, stream, b"\x20\x3f\xe1\x1f" + b"\x82\x84\x86\x41\x01a")

    # Each is a request, and is answered: that costs nothing out of proportion.
    with Raw(server.port) as raw:
        for _ in range(200):
            raw.send(make(raw))
        got = raw.read(lambda all: sum(kind == http2.HEADERS for kind, *_ in all) >= 1, 5)
        assert any(kind == http2.HEADERS for kind, *_ in got) or raw.goaway() is not None
    assert http2.fetch(server.port).status == 200


def test_announced_and_not_sent(site):
    """Frames whose head announces megabytes cost nothing before these come."""
    server = site()
    before = resident(server)
    connections = []
    for kind in (http2.GOAWAY, http2.SETTINGS, http2.HEADERS, http2.DATA, 0xAA):
        for _ in range(10):
            raw = Raw(server.port)
            raw.read(lambda all: len(all) >= 3)
            raw.send(frame(http2.SETTINGS, 1))
            raw.send(b"\x0f\xff\xff" + bytes([kind, 4]) + struct.pack(">I", 1 if kind in (1, 0) else 0) + bytes(16))
            connections.append(raw)
    time.sleep(0.3)
    assert resident(server) - before < 8 * MEGABYTE
    for raw in connections:
        raw.socket.close()


def test_answers_that_nobody_reads(site):
    """A hundred streams of large answers, and a client that does not read: they stay in files and with upstreams."""
    body = os.urandom(MEGABYTE) * 10
    with Backend({"/": answer(body)}) as upstream:
        server = site(f"location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}/; proxy_buffering off; }} "
                      "location / { }", files={"big": body})
        assert http2.fetch(server.port).status == 200
        before = resident(server)
        with Raw(server.port, http2.PREFACE + frame(http2.SETTINGS, payload=b"\0\4\x7f\xff\xff\xff"), receive_buffer=4_096) as raw:
            raw.send(frame(http2.WINDOW_UPDATE, payload=b"\x7f\0\0\0"))
            raw.send(b"".join(raw.get(n * 2 + 1, "/big" if n % 2 else "/up") for n in range(100)))
            time.sleep(1.5)
            assert resident(server) - before < 16 * MEGABYTE
        assert http2.fetch(server.port).status == 200


def test_many_connections_that_only_begin(site):
    """What a connection costs before its first request."""
    server = site()
    before = resident(server)
    connections = [Raw(server.port) for _ in range(200)]
    for raw in connections:
        raw.read(lambda all: len(all) >= 3)
    grown = resident(server) - before
    assert grown / len(connections) < 40 * 1_024, grown / len(connections)
    for raw in connections:
        raw.socket.close()
