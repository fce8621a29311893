"""Upstreams that are dead, slow, lying or vanishing: 502 or 504, nginx's error text, the next peer."""

import signal
import socket
import threading
import time

import pytest

import serving
from serving import Backend, Connection, answer, fetch, request, wait_for

OK = b"HTTP/1.1 200 OK\r\n"
PASS = """
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }
"""
LINE = r', client: 127\.0\.0\.1, server: localhost, request: "GET /x HTTP/1\.1", upstream: "http://127\.0\.0\.1:%d/x", host: "localhost"$'


@pytest.mark.parametrize("steps, status, text", [
    (["close"], 502, r"upstream prematurely closed connection while reading response header from upstream"),
    (["reset"], 502, r"recv\(\) failed \(104: Connection reset by peer\) while reading response header from upstream"),
    ([OK + b"Cont", "close"], 502, r"upstream prematurely closed connection while reading response header from upstream"),
    ([OK + b"Bad Header\r\n\r\n"], 502, r"upstream sent invalid header: \"Bad\\x20\.\.\.\" while reading response header from upstream"),
    ([OK + b"X: " + b"a" * 10000 + b"\r\n\r\n"], 502, r"upstream sent too big header while reading response header from upstream"),
    ([OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"], 502, r"upstream sent duplicate header line: \"Content-Length: 2\", previous value: \"Content-Length: 1\" while reading response header from upstream"),
    ([3], 504, r"upstream timed out \(110: Connection timed out\) while reading response header from upstream"),
    ([OK, 3], 504, r"upstream timed out \(110: Connection timed out\) while reading response header from upstream"),
], ids=["closes", "resets", "closes-in-head", "bad-header", "big-header", "two-lengths", "silent", "silent-in-head"])
def test_no_answer(simple, steps, status, text):
    if "duplicate" in text and serving.is_nginx(serving.SUBJECT):
        pytest.skip("nginx before 1.23 takes the last Content-Length")
    with Backend({"/x": steps}) as backend:
        server = simple(PASS, values={"BACKEND": backend.port}, http="proxy_read_timeout 700ms;")
        response = fetch(server.port, "/x")
        assert response.status == status
        server.wait_for_log(text + LINE % backend.port)
        server.wait_for_log(rf'"GET /x HTTP/1\.1" {status} \d+ "-" "-"$', "access.log")


def test_refused(simple):
    port = serving.free_port()
    server = simple(PASS, values={"BACKEND": port})
    response = fetch(server.port, "/x")
    assert response.status == 502 and "<center><h1>502 Bad Gateway</h1></center>" in response.text
    server.wait_for_log(r"connect\(\) failed \(111: Connection refused\) while connecting to upstream" + LINE % port)


@pytest.mark.parametrize("steps, received, logged", [
    ([OK + b"Content-Length: 10\r\n\r\n01234"], b"01234", "upstream prematurely closed connection while reading upstream"),
    ([OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"], b"01234", "upstream prematurely closed connection while reading upstream"),
    ([OK + b"Content-Length: 10\r\n\r\n01234", 2], b"01234", r"upstream timed out \(110: Connection timed out\) while reading upstream"),
    ([OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\nzz\r\n", 1], b"01234", "upstream sent invalid chunked response while reading upstream"),
], ids=["length", "chunked", "slow", "bad-chunk"])
def test_cut_in_the_body(simple, steps, received, logged):
    """What came is passed on, and the client can see that it is not all."""
    with Backend({"/x": steps}) as backend:
        server = simple(PASS, values={"BACKEND": backend.port}, http="proxy_read_timeout 500ms;")
        with Connection(server.port) as connection:
            connection.send(request("/x", close=False))
            response = connection.response()
            # nginx may hold back what it has buffered, even the head, when it gives up.
            assert response is None or response.status == 200 and not response.complete
            assert response is None or received.startswith(response.body)
        server.wait_for_log(logged)


def test_body_slower_than_each_read_timeout(simple):
    """The limit is between two reads: a slow but living upstream is heard to the end."""
    steps = [OK + b"Content-Length: 8\r\n\r\n"]
    for number in range(8):
        steps += [0.2, b"%d" % number]
    with Backend({"/x": steps}) as backend:
        server = simple(PASS, values={"BACKEND": backend.port}, http="proxy_read_timeout 600ms;")
        assert fetch(server.port, "/x").body == b"01234567"


GROUP = """
    upstream group {
        server 127.0.0.1:%%ONE%% max_fails=%%FAILS%% fail_timeout=1s;
        server 127.0.0.1:%%TWO%% %%SECOND%%;
    }
"""
GROUP_PASS = """
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        add_header X-Tried "$upstream_addr" always;
        location / { proxy_pass http://group; }
        location /own { proxy_next_upstream http_500 http_404; proxy_pass http://group; }
        location /idempotent { proxy_next_upstream error timeout non_idempotent; proxy_pass http://group; }
        location /once { proxy_next_upstream_tries 1; proxy_pass http://group; }
        location /never { proxy_next_upstream off; proxy_pass http://group; }
"""


def group(simple, one, two, fails=0, second="", **options):
    values = {"ONE": one, "TWO": two, "FAILS": fails, "SECOND": second}
    return simple(GROUP_PASS, http=GROUP + options.pop("http", ""), values=values, **options)


@pytest.mark.parametrize("steps", [["close"], ["reset"], [5], [b"\0\1\2\r\n\r\n"]], ids=["closes", "resets", "silent", "lies"])
def test_next_peer_for_a_get(simple, steps):
    with Backend({"*": steps}) as bad, Backend({"*": answer(b"good")}) as good:
        server = group(simple, bad.port, good.port,
                       http="proxy_read_timeout 400ms; proxy_next_upstream error timeout invalid_header;")
        if steps[0] == b"\0\1\2\r\n\r\n" and serving.is_nginx(server.binary):
            pytest.skip("nginx takes this for HTTP/0.9")
        for _ in range(3):
            response = fetch(server.port)
            assert response.text == "good"
        assert bad.requests and len(good.requests) == 3


def test_post_is_not_repeated_once_sent(simple):
    with Backend({"*": ["close"]}) as bad, Backend({"*": answer(b"good")}) as good:
        server = group(simple, bad.port, good.port)
        answers = [fetch(server.port, "/", "POST", body=b"abc").status for _ in range(4)]
        assert sorted(answers) == [200, 200, 502, 502]
        assert len(bad.requests) == 2
        assert fetch(server.port, "/idempotent", "POST", body=b"abc").status == 200


def test_post_goes_to_the_next_when_it_was_not_sent(simple):
    with Backend({"*": answer(b"good")}) as good:
        server = group(simple, serving.free_port(), good.port)
        for _ in range(4):
            assert fetch(server.port, "/", "POST", body=b"abc").status == 200
        assert all(request.endswith(b"abc") for request in good.requests)


def test_next_peer_for_a_status(simple):
    with Backend({"*": answer(b"bad", "500 Internal Server Error")}) as bad, Backend({"*": answer(b"good")}) as good:
        server = group(simple, bad.port, good.port)
        for _ in range(3):
            assert fetch(server.port, "/own").status == 200
        statuses = {fetch(server.port, "/").status for _ in range(4)}
        assert statuses == {200, 500}


@pytest.mark.parametrize("path", ["/once", "/never"])
def test_no_further_try(simple, path):
    with Backend({"*": ["close"]}) as bad, Backend({"*": answer(b"good")}) as good:
        server = group(simple, bad.port, good.port)
        assert {fetch(server.port, path).status for _ in range(4)} == {200, 502}


def test_failed_peer_is_left_alone_and_comes_back(simple):
    port = serving.free_port()
    with Backend({"*": answer(b"good")}) as good:
        server = group(simple, port, good.port, fails=1)
        for _ in range(4):
            assert fetch(server.port).text == "good"
        # One attempt, then fail_timeout without any.
        tries = server.log().count("Connection refused")
        assert tries == 1
        with Backend({"*": answer(b"back")}, port=port):
            wait_for(lambda: fetch(server.port).text == "back", 5, "the peer's return", 0.2)


def test_all_peers_dead(simple):
    server = group(simple, serving.free_port(), serving.free_port(), fails=1)
    first = fetch(server.port)
    assert first.status == 502 and "," in first["X-Tried"]


def test_backup_is_asked_only_when_the_others_fail(simple):
    with Backend({"*": answer(b"backup")}) as backup:
        with Backend({"*": answer(b"main")}) as main:
            server = group(simple, main.port, backup.port, second="backup")
            assert {fetch(server.port).text for _ in range(4)} == {"main"}
        assert fetch(server.port).text == "backup"


def test_connections_are_kept(simple):
    with Backend({"*": answer(b"x")}) as backend:
        server = simple(GROUP_PASS, http="upstream group { server 127.0.0.1:%%BACKEND%%; keepalive 4; }",
                        values={"BACKEND": backend.port})
        for _ in range(10):
            assert fetch(server.port).text == "x"
        assert backend.connections == 1 and len(backend.requests) == 10


def test_kept_connection_that_was_closed_meanwhile(simple):
    """An idle connection that the upstream closes is not used; one that dies under a request is replaced."""
    calls = []

    def once(_):
        calls.append(1)
        return ["close"] if len(calls) in (2, 3) else answer(b"x")

    with Backend({"*": once}) as backend:
        server = simple(GROUP_PASS, http="upstream group { server 127.0.0.1:%%BACKEND%%; keepalive 4; }\n"
                        "upstream spare { server 127.0.0.1:%%BACKEND%%; }", values={"BACKEND": backend.port})
        assert fetch(server.port).text == "x"
        # The kept connection closes on the next request: tried again over a fresh one, which is refused once more.
        assert fetch(server.port).status in (200, 502)
        assert fetch(server.port).status in (200, 502)
        assert fetch(server.port).text == "x"


def test_early_answer_while_the_body_still_comes(simple):
    """An upstream that refuses at the head of a large body is heard, though it closes."""
    big = b"x" * 8_000_000

    def early(backend):
        while True:
            try:
                connection, _ = backend.accept()
            except OSError:
                return
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
            time.sleep(0.2)
            connection.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=early, args=(listener,), daemon=True).start()
        server = simple(PASS, http="client_max_body_size 0; client_body_buffer_size 16m;",
                        values={"BACKEND": listener.getsockname()[1]})
        assert fetch(server.port, "/x", "POST", body=big).status in (403, 502)
        assert fetch(server.port, "/x").status == 403


def test_unsolicited_bytes_on_a_kept_connection(simple):
    """A second answer that nobody asked for must not be given to the next client."""
    with Backend({"/a": [OK + b"Content-Length: 1\r\n\r\na" + OK + b"Content-Length: 4\r\n\r\nevil", "keep"],
                  "/b": answer(b"b")}) as backend:
        server = simple(GROUP_PASS, http="upstream group { server 127.0.0.1:%%BACKEND%%; keepalive 4; }",
                        values={"BACKEND": backend.port})
        assert fetch(server.port, "/a").text == "a"
        assert fetch(server.port, "/b").text == "b"


def test_a_client_that_takes_no_more_of_an_answer_is_given_up(simple):
    """Where the first that did not fit was the answer's own bytes, sent as they came, nobody counted the time: for ever."""
    size = 12_000_000
    parts = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (b"%x\r\n" % 100_000 + bytes(100_000) + b"\r\n") * (size // 100_000), b"0\r\n\r\n"]
    with Backend({"/": parts}) as backend:
        server = simple(f"send_timeout 1s; location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}")
        with Connection(server.port, receive_buffer=4096) as connection:
            connection.send(request("/"))
            server.wait_for_log(r'"GET / HTTP/1\.1" 200 ', "access.log", seconds=10)
            server.wait_for_log(r"client timed out \(110: Connection timed out\) while sending to client")


def test_large_answers_to_slow_clients_go_through_files(simple):
    """More than the buffers hold waits in a temporary file, and the upstream is free."""
    content = bytes(range(256)) * 40_000

    def note(_):
        return [OK + b"Content-Length: %d\r\n\r\n" % len(content), content]

    with Backend({"/x": note}) as backend:
        server = simple(PASS, values={"BACKEND": backend.port})
        with Connection(server.port, receive_buffer=8192) as connection:
            connection.send(request("/x"))
            server.wait_for_log("an upstream response is buffered to a temporary file", seconds=5)
            response = connection.response()
        assert response.body == content
        assert not [path for path in (server.prefix / "temp").rglob("*") if path.is_file()]


def test_reload_while_an_upstream_works(simple):
    with Backend({"/x": [1.0, *answer(b"done")]}) as backend:
        server = simple(PASS, values={"BACKEND": backend.port})
        with Connection(server.port) as connection:
            connection.send(request("/x"))
            time.sleep(0.2)
            server.reload()
            assert connection.response().text == "done"
        server.send_signal(signal.SIGTERM)
