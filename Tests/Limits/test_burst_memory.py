"""What a burst of requests has taken of memory is given back when it is over."""

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
    }
}
"""
# nginx frees the pools of requests one by one, too, but leaves the rest to the C library.
promised = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="only Apus promises this")


def resident(pid):
    """Bytes of memory that are the process's own."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Private_Dirty", "Private_Clean")))


@promised
def test_memory_of_a_burst_is_given_back(serve):
    server = serve(CONFIG)
    (server.prefix / "html/large.txt").write_bytes(b"l" * 100_000)
    [worker] = server.workers()
    before = resident(worker)
    # Each of 10,000 answers would take a minute and more: all of them are under way when the clients leave.
    clients = subprocess.Popen(
        ["h2load", "-t1", "-c100", "-m100", "-n10000", f"http://127.0.0.1:{server.port}/large.txt"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        serving.wait_for(lambda: resident(worker) > before + 40_000_000, 30)
    finally:
        clients.kill()
        clients.wait()
    serving.wait_for(lambda: resident(worker) - before < 8_000_000, 20)
