"""What is done to bodies on their way out: that it is bounded, and what becomes of an answer that cannot be completed."""

import gzip
import re

from serving import Connection, fetch, request

LOCATIONS = """
    gzip_static always;
    gunzip on;
"""


def resident(server):
    status = open(f"/proc/{server.workers()[0]}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def test_much_of_little_does_not_gather_in_memory(simple):
    size = 100_000_000
    server = simple(LOCATIONS, files={"bomb.gz": gzip.compress(bytes(size), 9, mtime=0)})
    before = resident(server)
    with Connection(server.port, receive_buffer=4096) as slow:
        slow.send(request("/bomb", version="1.0"))
        slow.more()
        assert resident(server) - before < 30_000_000
        zeros = slow.buffer.count(0)
        while data := slow.socket.recv(1_000_000):
            zeros += data.count(0)
    assert zeros == size
    assert resident(server) - before < 30_000_000


def test_a_page_that_shows_a_long_value_again_and_again(simple):
    """Each command of some bytes shows 40 KB, and the client takes little."""
    page = '<!--#set var="v" value="' + "x" * 200 + '" -->'
    for times in (10, 20):
        page += '<!--#set var="v" value="' + "$v" * times + '" -->'
    page += '<!--#echo var="v" -->' * 1_000
    server = simple("ssi on; ssi_types *;", files={"page": page.encode()})
    before = resident(server)
    with Connection(server.port, receive_buffer=4096) as slow:
        slow.send(request("/page", version="1.0"))
        slow.more()
        assert resident(server) - before < 8_000_000
        shown = slow.buffer.count(b"x")
        while data := slow.socket.recv(1_000_000):
            shown += data.count(b"x")
    assert shown >= 1_000 * 40_000
    assert resident(server) - before < 8_000_000


def test_a_broken_compressed_answer_is_broken_off(simple):
    whole = gzip.compress(b"a text " * 50_000, mtime=0)
    files = {"cut.gz": whole[:-20], "followed.gz": whole + b"and something else", "small.gz": b"not compressed"}
    server = simple(LOCATIONS, files=files)
    for path in ("/cut", "/followed"):
        answer = fetch(server.port, path)
        assert answer.status == 200 and not answer.complete
    with Connection(server.port) as connection:
        connection.send(request("/small"))
        connection.rest()
    log = server.log()
    assert "inflate() failed: 4, -3" in log and "on response end" in log
    assert fetch(server.port, "/").status == 200
