"""What an idle kept-alive connection costs: memory of the worker's own, and never more than nginx's 535 bytes."""

import re
import resource
import socket

import serving

CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events { worker_connections 16384; }
http {
    %%TEMP%%
    access_log off;
    keepalive_timeout 600;
    server {
        listen 127.0.0.1:%%PORT%% backlog=1024;
        location / { return 200 "hello"; }
    }
}
"""
CONNECTIONS = 5_000
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def private_memory(pid):
    """Bytes that are this process's alone."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        text = rollup.read()
    return sum(int(size) * 1024 for size in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M))


def connect(port, count):
    """Connections that have each had an answer and wait for the next request."""
    made = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(REQUEST)
        received = b""
        while not received.endswith(b"hello"):
            more = client.recv(4096)
            assert more, "closed"
            received += more
        made.append(client)
    return made


def test_idle_connection_takes_at_most_400_bytes(serve):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * CONNECTIONS + 1_000), hard))
    clients = []
    try:
        server = serve(CONFIG)
        worker, = server.workers()
        # The first ones fill pools and tables.
        clients += connect(server.port, 500)
        before = private_memory(worker)
        clients += connect(server.port, CONNECTIONS)
        each = (private_memory(worker) - before) / CONNECTIONS
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"{each:.0f} bytes")
    assert each <= (535 if serving.is_nginx(serving.SUBJECT) else 400), f"{each:.0f} bytes"
