"""However a handshake ends, and wherever it is broken off: the server does not grow."""

import random
import socket
import ssl

import pytest

import counting
import serving
from authority import Authority

CONFIG = """
worker_processes 1;
pid nginx.pid;
error_log logs/error.log crit;
events { }
http {
    %%TEMP%%
    access_log off;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    ssl_early_data on;
    ssl_session_cache shared:sessions:64k;
    server {
        listen 127.0.0.1:%%PORT%% ssl;
        server_name localhost;
        location / { return 200 "hello"; }
        location /untrusted { proxy_pass https://127.0.0.1:%%PORT%%; proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%/other/ca.crt; }
        location /unsealed { proxy_pass https://127.0.0.1:%%PLAIN%%; }
    }
    server { listen 127.0.0.1:%%PORT%% ssl; server_name rejected; ssl_reject_handshake on; }
    server {
        listen 127.0.0.1:%%PORT%% ssl; server_name verified;
        ssl_verify_client on; ssl_client_certificate %%CA%%/ca.crt;
        location / { return 200 "hello"; }
    }
    server { listen 127.0.0.1:%%PLAIN%%; location / { return 200 "hello"; } }
}
"""
ROUND = 150
VERSIONS = {"12": ssl.TLSVersion.TLSv1_2, "13": ssl.TLSVersion.TLSv1_3}


class Cut(Exception):
    """So much was sent as was to be sent."""


def converse(port, context, name, request=None, limit=None, session=None):
    """A handshake and a request, of which `limit` bytes are sent at most. Returns the answer and the session."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.settimeout(5)
        # Or the end of a handshake and the request behind it would wait for each other: 40 ms a connection.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = 0

        def step(call):
            nonlocal sent
            while True:
                try:
                    outcome = call()
                except ssl.SSLWantReadError:
                    outcome = None
                out = outgoing.read()
                line.sendall(out if limit is None else out[:limit - sent])
                sent += len(out)
                if limit is not None and sent >= limit:
                    raise Cut
                if outcome is not None:
                    return outcome
                more = line.recv(65_536)
                if not more:
                    raise ConnectionResetError
                incoming.write(more)

        def shake():
            client.do_handshake()
            return True

        try:
            step(shake)
            step(lambda: client.write(request or b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            return step(lambda: client.read(65_536)), client.session
        except (Cut, OSError):
            # An alert of ours, if there is one.
            if limit is None:
                line.sendall(outgoing.read())
            return None, None


def client(authority, version, verify=False, certificate=None, ciphers=None, groups=None):
    context = authority.client(verify=verify, version=VERSIONS[version], certificate=certificate)
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def talks(name="localhost", **options):
    return lambda port, authority, other, version: (
        lambda context: lambda number: converse(port, context, name))(client(authority, version, **options))


def refused(port, authority, other, version):
    """The client does not trust the server, and says so."""
    context = client(other, version, verify=True)
    return lambda number: converse(port, context, "localhost")


def stranger(port, authority, other, version):
    """The server does not trust the client."""
    context = client(other, version, certificate="client")
    return lambda number: converse(port, context, "verified")


def unshared(port, authority, other, version):
    context = client(authority, "12", ciphers="AES128-SHA:@SECLEVEL=0")
    return lambda number: converse(port, context, "localhost")


def torn(port, authority, other, version):
    context = client(authority, version)
    return lambda number: converse(port, context, "localhost", limit=1 + number * 7 % 700)


def torn_when_resumed(port, authority, other, version):
    context = client(authority, version)
    session = converse(port, context, "localhost")[1]
    return lambda number: converse(port, context, "localhost", limit=1 + number * 7 % 700, session=session)


def raw(make):
    def begin(port, authority, other, version):
        def run(number):
            with serving.Connection(port) as line:
                line.socket.sendall(make(number))
                line.socket.shutdown(socket.SHUT_WR)
                line.rest()
        return run
    return begin


def asks(path):
    def begin(port, authority, other, version):
        context = client(authority, version)
        request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        return lambda number: converse(port, context, "localhost", request)
    return begin


WAYS = {
    "whole": talks(),
    "rejected": talks("rejected"),
    "without-certificate": talks("verified"),
    "with-certificate": talks("verified", certificate="client"),
    "stranger": stranger,
    "refused": refused,
    "unshared-ciphers": unshared,
    "torn": torn,
    "torn-when-resumed": torn_when_resumed,
    "plain": raw(lambda number: b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "garbage": raw(lambda number: b"\x16\x03\x01" + random.Random(number).randbytes(number * 5)),
    "untrusted-upstream": asks("/untrusted"),
    "unsealed-upstream": asks("/unsealed"),
}


@pytest.fixture(scope="session")
def authorities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    made, other = Authority(folder), Authority(folder / "other", "other")
    for each in (made, other):
        each.sign("localhost")
        each.sign("client")
    for path in (folder, *folder.parents[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    return made, other


# Ways that are the same whatever the version.
OF_NO_VERSION = {"unshared-ciphers", "plain", "garbage"}


@pytest.mark.parametrize("way, version", [
    (way, version) for way in WAYS for version in VERSIONS if version == "12" or way not in OF_NO_VERSION])
def test_server_does_not_grow_by_handshakes(serve, shim, folder, authorities, way, version):
    counts = counting.Counts(shim, folder)
    authority, other = authorities
    server = serve(CONFIG, start=False, values={"CA": authority.folder, "PLAIN": serving.free_port()})
    server.start(env=counts.environment)
    run = WAYS[way](server.port, authority, other, version)

    def round():
        for number in range(ROUND):
            run(number)
        # What they have left is closed when this is answered.
        assert converse(server.port, client(authority, version), "localhost")[0].endswith(b"hello")
        return counts.living

    round()
    levels = [round() for _ in range(3)]
    grown = [after - before for before, after in zip(levels, levels[1:])]
    # What each handshake leaves behind shows in every round.
    assert min(grown) < ROUND // 10, grown
