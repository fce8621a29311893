"""Answers compressed with gzip, brotli and Zstandard: what real decoders make of them, who gets which, and that a file's is its own."""

import gzip
import re
import subprocess
import threading
import time
import zlib

import brotli
import pytest
import zstandard

from serving import Backend, Connection, StartFailure, fetch, request

DECODERS = {
    "gzip": lambda: zlib.decompressobj(31).decompress,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj().decompress,
}
# The names of the directives, their modules' first word.
PREFIXES = {"gzip": "gzip", "br": "brotli", "zstd": "zstd"}
TEXT = "".join(f"a line of text, number {number * number % 977}\n" for number in range(4000)).encode()
ALL = "gzip on; brotli on; zstd on; gzip_types *; brotli_types *; zstd_types *; gzip_vary on;"


def decode(answer):
    coding = answer["Content-Encoding"]
    return DECODERS[coding]()(answer.body) if coding else answer.body


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize("level", ["1", "5", "9"])
def test_decoders_read_what_is_compressed(simple, coding, level):
    server = simple(f"{ALL} {PREFIXES[coding]}_comp_level {level};", files={
        "text.txt": TEXT, "large.txt": TEXT * 20, "random.bin": bytes(n * n * n >> 5 & 255 for n in range(70_000)), "short.txt": TEXT[:100]})
    for path in ("text.txt", "large.txt", "random.bin", "short.txt"):
        file = (server.prefix / "html" / path).read_bytes()
        for _ in range(3):
            answer = fetch(server.port, f"/{path}", Accept_Encoding=coding)
            assert answer.status == 200 and answer["Content-Encoding"] == coding and answer.complete
            assert answer["ETag"].startswith('W/"') and answer["Vary"] == "Accept-Encoding"
            assert answer["Content-Length"] is None and answer["Accept-Ranges"] is None
            assert decode(answer) == file


@pytest.mark.parametrize("accepted, expected", [
    ("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("gzip", "gzip"), ("br;q=0, zstd, gzip", "zstd"),
    ("br;q=0, zstd;q=0.0, gzip", "gzip"), ("br;q=0, zstd;q=0, gzip;q=0", None), ("identity", None), ("*", None), (None, None),
])
def test_one_coding_by_order_and_acceptance(simple, accepted, expected):
    server = simple(ALL, files={"text.txt": TEXT})
    fields = {"Accept_Encoding": accepted} if accepted else {}
    for method in ("GET", "HEAD", "GET"):
        answer = fetch(server.port, "/text.txt", method=method, **fields)
        assert answer.all("Content-Encoding") == ([expected] if expected else [])
        assert answer["Vary"] == "Accept-Encoding"
        if method == "GET":
            assert decode(answer) == TEXT


def test_each_has_its_own_types_lengths_and_places(simple):
    server = simple("""
        gzip on; brotli on; zstd on;
        location /types/ { alias html/; brotli_types text/css; zstd_types text/plain; gzip_types text/plain text/css; }
        location /lengths/ { alias html/; brotli_types *; zstd_types *; gzip_types *;
            brotli_min_length 100000; zstd_min_length 10000; gzip_min_length 1; }
        location /off/ { alias html/; brotli off; zstd off; gzip_types *; }
    """, http="types { text/css css; text/html html; text/plain txt; }", files={
        "a.css": TEXT, "a.txt": TEXT, "a.html": TEXT, "long.txt": TEXT * 2, "middle.txt": TEXT[:20_000], "short.txt": TEXT[:5_000]})
    for path, coding in [
        ("types/a.css", "br"), ("types/a.txt", "zstd"), ("types/a.html", "br"),
        ("lengths/long.txt", "br"), ("lengths/middle.txt", "zstd"), ("lengths/short.txt", "gzip"), ("off/a.txt", "gzip"),
    ]:
        answer = fetch(server.port, f"/{path}", Accept_Encoding="gzip, br, zstd")
        assert (path, answer["Content-Encoding"]) == (path, coding)


@pytest.mark.parametrize("coding", DECODERS)
def test_what_an_upstream_flushes_can_be_read_at_once(simple, coding):
    go_on = threading.Event()

    def script(_):
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
        for number in range(3):
            yield b"part %d of a text; " % number
            go_on.wait(10)
            go_on.clear()
        yield "close"

    with Backend({"/": script}) as backend:
        server = simple(f"{ALL} location / {{ proxy_pass http://127.0.0.1:{backend.port}; proxy_buffering off; }}")
        with Connection(server.port) as client:
            client.send(request("/", Accept_Encoding=coding, close=False))
            while b"\r\n\r\n" not in client.buffer:
                client.more()
            decoder, seen, text = DECODERS[coding](), client.buffer.index(b"\r\n\r\n") + 4, b""
            for number in range(3):
                while f"part {number} of a text; ".encode() not in text:
                    end = client.buffer.find(b"\r\n", seen)
                    size = int(client.buffer[seen:end], 16) if end > 0 else 0
                    if size and len(client.buffer) >= end + 4 + size:
                        text += decoder(bytes(client.buffer[end + 2:end + 2 + size]))
                        seen = end + 4 + size
                    else:
                        client.more()
                go_on.set()


def test_ratios_are_of_the_coding_that_was_taken(simple):
    server = simple(f"{ALL} access_log logs/ratio.log ratio;", http="log_format ratio '$gzip_ratio $brotli_ratio $zstd_ratio';",
                    files={"text.txt": TEXT})
    sizes = []
    for coding in ("gzip", "br", "zstd", "br"):
        sizes.append(len(fetch(server.port, "/text.txt", Accept_Encoding=coding).body))
    lines = server.wait_for_log(r"(?s)(.*\n){4}", name="ratio.log") and server.log("ratio.log").split("\n")[:4]
    for line, place, size in zip(lines, (0, 1, 2, 1), sizes):
        ratios = line.split()
        assert abs(float(ratios.pop(place)) - len(TEXT) / size) < 0.011
        assert ratios == ["-", "-"]


def test_files_compressed_beforehand(simple):
    static = "brotli_static on; zstd_static on; gzip_static on; gzip_vary on;"
    server = simple(f"""
        {static}
        location /always/ {{ alias html/; brotli_static off; zstd_static always; }}
        location /none/ {{ alias html/; brotli_static off; zstd_static off; gzip_static off; gzip_vary off; }}
    """, files={
        "a.txt": b"plain", "a.txt.br": brotli.compress(b"by brotli"), "a.txt.zst": zstandard.compress(b"by zstd"),
        "a.txt.gz": gzip.compress(b"by gzip"), "b.txt": b"plain", "b.txt.gz": gzip.compress(b"by gzip")})
    for path, accepted, coding, text in [
        ("a.txt", "gzip, zstd, br", "br", b"by brotli"), ("a.txt", "gzip, zstd", "zstd", b"by zstd"), ("a.txt", "gzip", "gzip", b"by gzip"),
        ("a.txt", "br;q=0, gzip", "gzip", b"by gzip"), ("a.txt", "identity", None, b"plain"), ("b.txt", "br, zstd, gzip", "gzip", b"by gzip"),
        ("b.txt", "br", None, b"plain"), ("always/a.txt", "identity", "zstd", b"by zstd"), ("none/a.txt", "br", None, b"plain"),
    ]:
        answer = fetch(server.port, f"/{path}", Accept_Encoding=accepted)
        assert answer.status == 200 and answer["Content-Encoding"] == coding and decode(answer) == text
        assert answer["Content-Length"] == str(len(answer.body))
        assert (answer["Vary"] is not None) == ("/" not in path)
        assert answer["Content-Type"] == "text/plain"
    part = fetch(server.port, "/a.txt", Accept_Encoding="br", Range="bytes=0-3")
    assert part.status == 206 and part.body == brotli.compress(b"by brotli")[:4]


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize("size", [500, 100_000])
def test_a_changed_file_is_never_sent_as_it_was(simple, coding, size):
    server = simple(ALL, files={"page.txt": b"0" * size})
    page = server.prefix / "html/page.txt"
    for round in range(60):
        text = f"version {round:06} ".encode() * (size // 15)
        if round % 3 == 0:
            other = page.with_suffix(".new")
            other.write_bytes(text)
            other.rename(page)
        else:
            page.write_bytes(text)
        for _ in range(2):
            assert decode(fetch(server.port, "/page.txt", Accept_Encoding=coding)) == text
        # Longer than a file is too young to be kept, now and then.
        time.sleep(0.08 if round % 10 == 9 else 0.003)
    page.chmod(0)
    if server.workers() and fetch(server.port, "/page.txt").status == 403:
        assert fetch(server.port, "/page.txt", Accept_Encoding=coding).status == 403
    page.unlink()
    assert fetch(server.port, "/page.txt", Accept_Encoding=coding).status == 404


def test_what_changes_a_body_is_seen_in_it(simple):
    server = simple(f"""
        {ALL} ssi_types *; sub_filter_types *;
        location /plain/ {{ alias html/; }}
        location /sub/ {{ alias html/; sub_filter line LINE; sub_filter_once off; }}
        location /ssi/ {{ alias html/; ssi on; }}
        location /after/ {{ alias html/; add_after_body /end.txt; addition_types *; }}
    """, files={"page.txt": TEXT + b'<!--#echo var="uri" -->', "end.txt": b"the end"})
    page = TEXT + b'<!--#echo var="uri" -->'
    for _ in range(3):
        for coding in DECODERS:
            for path, text in [
                ("plain", page), ("sub", page.replace(b"line", b"LINE")), ("ssi", TEXT + b"/ssi/page.txt"), ("after", page + b"the end"),
            ]:
                assert decode(fetch(server.port, f"/{path}/page.txt", Accept_Encoding=coding)) == text


def test_zstd_windows_are_what_every_client_takes(simple):
    with Backend({"/": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", TEXT, 0.1, TEXT, "close"]}) as backend:
        server = simple(f"zstd on; zstd_comp_level 22; location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}")
        answer = fetch(server.port, "/", Accept_Encoding="zstd")
        assert zstandard.get_frame_parameters(answer.body).window_size <= 8 << 20
        assert decode(answer) == TEXT + TEXT


def test_http2_sends_what_is_kept(simple):
    server = simple(f"{ALL} http2 on;", files={"text.txt": TEXT})
    for coding in DECODERS:
        for _ in range(3):
            body = subprocess.run(
                ["curl", "-s", "--http2-prior-knowledge", "-H", f"Accept-Encoding: {coding}", f"http://127.0.0.1:{server.port}/text.txt"],
                capture_output=True, check=True, timeout=10).stdout
            assert DECODERS[coding]()(body) == TEXT


def test_memory_stays_bounded_by_what_is_kept(simple):
    noise = bytes(n * n * n >> 7 & 255 for n in range(100_000))
    files = {f"{number}.bin": noise[number:] + noise[:number] for number in range(400)}
    server = simple(ALL, files=files)
    for number in range(400):
        fetch(server.port, f"/{number}.bin", Accept_Encoding="gzip")
    status = open(f"/proc/{server.workers()[0]}/status").read()
    # 16 MB of bodies, and what the server is by itself.
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) < 60_000


def test_stub_status_tells_what_is_kept(simple):
    server = simple("gzip on; gzip_types *; location = /full { stub_status full; } location = /plain { stub_status; }", files={
        "text.txt": TEXT[:20_000]})
    # A younger file is not kept.
    time.sleep(0.1)
    for _ in range(3):
        fetch(server.port, "/text.txt", Accept_Encoding="gzip")
    lines = fetch(server.port, "/full").body.decode().splitlines()
    assert len(fetch(server.port, "/plain").body.decode().splitlines()) == 4
    files, bodies = (re.fullmatch(r"(\w+) in memory: (\d+) Bytes: (\d+) Hits: (\d+) Misses: (\d+) ", line) for line in lines[4:6])
    assert files[1] == "Files" and files[2] == "1" and int(files[3]) >= 20_000 and files[4] == "2" and files[5] == "1"
    assert bodies[1] == "Bodies" and bodies[2] == "1" and 0 < int(bodies[3]) < 20_000 and bodies[4] == "2" and bodies[5] == "1"


@pytest.mark.parametrize("directive, message", [
    ("brotli_window 3k", "must be 1k, 2k, 4k"), ("brotli_comp_level 12", "value must be between 0 and 11"),
    ("zstd_comp_level 0", "value must be between 1 and 22"), ("zstd_comp_level 23", "value must be between 1 and 22"),
    ("zstd_buffers 0 4k", "invalid value"), ("brotli maybe", 'invalid value "maybe"'), ("zstd_static sometimes", 'invalid value "sometimes"'),
])
def test_wrong_values_are_refused(simple, directive, message):
    with pytest.raises(StartFailure) as failure:
        simple(f"{directive};")
    assert message in failure.value.stderr
