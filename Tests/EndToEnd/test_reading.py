"""Large files that are not in the page cache: read by threads or by the kernel (`aio`), and not left there (`directio`)."""

import hashlib
import os
import pathlib
import re
import subprocess
import threading
import time
import zlib

import pytest

from serving import Backend, Connection, StartFailure, answer, fetch, free_port, request, wait_for
from test_tls import authority  # noqa: F401

SIZE = 12_000_000
CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(SIZE // 32))
FULL = "location = /full { stub_status full; }"


def forget(path):
    """Lets the page cache forget a file."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def cached(path):
    """How many bytes of a file the page cache has."""
    return int(subprocess.run(["fincore", "-b", "-n", "-o", "RES", path], capture_output=True, check=True).stdout)


def reads(server):
    """How many reads threads and the kernel have done, and how many bytes they were."""
    found = re.search(r"Reads of files: (\d+) Bytes: (\d+) \n", fetch(server.port, "/full").text)
    return int(found[1]), int(found[2])


def threads(server, by_kernel=False):
    """The threads that workers have made, or those that the kernel has made for them."""
    names = [path.read_text() for pid in server.workers() for path in pathlib.Path(f"/proc/{pid}/task").glob("[0-9]*/comm")
             if path.parent.name != str(pid)]
    return [name for name in names if name.startswith("iou-") == by_kernel]


def until_read(server, ask):
    """Asks for a cold file until it was read by others than the worker: a disk may be so fast that it is there before anybody could
    wait."""
    for _ in range(20):
        forget(server.big)
        ask()
        if reads(server)[0]:
            return
    pytest.fail("nobody has read anything")


@pytest.fixture
def cold(simple):
    def start(text, **options):
        server = simple(FULL + text, files={"big.bin": CONTENT, "small.bin": CONTENT[:1000]}, **options)
        server.big = server.prefix / "html/big.bin"
        forget(server.big)
        assert cached(server.big) == 0
        return server

    return start


@pytest.mark.parametrize("directive", ["threads", "on", "threads=own", "threads=$arg_pool"])
def test_threads_read_what_is_not_in_the_page_cache(cold, directive):
    server = cold(f"aio {directive};", main="thread_pool own threads=2 max_queue=4;")

    def ask():
        assert fetch(server.port, "/big.bin?pool=own").body == CONTENT

    until_read(server, ask)
    count, size = reads(server)
    assert 0 < size <= count * 524_288


def test_what_is_in_the_page_cache_is_sent_at_once(cold):
    server = cold("aio threads;")
    for _ in range(3):
        # The file was read here, and is there.
        assert server.big.read_bytes() == CONTENT
        assert fetch(server.port, "/big.bin").body == CONTENT
        assert fetch(server.port, "/small.bin").body == CONTENT[:1000]
    assert reads(server) == (0, 0)


def test_without_aio_nothing_is_left_to_threads(cold):
    server = cold("aio off;")
    assert fetch(server.port, "/big.bin").body == CONTENT
    assert reads(server) == (0, 0)


@pytest.mark.parametrize("wanted", ["bytes=5000000-5000099", "bytes=3-9000000", "bytes=-700000", "bytes=0-1,6000000-6300000,11999990-"])
def test_ranges_of_files_that_are_not_in_the_page_cache(cold, wanted):
    server = cold("aio threads; directio 1m;")

    def ask():
        answer = fetch(server.port, "/big.bin", Range=wanted)
        assert answer.status == 206
        if "," in wanted:
            for first, last in [(0, 1), (6000000, 6300000), (11999990, SIZE - 1)]:
                assert CONTENT[first:last + 1] in answer.body
        else:
            first, last = re.fullmatch(r"bytes (\d+)-(\d+)/\d+", answer["Content-Range"]).groups()
            assert answer.body == CONTENT[int(first):int(last) + 1]

    until_read(server, ask)


@pytest.mark.parametrize("options", ["aio threads;", "aio on;", "aio on; directio 1m;", "directio 1m;", "directio 1m; directio_alignment 4k;"])
@pytest.mark.parametrize("way", ["plain", "filtered", "limited", "http2", "tls", "tls-http2"])
def test_every_way_to_a_client(cold, authority, options, way):  # noqa: F811
    text = {"plain": "", "filtered": "gzip on; gzip_types *; gzip_comp_level 1;", "limited": "limit_rate 24m;",
            "http2": "http2 on;"}.get(way, "http2 on;")
    server = cold(text + options + """
        listen 127.0.0.1:%%SECURE%% ssl; ssl_certificate %%CA%%/localhost.crt; ssl_certificate_key %%CA%%/localhost.key;""",
        values={"CA": authority.folder, "SECURE": free_port()})

    def ask():
        if way in ("plain", "filtered", "limited"):
            answer = fetch(server.port, "/big.bin", Accept_Encoding="gzip")
            body = zlib.decompress(answer.body, 31) if way == "filtered" else answer.body
        else:
            origin = f"http://127.0.0.1:{server.port}" if way == "http2" else f"https://localhost:{server.values['SECURE']}"
            how = {"http2": "--http2-prior-knowledge", "tls": "--http1.1", "tls-http2": "--http2"}[way]
            body = subprocess.run(["curl", "-sk", how, origin + "/big.bin"], capture_output=True, check=True, timeout=60).stdout
        assert body == CONTENT

    if "aio" in options:
        return until_read(server, ask)
    ask()
    assert reads(server) == (0, 0)


def test_temporary_files_of_answers(cold):
    # The client takes nothing until all of the answer is in a file, which is sent from the page cache.
    with Backend({"/": answer(CONTENT)}) as backend:
        server = cold(f"aio threads; location /up {{ proxy_pass http://127.0.0.1:{backend.port}/; proxy_buffers 4 4k; }}")
        with Connection(server.port, receive_buffer=65_536, timeout=30) as connection:
            connection.send(request("/up"))
            server.wait_for_log("an upstream response is buffered to a temporary file")
            time.sleep(0.3)
            assert connection.response().body == CONTENT


@pytest.mark.parametrize("options", ["aio threads=few;", "aio on;"])
def test_many_clients_of_cold_files_at_once(cold, options):
    server = cold(options, main="thread_pool few threads=2;", events="worker_aio_requests 4;", workers=2)
    bodies = []

    def ask(number):
        first = number * 1_000_000
        bodies.append(fetch(server.port, "/big.bin", Range=f"bytes={first}-", timeout=60).body == CONTENT[first:])

    threads = [threading.Thread(target=ask, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [True] * 12


@pytest.mark.parametrize("directive", ["threads", "on"])
def test_clients_that_leave_while_their_file_is_read(cold, directive):
    server = cold(f"aio {directive}; keepalive_timeout 1;")
    for _ in range(40):
        forget(server.big)
        with Connection(server.port) as connection:
            connection.send(request("/big.bin"))
            if _ % 2:
                connection.more()
    assert fetch(server.port, "/big.bin").body == CONTENT
    worker = server.workers()[0]
    # No file is left open.
    wait_for(lambda: not [name for name in os.listdir(f"/proc/{worker}/fd")
                          if os.path.realpath(f"/proc/{worker}/fd/{name}").endswith("big.bin")], 10, "the files to be closed")


@pytest.mark.parametrize("directive", ["threads", "on"])
def test_a_file_that_becomes_shorter_while_it_is_sent(cold, directive):
    server = cold(f"aio {directive};")
    with Connection(server.port, receive_buffer=65_536) as connection:
        connection.send(request("/big.bin"))
        connection.more()
        os.truncate(server.big, 2_000_000)
        rest = connection.buffer + connection.rest()
    assert len(rest) < SIZE
    server.wait_for_log(r"sendfile\(\) reported that .* was truncated at \d+ while sending response to client")
    assert fetch(server.port, "/small.bin").status == 200


@pytest.mark.parametrize("options", ["directio 1m; aio threads;", "directio 1m;", "directio 48000000;"])
def test_direct_files_do_not_stay_in_the_page_cache(cold, options):
    server = cold(options)
    large = server.prefix / "html/large.bin"
    large.write_bytes(CONTENT * 4)
    forget(large)
    assert fetch(server.port, "/large.bin", timeout=30).body == CONTENT * 4
    # The network keeps what it has sent last for a while, until there is something else to do.
    wait_for(lambda: cached(large) < 4 * SIZE // 3, 10, "the file to leave the page cache", pause=0.2)


def test_smaller_files_stay_in_the_page_cache(cold):
    server = cold("directio 12000001;")
    assert fetch(server.port, "/big.bin").body == CONTENT
    time.sleep(3)
    assert cached(server.big) > SIZE // 2


def test_direct_files_that_were_in_the_page_cache_stay_there(cold):
    server = cold("directio 1m; aio threads;")
    assert server.big.read_bytes() == CONTENT
    assert fetch(server.port, "/big.bin").body == CONTENT
    time.sleep(3)
    assert cached(server.big) > SIZE // 2


def test_a_pool_that_is_not_there(cold):
    server = cold("aio threads=$arg_pool;")
    assert fetch(server.port, "/big.bin?pool=none").body == CONTENT
    server.wait_for_log(r'\[error\] .* thread pool "none" not found, client: 127\.0\.0\.1')
    assert reads(server) == (0, 0)


def test_a_pool_that_nobody_makes_is_refused(simple):
    with pytest.raises(StartFailure) as refused:
        simple("aio threads=nobodys;")
    assert 'unknown thread pool "nobodys" in ' in refused.value.stderr


def test_threads_are_made_when_they_are_needed(cold):
    server = cold("aio threads;")
    assert threads(server) == []
    until_read(server, lambda: fetch(server.port, "/big.bin"))
    assert 1 <= len(threads(server)) <= 3


def test_who_reads_with_aio_on(cold, event_method):
    server = cold("aio on;")
    until_read(server, lambda: fetch(server.port, "/big.bin"))
    assert bool(threads(server)) == (event_method == "epoll")


def test_the_kernel_may_be_kept_from_reading(cold):
    server = cold("aio on;", events="worker_aio_requests 0;")
    until_read(server, lambda: fetch(server.port, "/big.bin"))
    assert threads(server) and not threads(server, by_kernel=True)


@pytest.mark.parametrize("directive", ["threads", "on"])
def test_workers_end_with_their_reads(cold, directive):
    server = cold(f"aio {directive};")
    assert fetch(server.port, "/big.bin").body == CONTENT
    first = server.workers()
    server.reload()
    wait_for(lambda: not set(first) & set(server.workers()), 10, "the old worker to end")
    forget(server.big)
    assert fetch(server.port, "/big.bin").body == CONTENT
