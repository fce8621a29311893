"""kTLS: where the kernel has it, it seals what clients get, and they notice nothing but that. Skipped on other machines."""

import hashlib
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

import serving
from authority import Secure
from serving import request
from test_tls import authority  # noqa: F401

ULP = pathlib.Path("/proc/sys/net/ipv4/tcp_available_ulp")
STATISTICS = pathlib.Path("/proc/net/tls_stat")
pytestmark = [
    pytest.mark.skipif(not ULP.exists() or "tls" not in ULP.read_text().split(), reason="the kernel has no TLS (modprobe tls)"),
    pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="asks when our own kernel takes keys"),
]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
LARGE = bytes(index * 7 % 251 for index in range(3_000_000))
SITE = """
error_log logs/error.log info;
pid nginx.pid;
worker_processes 1;
events { worker_connections 512; }
http {
    %%TEMP%%
    access_log off;
    root html;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    server {
        listen 127.0.0.1:%%PORT%% ssl;
        ssl_conf_command Options KTLS;
        http2 on;
        location /echo { client_max_body_size 10m; proxy_pass http://127.0.0.1:%%PLAIN%%; }
    }
    server { listen 127.0.0.1:%%PLAIN%%; location /echo { client_max_body_size 10m; return 200 "$request_method $content_length"; } }
    server { listen 127.0.0.1:%%OFF%% ssl; }
}
"""


@pytest.fixture
def server(serve, authority):  # noqa: F811
    values = {"CA": authority.folder, "PLAIN": serving.free_port(), "OFF": serving.free_port()}
    made = serve(SITE, start=False, values=values)
    for name, content in {"index.html": b"the index\n", "large": LARGE, "empty": b""}.items():
        (made.prefix / "html" / name).write_bytes(content)
    made.start()
    return made


def sealed():
    """How many connections the kernel has sealed for so far."""
    return int(re.search(r"^TlsTxSw\s+(\d+)", STATISTICS.read_text(), re.M)[1])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kernel_seals_answers_small_and_large(server, authority, version):  # noqa: F811
    before = sealed()
    with Secure(server.port, authority.client(verify=True, version=version), name="localhost") as connection:
        for _ in range(3):
            assert connection.ask(request(close=False)).text == "the index\n"
            assert connection.ask(request("/large", close=False)).body == LARGE
            assert connection.ask(request("/empty", close=False)).body == b""
        body = LARGE[:1_000_000]
        head = f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        assert connection.ask(head + body).text == "POST 1000000"
    assert sealed() == before + 1


@pytest.mark.parametrize("version", VERSIONS)
def test_without_the_option_it_does_not(server, authority, version):  # noqa: F811
    before = sealed()
    with Secure(int(server.values["OFF"]), authority.client(version=version), name="localhost") as connection:
        assert connection.ask(request("/large", close=False)).body == LARGE
    assert sealed() == before


@pytest.mark.parametrize("version", ["--tls-max 1.2", "--tlsv1.3"])
def test_streams_of_http2(server, version, folder):
    before = sealed()
    files = [folder / f"got{number}" for number in range(5)]
    wishes = [word for file in files for word in ("-o", str(file), f"https://127.0.0.1:{server.port}/large")]
    subprocess.run(["curl", "-sk", "--http2", "--parallel", *version.split(), *wishes], check=True, timeout=120)
    assert all(file.read_bytes() == LARGE for file in files)
    assert sealed() > before


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_resumes_its_session(server, authority, version):  # noqa: F811
    before = sealed()
    context = authority.client(version=version)
    session = None
    for round in range(3):
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            with context.wrap_socket(plain, session=session) as connection:
                assert connection.session_reused == (round > 0)
                connection.sendall(request("/index.html"))
                while connection.recv(65_536):
                    pass
                session = connection.session
    assert sealed() == before + 3


@pytest.mark.parametrize("version", VERSIONS)
def test_slow_readers_get_answers_whole_that_end_with_the_connection(server, authority, version):  # noqa: F811
    context = authority.client(version=version)
    # An end without the word that nothing follows is an error then.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    failures = []

    def read(number):
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096 << number % 5)
            plain.settimeout(30)
            plain.connect(("127.0.0.1", server.port))
            with context.wrap_socket(plain) as connection:
                connection.sendall(request("/large"))
                time.sleep(0.3)
                got = b""
                while part := connection.recv(65_536):
                    got += part
                    time.sleep(0.001)
                if hashlib.sha256(got.partition(b"\r\n\r\n")[2]).digest() != hashlib.sha256(LARGE).digest():
                    failures.append((number, len(got)))

    readers = [threading.Thread(target=read, args=[number]) for number in range(10)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert not failures


def test_rubbish_is_answered_with_an_alert(server, authority):  # noqa: F811
    context = authority.client(version=ssl.TLSVersion.TLSv1_3)
    with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65_536))
        plain.sendall(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))
        while part := plain.recv(65_536):
            incoming.write(part)
        with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
            tls.read()
