"""HTTP/2 with clients, in clear text: the same requests, answers and logs as in HTTP/1, many at a time on one connection."""

import os
import re
import signal
import time

import pytest

import http2_client as http2
import serving
from http2_client import Client, Raw, frame
from serving import Backend, answer, wait_for

BIG = os.urandom(300_000)
# The nginx that Debian has is older than `http2 on`, and knows no early hints.
mainline = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="newer than the nginx at hand")


@pytest.fixture
def site(simple):
    """Serves locations to clients that know that the server speaks HTTP/2."""
    def start(text, server="", **options):
        if serving.is_nginx(serving.SUBJECT):
            # It has HTTP/2 as a parameter of `listen`, and nothing else on that address.
            made = simple(text, start=False, **options)
            made.configure(made.config.replace(f"127.0.0.1:{made.port};", f"127.0.0.1:{made.port} http2;")
                           .replace("root html;", f"root html; {server}"))
            return made.start()
        return simple(f"http2 on; {server}\n{text}", **options)

    return start


def test_files_and_what_is_said_of_them(site):
    server = site("location / { }", files={"big": BIG})
    with Client(server.port) as client:
        first = client.ask("/big")
        assert first.status == 200 and first.body == BIG and first["content-length"] == "300000"
        assert first["connection"] is None and first["transfer-encoding"] is None
        head = client.ask("/big", "HEAD")
        assert head.body == b"" and [name for name, _ in head.headers] == [name for name, _ in first.headers]
        assert client.ask("/none").status == 404
        again = client.ask("/big", fields=[("if-none-match", first["etag"])])
        assert again.status == 304 and again.body == b"" and again["content-length"] is None
        part = client.ask("/big", fields=[("range", "bytes=1000-200999")])
        assert part.status == 206 and part.body == BIG[1000:201000]
    server.wait_for_log(r'"GET /big HTTP/2\.0" 206 200000 ', "access.log")
    lines = server.log("access.log").splitlines()
    assert re.search(r'"GET /big HTTP/2\.0" 200 300000 ', lines[0])
    assert re.search(r'"HEAD /big HTTP/2\.0" 200 0 ', lines[1])
    assert re.search(r'"GET /big HTTP/2\.0" 304 0 ', lines[3])


def settings(server):
    """What the server says of itself in its first frame."""
    with Raw(server.port) as raw:
        [first] = [frame for frame in raw.read(lambda all: len(all) >= 1) if frame[0] == http2.SETTINGS and not frame[1] & 1][:1]
        return {int.from_bytes(first[3][at:at + 2], "big"): int.from_bytes(first[3][at + 2:at + 6], "big")
                for at in range(0, len(first[3]), 6)}


def test_how_long_frames_of_bodies_are(site):
    for size, longest in (("1k", 1_024), ("64k", 16_384)):
        server = site(f"http2_chunk_size {size}; location / {{ }}", files={"big": BIG})
        with Raw(server.port) as raw:
            raw.send(raw.get(1, "/big"))
            # The client's window of a stream is 64 KB.
            data = [len(payload) for kind, _, _, payload in
                    raw.read(lambda all: sum(len(each[3]) for each in all if each[0] == http2.DATA) >= 65_535) if kind == http2.DATA]
        assert max(data) == longest


def test_what_clients_are_told_of_streams_and_windows(site):
    maximum, window = 3, 4
    told = settings(site("location / { }"))
    assert told[maximum] == 128 and told[window] == 65_536
    told = settings(site("location / { }", server="http2_max_concurrent_streams 7; http2_body_preread_size 1234;"))
    assert told[maximum] == 7 and told[window] == 1_234


@mainline
@pytest.mark.parametrize("name, value, advice", [
    ("http2_idle_timeout", "3m", 'use the "keepalive_timeout" directive instead'),
    ("http2_recv_timeout", "30s", 'use the "client_header_timeout" directive instead'),
    ("http2_max_requests", "1000", 'use the "keepalive_requests" directive instead'),
    ("http2_max_field_size", "4k", 'use the "large_client_header_buffers" directive instead'),
    ("http2_max_header_size", "16k", 'use the "large_client_header_buffers" directive instead'),
    ("http2_max_concurrent_pushes", "10", "ignored"), ("http2_push_preload", "on", "ignored"), ("http2_push", "/style.css", "ignored"),
])
def test_directives_of_before_are_taken_with_a_word(simple, name, value, advice):
    server = simple(f"{name} {value};", start=False)
    said = server.run("-t")
    assert said.returncode == 0 and f'[warn] the "{name}" directive is obsolete, {advice} in ' in said.stderr


def test_answers_that_end_with_fields_are_complete(site):
    """nghttp2 closes a stream before it hands out the fields that end it: it must not look broken off."""
    server = site('location / { add_trailer X-A b; } location /none { return 204; } access_log logs/own.log own;',
                  http="log_format own '$request $status $request_completion';")
    with Client(server.port) as client:
        assert client.ask("/", fields=[("te", "trailers")]).trailers == [("x-a", "b")]
        assert client.ask("/", "HEAD").status == 200
        assert client.ask("/none").status == 204
        server.wait_for_log(r"GET / HTTP/2\.0 200 OK\nHEAD / HTTP/2\.0 200 OK\nGET /none HTTP/2\.0 204 OK", "own.log")


def test_many_streams_at_a_time(site):
    server = site("location / { }", files={f"f{n}": os.urandom(1 + n * 997) for n in range(100)})
    with Client(server.port) as client:
        streams = [client.start(f"/f{n}") for n in range(100)]
        for n, response in enumerate(client.finish(*streams)):
            assert response.status == 200 and len(response.body) == 1 + n * 997
            assert response.body == (server.prefix / f"html/f{n}").read_bytes()


def test_streams_share_a_connection_that_is_slow(site):
    """A large answer does not hold up a small one."""
    server = site("location / { }", files={"big": BIG * 10})
    with Client(server.port) as client:
        large = client.start("/big")
        small = client.start("/")
        assert client.finish(small).body == b"the index\n"
        assert client.finish(large).body == BIG * 10


@mainline
def test_http1_on_the_same_port(simple):
    server = simple("http2 on; location / { return 200 \"$server_protocol $http2\"; }")
    assert serving.fetch(server.port).text == "HTTP/1.1 "
    assert http2.fetch(server.port).body == b"HTTP/2.0 h2c"


@mainline
@pytest.mark.parametrize("cut", [1, 2, 3, 4, 14, 16, 17, 23, 24, 25, 33, 40])
def test_a_preface_in_two_parts(simple, cut):
    server = simple("http2 on; location / { return 200 $http2; }")
    with Raw(server.port, b"") as raw:
        data = http2.PREFACE + frame(http2.SETTINGS) + raw.get(1)
        raw.send(data[:cut])
        time.sleep(0.05)
        raw.send(data[cut:])
        got = raw.read(lambda all: any(kind == http2.DATA for kind, *_ in all))
        assert (http2.DATA, 1, 1, b"h2c") in got
    assert serving.exchange(server.port, b"PRI * HTTP/2.0\r\n\r\nSMx\r\n").startswith(b"HTTP/1.1 400")
    assert serving.exchange(server.port, b"PROPFIND / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_without_http2_the_preface_is_a_bad_request(simple):
    server = simple("location / { return 200 x; }")
    assert b"400 Bad Request" in serving.exchange(server.port, http2.PREFACE + frame(http2.SETTINGS))


def test_a_request_torn_at_every_byte(site):
    with Backend() as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}/show; }}")
        with Raw(server.port) as raw:
            data = raw.get(1, flags=4, method="POST", fields=[("x-a", "b")]) + frame(http2.DATA, 0, 1, b"hel") \
                + frame(http2.DATA, 1, 1, b"lo")
            for index in range(len(data)):
                raw.send(data[index:index + 1])
                time.sleep(0.001)
            raw.read(lambda all: any(kind == http2.DATA and flags & 1 for kind, flags, *_ in all))
        assert upstream.requests[0].endswith(b"hello") and b"x-a: b\r\n" in upstream.requests[0]


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("has_length", [True, False])
def test_request_bodies(site, buffering, has_length):
    with Backend() as upstream:
        server = site(f"""
            client_max_body_size 2m; client_body_buffer_size 8k;
            location / {{ proxy_pass http://127.0.0.1:{upstream.port}/show; proxy_request_buffering {buffering};
                          proxy_http_version 1.1; }}""")
        with Client(server.port) as client:
            for size in (0, 1, 5_000, 70_000, 1_000_000):
                body = os.urandom(size)
                fields = [("content-length", str(size))] if has_length else []
                response = client.ask("/", "POST", body=body, ends=True, fields=fields)
                assert response.status == 200, size
                shown = response.body.partition(b"\r\n\r\n")
                if b"chunked" in shown[0]:
                    text, rest = b"", shown[2]
                    while rest != b"0\r\n\r\n":
                        length, _, rest = rest.partition(b"\r\n")
                        text, rest = text + rest[:int(length, 16)], rest[int(length, 16) + 2:]
                else:
                    text = shown[2]
                assert text == body, size
            if buffering == "on":
                assert client.ask("/", "POST", body=b"x" * 3_000_000).status == 413


def test_bodies_that_are_not_what_was_said_of_them(site):
    with Backend() as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}/show; }}")
        for length, body in (("3", b"hello"), ("10", b"hello")):
            with Raw(server.port) as raw:
                raw.send(raw.get(1, flags=4, method="POST", fields=[("content-length", length)])
                         + frame(http2.DATA, 1, 1, body))
                raw.read(lambda all: any(kind == http2.DATA for kind, *_ in all))
            server.wait_for_log(r'"POST / HTTP/2\.0" 400 ', "access.log")
        assert upstream.requests == []
    server.wait_for_log("client intended to send body data larger than declared")
    server.wait_for_log("client prematurely closed stream: only 5 out of 10 bytes of request body received")


@mainline
def test_trailers_of_requests_are_passed_over(site):
    """nginx ends the connection; there are clients that send them."""
    with Backend() as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}/show; }}")
        with Client(server.port) as client:
            stream = client.start("/", "POST", ends=False)
            client.send(stream, b"hello")
            client.h2.send_headers(stream, [("x-checksum", "1")], end_stream=True)
            client.flush()
            response = client.finish(stream)
            assert response.body.endswith(b"\r\n\r\nhello") and b"x-checksum" not in response.body


def test_trailers_of_answers(site):
    server = site("add_trailer X-Status $status; location / { } location /none { return 204; }")
    with Client(server.port) as client:
        response = client.ask("/")
        assert response.body == b"the index\n" and response.trailers == [("x-status", "200")]
        assert client.ask("/", "HEAD").trailers == []
        assert client.ask("/none").status == 204


@mainline
def test_early_hints(site):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    with Backend({"/": [hints, 0.1, *answer(b"body")]}) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; early_hints 1; }}")
        response = http2.fetch(server.port)
        assert response.interim == [[(":status", "103"), ("link", "</a.css>; rel=preload")]]
        assert response.status == 200 and response.body == b"body"


def test_fields_of_answers_are_in_lower_case_and_none_is_the_connections(site):
    head = "X-UPPER: Value\r\nConnection: keep-alive, x-upper\r\nKeep-Alive: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2"
    with Backend({"/": answer(b"body", head=head)}) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; add_header X-Own Value; }}")
        response = http2.fetch(server.port)
        names = [name for name, _ in response.headers]
        assert names == [name.lower() for name in names]
        assert not {"connection", "keep-alive", "transfer-encoding"} & set(names)
        assert response["x-upper"] == "Value" and response["x-own"] == "Value"
        assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]


def test_an_answer_of_unknown_length(site):
    script = {"/": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0.05,
                    b"6\r\n world\r\n0\r\n\r\n", "keep"],
              "/close": [b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "close"],
              "/broken": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "close"]}
    with Backend(script) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with Client(server.port) as client:
            assert client.ask("/").body == b"hello world"
            assert client.ask("/close").body == b"until the end"
            broken = client.ask("/broken")
            assert broken.reset is not None and not broken.ended
            # The other streams are none the worse for it.
            assert client.ask("/").body == b"hello world"


def test_gzip_and_error_pages(site):
    text = b"the same line again and again\n" * 2_000
    server = site("gzip on; gzip_types text/plain; gzip_min_length 1; error_page 404 /oops;"
                  "location / { default_type text/plain; } location = /oops { return 200 oops; }", files={"text": text})
    import gzip
    with Client(server.port) as client:
        zipped = client.ask("/text", fields=[("accept-encoding", "gzip")])
        assert zipped["content-encoding"] == "gzip" and gzip.decompress(zipped.body) == text
        assert zipped["content-length"] is None
        missing = client.ask("/none")
        assert missing.status == 404 and missing.body == b"oops"


@mainline
def test_hosts_select_servers(simple):
    server = simple(
        "http2 on; location / { return 200 first; }",
        http="""server { listen 127.0.0.1:%%PORT%%; server_name second; http2 on; location / { return 200 second; } }
                server { listen 127.0.0.1:%%PORT%%; server_name third; location / { return 200 third; } }""")
    with Client(server.port) as client:
        assert client.ask("/", authority="localhost").body == b"first"
        assert client.ask("/", authority="second:80").body == b"second"
        # The server does not take part in HTTP/2.
        assert client.ask("/", authority="third").status == 421
    server.wait_for_log("the server name for which the negotiated protocol is disabled")


def test_a_client_that_breaks_off_a_stream(site):
    script = {"/slow": [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 3, b"0123456789"], "/never": [5]}
    with Backend(script) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }} location = /ok {{ return 200 ok; }}")
        with Client(server.port) as client:
            streams = [client.start("/never"), client.start("/slow")]
            wait_for(lambda: len(upstream.requests) == 2)
            time.sleep(0.1)
            for stream in streams:
                client.h2.reset_stream(stream, error_code=8)
            client.flush()
            assert client.ask("/ok").body == b"ok"
            server.wait_for_log(r'"GET /never HTTP/2\.0" 499 ', "access.log")
            server.wait_for_log(r'"GET /slow HTTP/2\.0" 200 ', "access.log")
    server.wait_for_log(r"client canceled stream 1\b")


def test_a_connection_that_goes_while_streams_are_under_way(site):
    with Backend({"/never": [5]}) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with Client(server.port) as client:
            for _ in range(5):
                client.start("/never")
            wait_for(lambda: len(upstream.requests) == 5)
        wait_for(lambda: server.log("access.log").count('"GET /never HTTP/2.0" 499') == 5, what="five lines")


def test_limit_rate(site):
    server = site("location / { limit_rate 50k; }", files={"big": BIG[:150_000]})
    begun = time.monotonic()
    with Client(server.port) as client:
        # Each stream has its own rate.
        for response in client.finish(client.start("/big"), client.start("/big")):
            assert response.body == BIG[:150_000]
    assert 0.9 < time.monotonic() - begun < 5


def test_keepalive_requests(site):
    server = site("location / { }", "keepalive_requests 3; lingering_close off;")
    with Raw(server.port) as raw:
        for stream in (1, 3, 5):
            assert not any(kind == http2.GOAWAY for kind, *_ in http2.frames(raw.received))
            raw.send(raw.get(stream))
            assert raw.body(stream) == b"the index\n"
        assert raw.goaway() == (5, 0) and raw.is_closed()


def test_keepalive_timeout(site):
    server = site("location / { }", "keepalive_timeout 1s;")
    with Client(server.port) as client:
        assert client.ask("/").status == 200
        begun = time.monotonic()
        client.read_all()
        assert client.goaway.error_code == 0 and 0.5 < time.monotonic() - begun < 3


def test_a_client_that_says_nothing(site):
    server = site("location / { }", "client_header_timeout 1s; lingering_close off;")
    with Raw(server.port) as raw:
        assert raw.is_closed(4)
    with Raw(server.port) as raw:
        raw.send(raw.get(1)[:12])
        # The stream ends, since its head does not come; then the connection, on which nothing happens.
        got = raw.read(lambda all: any(kind == http2.RST_STREAM for kind, *_ in all), 4)
        assert (http2.RST_STREAM, 0, 1, b"\0\0\0\1") in got
    server.wait_for_log("client timed out")


def test_a_body_that_does_not_come(site):
    with Backend() as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}/show; client_body_timeout 1s; }}")
        with Client(server.port) as client:
            response = client.finish(client.start("/", "POST", ends=False))
            assert response.reset == 1
            assert client.ask("/").status == 200
        server.wait_for_log(r'"POST / HTTP/2\.0" 408 ', "access.log")


def test_an_answer_that_nobody_takes(site):
    """A stream whose window stays shut ends after send_timeout; the others are served meanwhile."""
    server = site("location / { send_timeout 1s; }", files={"big": BIG})
    with Raw(server.port, http2.PREFACE + frame(http2.SETTINGS, payload=b"\0\4\0\0\3\350")) as raw:
        raw.send(raw.get(1, "/big") + raw.get(3))
        assert raw.body(3) == b"the index\n"
        got = raw.read(lambda all: any(kind == http2.RST_STREAM for kind, *_ in all))
        assert (http2.RST_STREAM, 0, 1, b"\0\0\0\1") in got
        assert sum(len(payload) for kind, _, stream, payload in got if kind == http2.DATA and stream == 1) == 1_000
    server.wait_for_log(r'"GET /big HTTP/2\.0" 200 1000 ', "access.log")


def test_reload_lets_streams_end_and_takes_no_new_ones(site):
    with Backend({"/slow": [1.5, *answer(b"slow")], "/": answer(b"new")}) as upstream:
        server = site(f"lingering_close off; location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with Raw(server.port) as raw, Raw(server.port) as idle:
            raw.send(raw.get(1, "/slow"))
            wait_for(lambda: upstream.requests)
            server.reload()
            assert idle.goaway() == (0, 0) and idle.is_closed()
            assert raw.goaway() == (1, 0)
            raw.send(raw.get(3))
            assert raw.body(1) == b"slow" and raw.is_closed()
            assert not any(stream == 3 for _, _, stream, _ in http2.frames(raw.received))


def test_a_graceful_end(site):
    with Backend({"/slow": [1, *answer(b"slow")]}) as upstream:
        server = site(f"lingering_close off; location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }}")
        with Raw(server.port) as raw:
            raw.send(raw.get(1, "/slow"))
            wait_for(lambda: upstream.requests)
            server.send_signal(signal.SIGQUIT)
            assert raw.goaway() == (1, 0)
            assert raw.body(1) == b"slow" and raw.is_closed()
        assert server.process.wait(10) == 0


def test_figures(site):
    with Backend({"/slow": [2, *answer(b"slow")]}) as upstream:
        server = site(f"location / {{ proxy_pass http://127.0.0.1:{upstream.port}; }} location = /s {{ stub_status; }}")
        with Client(server.port) as client, Client(server.port) as idle:
            assert idle.ask("/s").status == 200
            for _ in range(3):
                client.start("/slow")
            wait_for(lambda: len(upstream.requests) == 3)
            text = idle.ask("/s").body.decode()
            assert re.search(r"Active connections: 2 ", text) and re.search(r"\n \d \d 5 \n", text), text
            assert "Reading: 0 Writing: 4 Waiting: 0" in text


@mainline
def test_connection_wide_fields_are_refused(site):
    server = site("location / { return 200 x; }")
    for name in ("connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"):
        with Raw(server.port) as raw:
            raw.send(raw.get(1, fields=[(name, "x")]))
            raw.read(lambda all: any(kind == http2.DATA for kind, *_ in all))
        server.wait_for_log(f'(?i)client sent "{name}" header')
    wait_for(lambda: server.log("access.log").count('" 400 ') == 5, what="five lines")


def test_answers_wait_for_the_client(site):
    """What the client does not take stays with the upstream or in the file: memory does not grow with answers."""
    body = os.urandom(1_000_000) * 30
    with Backend({"/": answer(body)}) as upstream:
        server = site(f"""location / {{ proxy_pass http://127.0.0.1:{upstream.port}; proxy_buffering off; }}
                          location = /big {{ }}""", files={"big": body})
        with Raw(server.port, http2.PREFACE + frame(http2.SETTINGS, payload=b"\0\4\0\0\0\0")) as raw:
            raw.send(raw.get(1, "/none", method="HEAD"))
            raw.read(lambda all: any(kind == http2.HEADERS for kind, *_ in all))
            before = resident(server)
            raw.send(b"".join(raw.get(stream, "/big" if stream % 4 == 1 else "/") for stream in range(3, 43, 2)))
            time.sleep(1)
            assert resident(server) - before < 5_000


def resident(server):
    """Kilobytes of memory of the worker."""
    with open(f"/proc/{server.workers()[0]}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
