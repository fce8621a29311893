"""What a burst of requests has taken of memory is given back when it is over."""

import gzip
import subprocess

import pytest

import serving

CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events { worker_connections 1024; }
http {
    %%TEMP%%
    access_log off;
    server {
        listen 127.0.0.1:%%PORT%%;
        http2 on;
        root html;
        location / { limit_rate 1k; }
        location /zipped/ { alias html/; limit_rate 1k; gzip on; gzip_types *; gzip_comp_level 9; }
        location /packed/ { alias html/; limit_rate 1k; gzip_static always; gunzip on; }
        location /page/ { ssi on; ssi_types text/plain; }
    }
}
"""
# Mostly 6 MB stay, now and then up to 12: pages on which something small is still in use.
LEFT = 16_000_000
# nginx frees the pools of requests one by one, too, but leaves the rest to the C library.
promised = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="only Apus promises this")


def resident(pid):
    """Bytes of memory that are the process's own."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Private_Dirty", "Private_Clean")))


@promised
def test_memory_of_a_burst_is_given_back(serve):
    server = serve(CONFIG)
    burst(server, 40_000_000, [("/large.txt", 10_000)])


@promised
def test_memory_of_idle_compressors_is_given_back(serve):
    """What modules keep for requests to come is given up, too; that nothing of it stays is held by tests of the site."""
    server = serve(CONFIG)
    (server.prefix / "html/packed.txt.gz").write_bytes(gzip.compress(b"".join(b"%d\n" % (n * n) for n in range(100_000))))
    burst(server, 60_000_000, [("/large.txt", 10_000), ("/zipped/large.txt", 100), ("/packed/packed.txt", 100)])


def burst(server, least, loads):
    """Answers many requests at a time, whose clients leave; what is left of the memory for that is little soon."""
    (server.prefix / "html/large.txt").write_bytes(b"".join(b"%d\n" % (n * n) for n in range(40_000)))
    [worker] = server.workers()
    before = resident(worker)
    # Each answer would take minutes: all of them are under way when the clients leave.
    clients = [
        subprocess.Popen(
            ["h2load", "-t1", "-c100", f"-m{count // 100}", f"-n{count}", "-H", "accept-encoding: gzip" if "zipped" in path else "a: b",
             f"http://127.0.0.1:{server.port}{path}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path, count in loads]
    try:
        serving.wait_for(lambda: resident(worker) > before + least, 30)
    finally:
        for client in clients:
            client.kill()
            client.wait()
    serving.wait_for(lambda: resident(worker) - before < LEFT, 20, "memory given back")


@promised
def test_memory_of_a_page_of_many_parts_is_given_back(serve):
    """Each part includes two others, over and over: the requests for them are freed with one answer."""
    server = serve(CONFIG)
    (server.prefix / "html/page").mkdir()
    depth = 12
    for number in range(depth):
        part = f'<!--#include virtual="/page/{number + 1}" -->'
        (server.prefix / f"html/page/{number}").write_text(part * 2)
    (server.prefix / f"html/page/{depth}").write_text("x")
    [worker] = server.workers()
    before = resident(worker)
    assert serving.fetch(server.port, "/page/0").body == b"x" * 2**depth
    assert resident(worker) > before + 40_000_000
    serving.wait_for(lambda: resident(worker) - before < LEFT, 20, "memory given back")
