"""Settings of TLS whose effect a client sees: sessions between servers, what is kept over reloads, records, plaintext."""

import contextlib
import os
import socket
import ssl
import struct
import threading

import pytest

import serving
from authority import Secure, ask
from serving import request
from test_tls import VERSIONS, authority, secure  # noqa: F401

TWO = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
%%SETTINGS%%
server { listen 127.0.0.1:%%PORT%% ssl; server_name open.test; location / { return 200 "$ssl_session_reused $ssl_client_verify"; } }
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name strict.test; %%STRICT%%
    location / { return 200 "$ssl_session_reused $ssl_client_verify"; }
}
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("settings", ["", "ssl_session_tickets off; ssl_session_cache shared:S:1m;", "ssl_session_cache shared:S:1m;"])
def test_a_session_of_a_server_without_certificates_does_not_open_one_with(secure, authority, version, settings):  # noqa: F811
    server = secure(TWO, SETTINGS=settings, STRICT=f"ssl_verify_client on; ssl_client_certificate {authority.folder}/ca.crt;")
    context = authority.client(version=version)
    with Secure(server.port, context, name="open.test") as connection:
        answer = connection.ask(request(host="open.test", close=False))
        assert answer.text == ". NONE"
        session = connection.socket.session
    with Secure(server.port, context, name="strict.test", session=session) as connection:
        answer = connection.ask(request(host="strict.test"))
        assert not connection.socket.session_reused
        assert answer.status == 400 and "No required SSL certificate was sent" in answer.text
    # Nor by asking for another server than the handshake was with.
    with Secure(server.port, context, name="open.test") as connection:
        assert connection.ask(request(host="strict.test")).status == 421


@pytest.mark.parametrize("version", VERSIONS)
def test_a_verified_client_is_not_taken_for_one_by_another_authority_s_rules(secure, authority, version):  # noqa: F811
    """What one server has verified against its authority is no proof for another's."""
    server = secure(
        TWO, SETTINGS=f"ssl_session_cache shared:S:1m; ssl_verify_client on; ssl_client_certificate {authority.folder}/ca.crt;",
        STRICT=f"ssl_client_certificate {authority.folder}/rsa.crt;")
    context = authority.client(version=version, certificate="other")
    with Secure(server.port, context, name="open.test") as connection:
        assert connection.ask(request(host="open.test", close=False)).text == ". SUCCESS"
        session = connection.socket.session
    with Secure(server.port, context, name="strict.test", session=session) as connection:
        answer = connection.ask(request(host="strict.test"))
        assert not connection.socket.session_reused and answer.status == 400


def records(port, version, path):
    """The sizes of the records of an answer, as they are on the wire."""
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(10)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)

        def pump(step):
            while True:
                try:
                    done = step()
                    raw.sendall(outgoing.read())
                    return done
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    incoming.write(raw.recv(65536))

        pump(tls.do_handshake)
        pump(lambda: tls.write(request(path)))
        wire = b""
        while data := raw.recv(65536):
            wire += data
    sizes = []
    while len(wire) >= 5:
        kind, length = wire[0], struct.unpack(">H", wire[3:5])[0]
        if kind == 23:
            sizes.append(length)
        wire = wire[5 + length:]
    return sizes


@pytest.mark.parametrize("size", ["4k", "16k"])
def test_records_grow_up_to_the_configured_size(secure, authority, size):  # noqa: F811
    server = secure(f"""ssl_certificate %%CA%%/localhost.crt; ssl_certificate_key %%CA%%/localhost.key; ssl_buffer_size {size};
                        server {{ listen 127.0.0.1:%%PORT%% ssl; }}""", files={"big": os.urandom(300_000)})
    sizes = records(server.port, ssl.TLSVersion.TLSv1_2, "/big")
    most = int(size[:-1]) * 1024
    # Some bytes of a record are the seal's.
    assert sizes[1] < 1_500 and most <= max(sizes) < most + 64, sizes[:20]


@pytest.mark.parametrize("inheritable", ["on", "off"])
def test_a_reload_takes_over_a_certificate_whose_file_looks_the_same(secure, authority, inheritable):  # noqa: F811
    """A file that is written over in place, with the time it had, is not read again; unless nothing is to be inherited."""
    server = secure(f"""server {{ listen 127.0.0.1:%%PORT%% ssl; ssl_certificate %%PREFIX%%/one.crt;
                        ssl_certificate_key %%PREFIX%%/one.key; location / {{ return 200 x; }} }}""", start=False)
    text = (server.prefix / "nginx.conf").read_text().replace("%%PREFIX%%", str(server.prefix))
    text = f"ssl_object_cache_inheritable {inheritable};\n" + text
    (server.prefix / "nginx.conf").write_text(text)

    def write(name):
        for end in ("crt", "key"):
            path = server.prefix / f"one.{end}"
            path.write_bytes((authority.folder / f"{name}.{end}").read_bytes())
            os.utime(path, ns=(10**18, 10**18))

    def shown():
        with Secure(server.port, authority.client(verify=True), name="localhost") as connection:
            return dict(pair[0] for pair in connection.socket.getpeercert()["subject"])["commonName"]

    write("localhost")
    server.start()
    assert shown() == "localhost"
    write("other")
    server.reload()
    assert shown() == ("localhost" if inheritable == "on" else "other.example")


def test_commands_for_openssl_are_obeyed(secure, authority):  # noqa: F811
    server = secure(f"""ssl_certificate %%CA%%/localhost.crt; ssl_certificate_key %%CA%%/localhost.key;
                        server {{ listen 127.0.0.1:%%PORT%% ssl; ssl_conf_command Protocol -ALL,TLSv1.2;
                                  ssl_conf_command CipherString ECDHE-ECDSA-AES128-GCM-SHA256;
                                  location / {{ return 200 "$ssl_protocol $ssl_cipher"; }} }}""")
    assert ask(server.port, authority.client()).text == "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256"
    with pytest.raises(ssl.SSLError):
        ask(server.port, authority.client(version=ssl.TLSVersion.TLSv1_3))


# ------------------------------------------------------------------------------------ plaintext

def greeting(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing


@pytest.mark.parametrize("version", VERSIONS)
def test_plaintext_behind_a_client_s_greeting_is_never_served(secure, authority, version):  # noqa: F811
    """What somebody in between puts behind the first or the last words of the handshake is no request."""
    server = secure("""ssl_certificate %%CA%%/localhost.crt; ssl_certificate_key %%CA%%/localhost.key;
                       server { listen 127.0.0.1:%%PORT%% ssl; }""")
    evil = b"GET /evil HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for place in ("greeting", "between", "end"):
        tls, incoming, outgoing = greeting(authority.client(version=version))
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.settimeout(5)
            raw.sendall(outgoing.read() + (evil if place == "greeting" else b""))
            got = b""
            try:
                while data := raw.recv(65536):
                    got += data
                    incoming.write(data)
                    try:
                        tls.do_handshake()
                        tls.write(b"")
                    except ssl.SSLWantReadError:
                        pass
                    if said := outgoing.read():
                        raw.sendall(evil + said if place == "between" else said + evil)
            except (ssl.SSLError, ConnectionError, TimeoutError):
                pass
            assert b"HTTP/1.1" not in got
    assert ask(server.port, authority.client(), "/").status == 200
    assert "evil" not in (server.prefix / "logs/access.log").read_text()


@pytest.mark.parametrize("place", ["instead", "before", "behind"])
def test_plaintext_of_an_upstream_is_never_its_answer(simple, authority, place):  # noqa: F811
    """In the place of its greeting, before it, or behind it, before the handshake is over."""
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("localhost.crt"), authority.path("localhost.key"))

    def serve_one(listener):
        connection, _ = listener.accept()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        with connection:
            connection.settimeout(5)
            incoming.write(connection.recv(65536))
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            said = outgoing.read()
            connection.sendall({"instead": evil, "before": evil + said, "behind": said + evil}[place])
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve_one, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        server = simple(f"location / {{ proxy_pass https://127.0.0.1:{port}; }}")
        answer = serving.fetch(server.port, "/")
        assert answer.status == 502 and "evil" not in answer.text
        # Behind the last words of the handshake it is read as a record.
        server.wait_for_log(r"(SSL_do_handshake|SSL_read)\(\) failed \(SSL: error:0A00010B:SSL routines::wrong version number\)")
