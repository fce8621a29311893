"""HTTP/2 with upstreams (`proxy_http_version 2`), played by the `h2` library: heads, bodies and windows, connections that are
kept, what goes wrong, and TLS."""

import contextlib
import os
import re
import socket
import ssl
import threading
import time

import pytest

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import serving
from serving import fetch
from test_tls import authority  # noqa: F401

pytestmark = pytest.mark.skipif(
    serving.is_nginx(serving.SUBJECT), reason="newer than the nginx at hand")


class Call:
    """A request that came, and its connection to answer on."""

    def __init__(self, connection, stream, headers):
        self.connection, self.stream, self.headers = connection, stream, headers
        self.fields = dict(headers)
        self.body = b""
        self.sizes = []

    def answer(self, status=200, fields=(), body=b"", trailers=None):
        h = self.connection.h2
        h.send_headers(self.stream, [(":status", str(status)), *fields], end_stream=not body and trailers is None)
        self.send(body, trailers is None)
        if trailers is not None:
            h.send_headers(self.stream, trailers, end_stream=True)
        self.connection.flush()

    def head(self, block):
        """A head by hand, which ends the stream."""
        frame = len(block).to_bytes(3, "big") + b"\x01\x05" + self.stream.to_bytes(4, "big") + block
        self.connection.socket.sendall(frame)

    def send(self, body, ends=True):
        h = self.connection.h2
        while body:
            size = min(len(body), h.max_outbound_frame_size, h.local_flow_control_window(self.stream))
            h.send_data(self.stream, body[:size], end_stream=ends and size == len(body))
            body = body[size:]
            self.connection.flush()


class Upstream:
    """Serves HTTP/2 connections; `handler` gets each request when it is complete."""

    def __init__(self, handler, window=None, context=None):
        self.handler, self.window, self.context = handler, window, context
        self.calls, self.connections, self.protocols = [], 0, []
        self.ended = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", serving.free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=Connection(self, connection).run, daemon=True).start()


class Connection:
    def __init__(self, upstream, sock):
        self.upstream, self.socket = upstream, sock
        self.number = upstream.connections
        self.calls = {}

    def run(self):
        with contextlib.suppress(OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            if self.upstream.context:
                self.socket = self.upstream.context.wrap_socket(self.socket, server_side=True)
                self.upstream.protocols.append(self.socket.selected_alpn_protocol())
            self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
            self.h2.initiate_connection()
            if self.upstream.window is not None:
                self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.upstream.window})
            self.flush()
            while data := self.socket.recv(65536):
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()
        self.upstream.ended.set()

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            call = self.calls[event.stream_id] = Call(self, event.stream_id, event.headers)
            self.upstream.calls.append(call)
        elif isinstance(event, h2.events.DataReceived):
            call = self.calls[event.stream_id]
            call.body += event.data
            call.sizes.append(len(event.data))
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.upstream.handler(self.calls[event.stream_id])


def echo(call):
    call.answer(200, [("x-connection", str(call.connection.number)), ("content-type", "text/plain")],
                f"{call.fields[':method']} {call.fields[':path']} {len(call.body)}".encode())


def keeping(upstream, **options):
    http = f"upstream u {{ server 127.0.0.1:{upstream.port}; keepalive 4; }}"
    return {"http": http, **options}


V2 = "proxy_http_version 2;"


def test_heads_pass_both_ways(simple):
    def handler(call):
        call.answer(201, [("X-Own", "1"), ("set-cookie", "a=b"), ("location", f"http://127.0.0.1:{upstream.port}/b/there"),
                          ("server", "s"), ("x-accel-expires", "1")], b"body")

    with Upstream(handler) as upstream:
        server = simple(f"""location /a/ {{ {V2} proxy_pass http://127.0.0.1:{upstream.port}/b/; proxy_set_header X-Set "a b";
                            proxy_set_header X-Empty ""; proxy_set_header User-Agent "none"; }}""")
        got = fetch(server.port, "/a/c?d=%20e", **{
            "X-Mine": "m", "Connection": "close, x-mine", "TE": "trailers", "User-Agent": "client", "Cookie": "c=d"})
        assert got.status == 201 and got.body == b"body" and got["x-own"] == "1" and got["set-cookie"] == "a=b"
        assert got["location"] == f"http://localhost:{server.port}/a/there"
        assert got["x-accel-expires"] is None and got["server"] != "s"
        [call] = upstream.calls
        assert call.headers[:4] == [(":method", "GET"), (":scheme", "http"), (":path", "/b/c?d=%20e"),
                                    (":authority", f"127.0.0.1:{upstream.port}")]
        assert dict(call.headers[4:]) == {"x-set": "a b", "user-agent": "none", "x-mine": "m", "cookie": "c=d"}


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("version", ["http1", "http2"])
def test_large_bodies_pass_both_ways(simple, buffering, version):
    """More than any window, from memory and from a file."""
    big = os.urandom(3_000_000)

    def handler(call):
        call.answer(200, [], call.body[::-1])

    with Upstream(handler) as upstream:
        server = simple(f"""http2 on; client_max_body_size 10m; proxy_request_buffering {buffering}; proxy_buffering {buffering};
                            location / {{ {V2} proxy_pass http://127.0.0.1:{upstream.port}; }}""")
        for body in [b"x", b"y" * 65_536, big]:
            if version == "http1":
                got = fetch(server.port, "/", "POST", body=body)
            else:
                import http2_client
                got = http2_client.fetch(server.port, "/", "POST", body=body)
            assert got.status == 200 and got.body == body[::-1]
        lengths = [call.fields.get("content-length") for call in upstream.calls]
        # A body in HTTP/2 has no length of its own until it is complete.
        if buffering == "on" or version == "http1":
            assert lengths == ["1", "65536", "3000000"]


def test_bodies_in_chunks_have_no_length(simple):
    with Upstream(echo) as upstream:
        server = simple(f"location / {{ {V2} proxy_request_buffering off; proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with serving.Connection(server.port) as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            serving.wait_for(lambda: upstream.calls and upstream.calls[0].body == b"abc", 5, "the first chunk")
            client.send(b"4\r\ndefg\r\n0\r\n\r\n")
            assert client.response().text == "POST / 7"
        assert "content-length" not in upstream.calls[0].fields and "transfer-encoding" not in upstream.calls[0].fields


def test_small_windows_of_the_upstream(simple):
    with Upstream(echo, window=7) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
        # The first request is on its way before its windows are known.
        for length in [0, 1, 7, 8, 1000]:
            assert fetch(server.port, "/", "POST", body=b"z" * length).text == f"POST / {length}"
        assert max(upstream.calls[-1].sizes) <= 7
        assert upstream.connections == 1


def test_a_window_that_does_not_open(simple):
    with Upstream(echo, window=0) as upstream:
        server = simple(f"location / {{ {V2} proxy_send_timeout 1s; proxy_pass http://u; }}", **keeping(upstream))
        assert fetch(server.port, "/").status == 200
        # The library opens windows of what it has received, which is nothing.
        assert fetch(server.port, "/", "POST", body=b"abc").status == 504
        server.wait_for_log(r"upstream timed out .* while sending request to upstream")


def test_connections_are_kept(simple):
    with Upstream(echo) as upstream:
        server = simple(f"""location / {{ {V2} proxy_pass http://u; }}
                            location /one {{ proxy_http_version 1.1; proxy_pass http://u; }}""", **keeping(upstream))
        for n in range(1, 6):
            assert fetch(server.port, f"/{n}")["x-connection"] == "1"
        assert [call.stream for call in upstream.calls] == [1, 3, 5, 7, 9]
        # A connection that speaks HTTP/2 is of no use for HTTP/1.
        assert fetch(server.port, "/one").status == 502
        assert upstream.connections >= 2


def test_pings_do_not_end_an_idle_connection(simple):
    def handler(call):
        echo(call)
        call.connection.h2.ping(b"12345678")
        call.connection.flush()

    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
        for _ in range(3):
            assert fetch(server.port, "/")["x-connection"] == "1"
            time.sleep(0.1)


def test_goaway_ends_an_idle_connection(simple):
    def handler(call):
        echo(call)
        call.connection.h2.close_connection()
        call.connection.flush()

    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
        for n in range(1, 4):
            assert fetch(server.port, "/")["x-connection"] == str(n)
            time.sleep(0.2)
        assert "[error]" not in server.log()


@pytest.mark.parametrize("method, body", [("GET", b""), ("POST", b"a body")])
def test_a_request_that_crosses_a_goaway_is_made_again(simple, method, body):
    """It was passed over, as the upstream's word says: nginx has a 502 for it, whenever an upstream ends a connection and is asked."""
    def handler(call):
        if call.stream == 1:
            return echo(call)
        call.connection.h2.close_connection(last_stream_id=1)
        call.connection.flush()

    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
        assert fetch(server.port, "/")["x-connection"] == "1"
        for n in range(2, 5):
            got = fetch(server.port, "/", method=method, body=body)
            assert (got.status, got.body, got["x-connection"]) == (200, f"{method} / {len(body)}".encode(), str(n))
        assert "[error]" not in server.log() and len(upstream.calls) == 7


def test_a_new_connection_that_goes_away_is_a_failure(simple):
    """What is passed over again and again is not asked for ever."""
    def handler(call):
        call.connection.h2.close_connection(last_stream_id=0)
        call.connection.flush()

    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
        assert fetch(server.port, "/").status == 502 and len(upstream.calls) == 1
        assert "upstream sent goaway with error 0 while reading response header from upstream" in server.log()


def test_trailers_pass(simple):
    def handler(call):
        call.answer(200, [("trailer", "x-sum")], b"body", [("x-sum", "12"), ("x-accel-charset", "utf-8")])

    with Upstream(handler) as upstream:
        server = simple(f"""location / {{ {V2} proxy_pass_trailers on; proxy_pass http://127.0.0.1:{upstream.port}; }}
                            location /off {{ {V2} proxy_pass http://127.0.0.1:{upstream.port}; }}""")
        for path, wanted in [("/", b"x-sum: 12\r\n"), ("/off", None)]:
            with serving.Connection(server.port) as client:
                client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n".encode())
                tail = client.rest().partition(b"body\r\n0\r\n")[2]
                assert tail == (wanted or b"") + b"\r\n"


def test_an_upstream_that_reads_nothing_more_answers_early(simple):
    """The rest of the body is not waited for, and the connection is not used again."""
    seen = []

    class Early(Connection):
        pass

    def refuse(call):
        raise AssertionError("the body ended")

    with Upstream(refuse, window=10) as upstream:
        original = Connection.take

        def take(self, event):
            if isinstance(event, h2.events.RequestReceived) and self.upstream is upstream:
                call = self.calls[event.stream_id] = Call(self, event.stream_id, event.headers)
                seen.append(self.number)
                call.answer(413, [], b"too much")
                self.h2.reset_stream(event.stream_id, 0)
                return
            if self.upstream is upstream and isinstance(event, h2.events.DataReceived):
                return
            original(self, event)

        Connection.take = take
        try:
            server = simple(f"location / {{ {V2} proxy_pass http://u; }}", **keeping(upstream))
            for _ in range(2):
                got = fetch(server.port, "/", "POST", body=b"x" * 100_000)
                assert got.status == 413 and got.body == b"too much"
            assert seen == [1, 2]
        finally:
            Connection.take = original


FAULTS = {
    "reset": (lambda call: (call.connection.h2.reset_stream(call.stream, 7), call.connection.flush()),
              r"upstream rejected request with error 7 while reading response header"),
    "closed": (lambda call: call.connection.socket.shutdown(socket.SHUT_RDWR),
               r"upstream prematurely closed connection while reading response header"),
    "garbage": (lambda call: call.connection.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n"),
                r"upstream sent invalid http2: \w+"),
    "large": (lambda call: call.answer(200, [("x", "y" * 9000)]), r"upstream sent too big header"),
    "hints": (lambda call: call.head(b"\x08\x03103"), r"upstream prematurely closed stream"),
    "short": (lambda call: call.answer(200, [("content-length", "7")]), r"upstream prematurely closed stream"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_before_the_body(simple, name):
    handler, message = FAULTS[name]
    with Upstream(handler) as bad, Upstream(echo) as good:
        server = simple(
            f"""location /one {{ {V2} proxy_pass http://127.0.0.1:{bad.port}; }}
                location /two {{ {V2} proxy_next_upstream error invalid_header; proxy_pass http://both; }}""",
            http=f"upstream both {{ server 127.0.0.1:{bad.port}; server 127.0.0.1:{good.port} backup; }}")
        assert fetch(server.port, "/one").status == 502
        server.wait_for_log(r"\[error\].*" + message)
        assert fetch(server.port, "/two").text == "GET /two 0"


@pytest.mark.parametrize("name", ["reset", "short", "long", "closed"])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_what_goes_wrong_in_the_body(simple, name, buffering):
    """The client gets what came, and no end."""
    def handler(call):
        call.connection.h2.send_headers(call.stream, [(":status", "200"), ("content-length", "8")])
        # Frames by hand: the library would not break its promise.
        call.connection.flush()
        prefix = b"\0\0\x04\0\0" + call.stream.to_bytes(4, "big") + b"some"
        call.connection.socket.sendall(prefix)
        time.sleep(0.2)
        stream = call.stream.to_bytes(4, "big")
        rest = {"reset": b"\0\0\4\3\0" + stream + b"\0\0\0\2", "short": b"\0\0\0\0\1" + stream,
                "long": b"\0\0\5\0\1" + stream + b"12345", "closed": b""}[name]
        call.connection.socket.sendall(rest)
        if name == "closed":
            call.connection.socket.shutdown(socket.SHUT_RDWR)

    messages = {"reset": "upstream rejected request with error 2", "short": "upstream prematurely closed stream",
                "long": "upstream sent response body larger than indicated content length",
                "closed": "upstream prematurely closed connection"}
    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_buffering {buffering}; proxy_pass http://127.0.0.1:{upstream.port}; }}")
        got = fetch(server.port, "/")
        assert got.status == 200 and got.body == b"some" and not got.complete
        server.wait_for_log(messages[name] + r" while reading upstream")


def test_a_client_that_leaves_ends_the_connection(simple):
    with Upstream(lambda call: None) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with serving.Connection(server.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            serving.wait_for(lambda: upstream.calls, 5, "the request")
        assert upstream.ended.wait(5)


def test_a_slow_client_holds_the_upstream_back(simple):
    """What the client does not take is not read: TCP is all the flow control there is. (The kernel may let a buffer of its own
    choosing grow to 32 MB.)"""
    sent = 0
    big = os.urandom(1_000_000)

    def handler(call):
        nonlocal sent
        call.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        call.connection.h2.send_headers(call.stream, [(":status", "200")])
        for n in range(30):
            call.send(big, ends=n == 29)
            sent += len(big)

    with Upstream(handler) as upstream:
        server = simple(f"location / {{ {V2} proxy_buffering off; proxy_socket_rcvbuf 64k; proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with serving.Connection(server.port, receive_buffer=65536, timeout=60) as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            time.sleep(1.5)
            assert sent < 12_000_000
            assert client.rest().partition(b"\r\n\r\n")[2] == big * 30


def test_in_tls_the_protocol_is_offered(simple, authority):  # noqa: F811
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("localhost.crt"), authority.path("localhost.key"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with Upstream(echo, context=context) as upstream:
        server = simple(f"location / {{ {V2} proxy_pass https://u; }}", **keeping(upstream))
        for _ in range(3):
            got = fetch(server.port, "/", "POST", body=b"q" * 100_000)
            assert got.text == "POST / 100000" and got["x-connection"] == "1"
        assert upstream.protocols == ["h2"]
        assert upstream.calls[0].fields[":scheme"] == "https"


def test_variables_of_the_upstream_in_the_log(simple):
    with Upstream(echo) as upstream:
        server = simple(
            f"location / {{ {V2} proxy_pass http://127.0.0.1:{upstream.port}; access_log logs/u.log u; }}",
            http="log_format u '$upstream_addr $upstream_status $upstream_bytes_received $upstream_response_length';")
        fetch(server.port, "/")
        server.wait_for_log(rf"127\.0\.0\.1:{upstream.port} 200 \d+ \d+", "u.log")
        received, length = map(int, re.search(r"200 (\d+) (\d+)", server.log("u.log")).groups())
        # As in nginx, the body's frames count with their heads.
        assert length == len("GET / 0") + 9 and received > length
