"""HTTP/1 over real sockets: what takes time, pieces, or a connection that stays."""

import os
import random
import re
import socket
import time

import pytest

from serving import Connection, exchange, fetch, request, wait_for

BIG = os.urandom(300_000)


def test_keep_alive_and_head(simple):
    server = simple("location / { }", files={"big": BIG})
    with Connection(server.port) as connection:
        first = connection.ask(request("/big", close=False))
        assert first.body == BIG and first["Connection"] == "keep-alive"
        head = connection.ask(request("/big", "HEAD", close=False))
        assert head["Content-Length"] == str(len(BIG)) and head.body == b""
        assert [name for name, _ in head.headers] == [name for name, _ in first.headers]
        assert connection.ask(request("/none", close=False)).status == 404
        last = connection.ask(request("/"))
        assert last["Connection"] == "close" and connection.is_closed()
    # A line is written after the answer is sent: the client may be faster.
    wait_for(lambda: len(server.log("access.log").splitlines()) == 4, what="four lines")


def test_ranges_of_a_large_file(simple):
    server = simple("location / { }", files={"big": BIG})
    part = fetch(server.port, "/big", Range="bytes=1000-200999")
    assert part.status == 206 and part.body == BIG[1000:201000]
    assert part["Content-Range"] == "bytes 1000-200999/300000"
    resumed = fetch(server.port, "/big", Range="bytes=299000-", If_Range=part["ETag"])
    assert resumed.status == 206 and resumed.body == BIG[299000:]
    changed = fetch(server.port, "/big", Range="bytes=299000-", If_Range='"other"')
    assert changed.status == 200 and changed.body == BIG
    several = fetch(server.port, "/big", Range="bytes=0-9,-10")
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", several["Content-Type"])[1]
    assert several.status == 206 and several.body.count(b"--" + boundary.encode()) == 3
    assert fetch(server.port, "/big", Range="bytes=300000-")["Content-Range"] == "bytes */300000"


def test_conditional_requests(simple):
    server = simple("location / { }")
    first = fetch(server.port, "/")
    again = fetch(server.port, "/", If_None_Match=first["ETag"], If_Modified_Since=first["Last-Modified"])
    assert again.status == 304 and again.body == b"" and again["ETag"] == first["ETag"]
    assert again["Content-Length"] is None and again["Content-Type"] is None


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 50])
def test_pipelined_requests_torn_anywhere(simple, piece):
    """Several requests in one stream, cut at every so many bytes, are answered in order."""
    server = simple("location / { return 200 $request_method:$arg_n; }\n"
                    "location /file { alias html/index.html; }")
    requests = [request(f"/?n={n}", close=False) for n in range(3)]
    requests += [request("/", "POST", body=b"0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n", close=False),
                 request("/file", "HEAD", close=False), request("/file", close=False),
                 request("/", "POST", close=False, Transfer_Encoding="chunked") + b"3\r\nabc\r\n0\r\n\r\n",
                 request("/?n=last")]
    methods = ["GET"] * 3 + ["POST", "HEAD", "GET", "POST", "GET"]
    with Connection(server.port) as connection:
        connection.send(b"".join(requests), piece=piece)
        bodies = [connection.response(method).text for method in methods]
        assert connection.is_closed()
    assert bodies == ["GET:0", "GET:1", "GET:2", "POST:", "", "the index\n", "POST:", "GET:last"]


def test_split_in_two_at_every_byte(simple):
    server = simple("location / { return 200 $http_x; }")
    data = request("/?q=1", X="value")
    for cut in range(1, len(data)):
        with Connection(server.port) as connection:
            connection.send(data[:cut])
            time.sleep(0.001)
            connection.send(data[cut:])
            assert connection.response().body == b"value", cut


def test_header_timeout(simple):
    """A head that does not come in time ends the connection without an answer, and is logged as 408."""
    server = simple("location / { }", http="client_header_timeout 500ms;")
    started = time.monotonic()
    with Connection(server.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert connection.rest() == b""
    assert 0.4 < time.monotonic() - started < 3
    server.wait_for_log(r"client timed out \(110: Connection timed out\) while reading client request headers, client")
    server.wait_for_log(r'"GET / HTTP/1\.1" 408 0 ', "access.log")


def test_trickling_header_does_not_hold_the_connection(simple):
    """The time limit is for the whole head, not from byte to byte."""
    server = simple("location / { }", http="client_header_timeout 1s;")
    started = time.monotonic()
    with Connection(server.port) as connection:
        connection.send(request("/", X="y" * 200), piece=1, pause=0.03)
        connection.rest()
    assert time.monotonic() - started < 7.5


def test_body_timeout(simple):
    server = simple("location / { proxy_pass http://127.0.0.1:1; }", http="client_body_timeout 500ms;")
    with Connection(server.port) as connection:
        connection.send(request("/", "POST", Content_Length="10") + b"abc")
        response = connection.response()
    assert response is None or response.status == 408
    server.wait_for_log(r'"POST / HTTP/1\.1" 408 ', "access.log")


def test_keep_alive_timeout(simple):
    server = simple("location / { }", http="keepalive_timeout 400ms;")
    with Connection(server.port) as connection:
        connection.ask(request("/", close=False))
        started = time.monotonic()
        assert connection.is_closed(3)
        assert 0.2 < time.monotonic() - started < 2


def test_idle_connection_without_a_request_leaves_no_line(simple):
    server = simple("location / { }")
    Connection(server.port).socket.close()
    fetch(server.port)
    # A line is written after the answer is sent.
    server.wait_for_log("GET / ", "access.log")
    assert len(server.log("access.log").splitlines()) == 1


def test_slow_reader(simple):
    """A client that reads slowly gets everything; send_timeout counts from the last progress."""
    content = BIG * 10
    server = simple("location / { }", http="send_timeout 1s;", files={"big": content})
    with Connection(server.port, receive_buffer=65536) as connection:
        connection.send(request("/big"))
        while connection.more():
            time.sleep(0.02)
        assert connection.buffer.endswith(content)


def test_reader_that_stops(simple):
    server = simple("location / { }", http="send_timeout 500ms;", files={"big": BIG * 30})
    with Connection(server.port, receive_buffer=4096) as connection:
        connection.send(request("/big"))
        server.wait_for_log(r"client timed out \(110: Connection timed out\) while sending response to client")
        server.wait_for_log(r'"GET /big HTTP/1\.1" 200 ', "access.log")


def test_many_slow_clients_do_not_keep_others_waiting(simple):
    server = simple("location / { }", files={"big": BIG * 10})
    slow = [Connection(server.port, receive_buffer=4096) for _ in range(100)]
    for number, connection in enumerate(slow):
        connection.send(request("/big") if number % 2 else b"GET / HTTP/1.1\r\nHo")
    started = time.monotonic()
    assert fetch(server.port).status == 200
    assert time.monotonic() - started < 1
    for connection in slow:
        connection.socket.close()


@pytest.mark.parametrize("data, status, page", [
    (request("/" + "a" * 9000), 414, "414 Request-URI Too Large"),
    (request("/", X="a" * 9000), 400, "Request Header Or Cookie Too Large"),
    (request("/", **{f"X{n}": "a" * 1000 for n in range(40)}), 400, "Request Header Or Cookie Too Large"),
    (request("/", host="a/b"), 400, "400 Bad Request"),
    (request("/", host=None), 400, "400 Bad Request"),
    (request("/", "POST", Content_Length="1000000000"), 413, "413 Request Entity Too Large"),
    (request("/", "POST", Content_Length="x"), 400, "400 Bad Request"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "400 Bad Request"),
    (b"GET / HTTP/3.0\r\n\r\n", 505, "505 HTTP Version Not Supported"),
    (request("/", "TRACE"), 405, "405 Not Allowed"),
    (request("/", "POST", Transfer_Encoding="br"), 501, "501 Not Implemented"),
], ids=["414", "494", "494-many", "bad-host", "no-host", "413", "bad-length", "tls", "505", "405", "501"])
def test_refusals(simple, data, status, page):
    server = simple("location / { proxy_pass http://127.0.0.1:1; }")
    with Connection(server.port) as connection:
        connection.send(data)
        response = connection.response()
        assert response.status == status and page in response.text
        assert response["Connection"] == "close"
        # After a 413 the rest of the body may still come, and is read and dropped for a while.
        assert status == 413 or connection.is_closed()
    server.wait_for_log(rf'"[^"]*" {status} \d+ "-" "-"$', "access.log")


SMUGGLING = {
    "length-and-chunked": "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "chunked-and-length": "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "two-lengths": "Content-Length: 4\r\nContent-Length: 5",
    "two-equal-lengths": "Content-Length: 4\r\nContent-Length: 4",
    "length-list": "Content-Length: 4, 4",
    "length-plus": "Content-Length: +4",
    "length-hexadecimal": "Content-Length: 0x4",
    "length-space-inside": "Content-Length: 4 4",
    "chunked-twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "chunked-identity": "Transfer-Encoding: chunked, identity",
    "identity-chunked": "Transfer-Encoding: identity, chunked",
    "chunked-x": "Transfer-Encoding: xchunked",
    "chunked-vertical-tab": "Transfer-Encoding: \x0bchunked",
    "chunked-quoted": 'Transfer-Encoding: "chunked"',
    "nul-in-name": "Transfer-Encoding\0: chunked",
    "bare-cr": "X: y\rTransfer-Encoding: chunked",
}


@pytest.mark.parametrize("shape", SMUGGLING)
def test_smuggling_shapes(simple, shape):
    """Whatever two parsers could read differently is refused, and the connection ends."""
    server = simple("location / { proxy_pass http://127.0.0.1:1; }\nlocation /evil { return 200 evil; }")
    head = f"POST / HTTP/1.1\r\nHost: a\r\n{SMUGGLING[shape]}\r\n\r\n".encode("latin-1")
    answer = exchange(server.port, head + b"0\r\n\r\n" + request("/evil"))
    assert b"evil" not in answer
    assert re.match(rb"HTTP/1\.1 (400|501) ", answer) or (shape == "bare-cr" and b" 400 " in answer)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_obsolete_space_before_colon_is_not_a_second_framing(simple):
    """`Transfer-Encoding :` is no header of that name: refused, or dropped as invalid."""
    server = simple("location / { return 200 first; }\nlocation /evil { return 200 evil; }")
    data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    answer = exchange(server.port, data + b"0\r\n\r\n" + request("/evil"))
    assert b"evil" not in answer


def test_unix_socket_and_ipv6(simple):
    server = simple("location / { return 200 $remote_addr; }", http="""
        server { listen unix:%%PREFIX%%/http.sock; location / { return 200 "$remote_addr $server_addr"; } }""")
    with Connection(path=server.prefix / "http.sock") as connection:
        assert connection.ask(request("/")).text == f"unix: unix:{server.prefix}/http.sock"
    server.stop()
    assert not (server.prefix / "http.sock").exists()
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    server = simple("listen [::1]:%%PORT%%;\nlocation / { return 200 $remote_addr; }")
    with Connection(server.port, "::1") as connection:
        assert connection.ask(request("/")).text == "::1"


def test_random_bytes_end_no_worker(simple):
    """Seeded junk, alone and after a well-formed start: any answer, but the worker lives."""

    seeded = random.Random(20)
    server = simple("location / { }")
    starts = [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n"]
    worker = server.workers()
    for round_number in range(150):
        junk = bytes(seeded.randrange(256) for _ in range(seeded.randrange(1, 400)))
        if round_number % 2:
            junk = bytes(seeded.choice(b"\r\n :;,=/%.\0aZ09\"\\HTTP1") for _ in range(300))
        with Connection(server.port) as connection:
            connection.send(starts[round_number % 4] + junk)
            connection.socket.shutdown(socket.SHUT_WR)
            connection.rest()
    assert fetch(server.port).status == 200
    assert server.workers() == worker


def test_the_ports_that_clients_are_known_by_and_come_from(simple):
    server = simple("""
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Forwarded-For;
        location / { return 200 "$remote_addr $remote_port $realip_remote_addr $realip_remote_port"; }
    """)
    for fields, known_by in [({"X_Forwarded_For": "192.0.2.1:1234"}, "192.0.2.1 1234"), ({}, "127.0.0.1 {own}")]:
        with Connection(server.port) as connection:
            own = connection.socket.getsockname()[1]
            connection.send(request("/", **fields))
            assert connection.response().text == known_by.format(own=own) + f" 127.0.0.1 {own}"
