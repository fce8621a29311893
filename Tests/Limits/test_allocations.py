"""What a kept-alive request allocates once the server is warm: nothing."""

import subprocess

import pytest

import counting
import gateways
import serving

CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log;
events { }
http {
    %%TEMP%%
    access_log logs/access.log;
    keepalive_requests 1000000;
    upstream gateway { server 127.0.0.1:%%GATEWAY%%; keepalive_requests 1000000; }
    upstream memory { server 127.0.0.1:%%MEMORY%%; keepalive_requests 1000000; }
    upstream application { server 127.0.0.1:%%UPSTREAM%%; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%%PORT%%;
        root html;
        location = /return { return 200 "hello"; }
        location = /fastcgi {
            fastcgi_keep_conn on;
            fastcgi_param DOCUMENT_URI $document_uri;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass gateway;
        }
        location = /memcached { set $memcached_key $uri; memcached_pass memory; }
        location /application/ { proxy_pass http://application; }
    }
}
"""
ROUND = 500
# nginx allocates pools: three blocks a request.
promised = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="only Apus promises this")


@pytest.fixture
def counted(serve, shim, folder, application):
    """The function that tells what a request for a path allocates."""
    counts = counting.Counts(shim, folder)
    gateway = gateways.FastCGI({"*": [gateways.FastCGI.framed(b"Content-Length: 5\r\nX-Own: a\r\n\r\nhello"), "keep"]})
    memory = gateways.Memcached({"*": [b"VALUE /memcached 0 5\r\nhello\r\nEND\r\n", "keep"]})
    values = {"UPSTREAM": application.port, "GATEWAY": gateway.port, "MEMORY": memory.port}
    server = serve(CONFIG, start=False, values=values)
    (server.prefix / "html/file.txt").write_bytes(b"f" * 1024)
    server.start(env=counts.environment)

    def of(path):
        with serving.Connection(server.port) as client:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

            def ask(times):
                for _ in range(times):
                    client.send(request)
                    assert client.response().status == 200

            # Pools fill, tables grow to their size, the timers' wheel has seen each of its places.
            ask(ROUND)
            best = None
            # What happens once a second, or for the first time, belongs to no request: the best of some rounds counts.
            for _ in range(5):
                before = counts.allocated
                ask(ROUND)
                made = counts.allocated - before
                best = made if best is None else min(best, made)
            return best / ROUND

    yield of
    gateway.close()
    memory.close()


def test_counting_counts(shim, folder):
    counts = counting.Counts(shim, folder)
    subprocess.run(["/bin/ls", "/"], check=True, capture_output=True, env=counts.environment)
    assert counts.allocated > 10
    assert 0 <= counts.living < counts.allocated


@promised
def test_return_allocates_nothing(counted):
    assert counted("/return") == 0


@promised
def test_small_file_allocates_nothing(counted):
    assert counted("/file.txt") == 0


@promised
def test_proxied_request_allocates_nothing(counted):
    assert counted("/application/") == 0


@promised
@pytest.mark.parametrize("path", ["/fastcgi", "/memcached"])
def test_request_of_a_gateway_allocates_nothing(counted, path):
    assert counted(path) == 0
