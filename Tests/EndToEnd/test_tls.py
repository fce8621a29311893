"""TLS for clients, with real ones: Python's ssl module, curl, openssl s_client."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

import pytest

import serving
from authority import Authority, Secure, ask
from serving import request

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
FRAME = """
error_log logs/error.log info;
pid nginx.pid;
worker_processes %%WORKERS%%;
events { worker_connections 512; }
http {
    %%TEMP%%
    access_log logs/access.log;
    root html;
    %%HTTP%%
}
"""


@pytest.fixture(scope="session")
def authority():
    # Not among pytest's own folders, which workers may not enter.
    made = Authority(tempfile.mkdtemp(prefix="apus-authority-"))
    made.folder.chmod(0o755)
    made.sign("localhost", alternatives=["DNS:localhost", "DNS:*.test.example"])
    made.sign("rsa", kind="rsa")
    made.sign("other", subject="other.example")
    made.sign("locked", password="secret")
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture
def secure(serve, authority):
    """Serves an http block with TLS; `CA` stands for the folder of certificates."""
    def start(http, workers=1, start=True, files=None, **values):
        server = serve(FRAME, start=False, values={"WORKERS": workers, "HTTP": "", "CA": authority.folder, **values})
        # Twice: values may name others.
        server.values["HTTP"] = server.render(server.render(http))
        server.configure(FRAME)
        for path, content in {"index.html": b"the index\n", **(files or {})}.items():
            (server.prefix / "html" / path).write_bytes(content)
        if start:
            server.start()
        return server
    return start


ONE = """
server {
    listen 127.0.0.1:%%PORT%% ssl;
    ssl_protocols TLSv1.2 TLSv1.3;
    server_name localhost;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    location /scheme { return 200 "$scheme $https $server_port"; }
    location /echo { client_max_body_size 10m; proxy_pass http://127.0.0.1:%%PORT%%; }
}
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_pages_small_and_large_over_every_version(secure, authority, version):
    large = bytes(index * 7 % 251 for index in range(3_000_000))
    server = secure(ONE, files={"large": large})
    context = authority.client(verify=True, version=version)
    with Secure(server.port, context, name="localhost") as connection:
        assert connection.ask(request(close=False)).text == "the index\n"
        assert connection.ask(request("/scheme", close=False)).text == f"https on {server.port}"
        assert connection.ask(request("/large", close=False)).body == large
        assert connection.ask(request("/", close=False)).text == "the index\n"
        connection.send(request(close=False) * 4 + request("/scheme"))
        for _ in range(4):
            assert connection.response().text == "the index\n"
        assert connection.response().text.startswith("https on")
        # The end is told, not only the socket closed.
        assert connection.rest() == b""


def test_a_client_that_reads_slowly_gets_all_of_it(secure, authority):
    large = bytes(index * 13 % 251 for index in range(4_000_000))
    server = secure(ONE, files={"large": large})
    with Secure(server.port, authority.client(), receive_buffer=4096) as connection:
        connection.send(request("/large"))
        time.sleep(0.3)
        assert connection.response().body == large


SLOW = """
server {
    listen 127.0.0.1:%%PORT%% ssl;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    location /limited { limit_rate 2k; alias html/large; }
    location /unheeding { proxy_ignore_client_abort on; proxy_pass https://127.0.0.1:%%PORT%%/limited; }
}
"""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/limited", "/unheeding"])
def test_an_answer_under_way_does_not_wait_for_ever_behind_a_bad_record(secure, authority, path, version):
    """Nothing could be sent any more, and nobody said so: the connection was held for ever, and the worker with it."""
    server = secure(SLOW, files={"large": bytes(100_000)})
    with Secure(server.port, authority.client(version=version)) as connection:
        connection.send(request(path))
        assert connection.socket.recv(1)
        os.write(connection.socket.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        server.wait_for_log(rf'"GET {path} HTTP/1.1" 200 ', "access.log")
        # Our end stays open: it is the server that ends the connection.
        worker = server.workers()[0]
        server.send_signal(signal.SIGHUP)
        serving.wait_for(lambda: not serving.is_alive(worker), 5, "the end of the worker")


def test_many_requests_over_one_connection_in_pieces(secure, authority):
    server = secure(ONE)
    with Secure(server.port, authority.client()) as connection:
        for _ in range(3):
            connection.send(request(close=False), piece=3)
            assert connection.response().text == "the index\n"


def test_plain_http_on_the_port_of_tls(secure):
    server = secure(ONE)
    answer = serving.fetch(server.port)
    assert answer.status == 400 and "The plain HTTP request was sent to HTTPS port" in answer.text
    server.wait_for_log(r"\[info\] .* client sent plain HTTP request to HTTPS port while reading client request headers, client")


NAMES = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
server { listen 127.0.0.1:%%PORT%% ssl; server_name first; location / { return 200 "first"; } }
server {
    listen 127.0.0.1:%%PORT%% ssl; server_name other.example;
    ssl_certificate %%CA%%/other.crt; ssl_certificate_key %%CA%%/other.key;
    location / { return 200 "other"; }
}
server { listen 127.0.0.1:%%PORT%% ssl; server_name refused; ssl_reject_handshake on; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name ~^(?<who>\\w+)\\.regex$; location / { return 200 "regex $who"; } }
"""


def subject(port, context, name):
    with Secure(port, context, name=name) as connection:
        return dict(pair[0] for pair in connection.socket.getpeercert()["subject"])["commonName"]


def test_names_select_certificate_and_server(secure, authority):
    server = secure(NAMES)
    context = authority.client(verify=True)
    assert subject(server.port, context, "other.example") == "other.example"
    assert subject(server.port, context, "OTHER.example") == "other.example"
    assert subject(server.port, context, "unknown") == "localhost"
    assert subject(server.port, context, None) == "localhost"
    assert ask(server.port, context, name="other.example").text == "other"
    assert ask(server.port, context, name="first", sni="other.example").text == "first"
    assert ask(server.port, context, name="a.regex").text == "regex a"
    assert ask(server.port, context, name="b.regex", sni="a.regex").text == "regex b"
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        ask(server.port, context, name="refused")
    server.wait_for_log(r"\[info\] .* handshake rejected while SSL handshaking, client: 127.0.0.1, server: 127.0.0.1:")


@pytest.mark.parametrize("options, is_acknowledged", [
    (["-tls1_2", "-servername", "localhost"], True), (["-tls1_2", "-servername", "unknown.example"], True),
    (["-tls1_2", "-noservername"], False)])
def test_a_name_is_acknowledged(secure, options, is_acknowledged):
    server = secure(ONE)
    shown = subprocess.run(
        ["openssl", "s_client", "-tlsextdebug", "-connect", f"127.0.0.1:{server.port}", *options], input="",
        capture_output=True, text=True, timeout=10).stdout
    assert "TLSv1.2" in shown
    assert ('TLS server extension "server name" (id=0), len=0' in shown) == is_acknowledged


def test_rubbish_gets_an_alert_and_a_line(secure):
    server = secure(ONE)
    answer = serving.exchange(server.port, b"\x16\x03\x01\x00\x05hello")
    assert answer[:1] == b"\x15"
    server.wait_for_log(r"\[(info|crit)\] .* SSL_do_handshake\(\) failed \(SSL: error:.*\) while SSL handshaking, client")
    with serving.Connection(server.port) as connection:
        connection.send(b"\x16\x03\x01")
    server.wait_for_log(r"\[info\] .* peer closed connection in SSL handshake while SSL handshaking, client")
    with serving.Connection(server.port):
        pass
    server.wait_for_log(r"\[info\] .* client closed connection while SSL handshaking, client")


def test_a_handshake_that_takes_too_long(secure):
    server = secure(ONE.replace("server_name", "client_header_timeout 1s; server_name"))
    with serving.Connection(server.port) as connection:
        connection.send(b"\x16\x03\x01")
        assert connection.is_closed(within=5)
    server.wait_for_log(r"\[info\] .* client timed out \(110: .*\) while SSL handshaking, client")


def test_renegotiation_is_refused(secure):
    server = secure(ONE)
    done = subprocess.run(
        ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{server.port}"], input="R\n",
        capture_output=True, text=True, timeout=20)
    assert re.search("no renegotiation", done.stderr + done.stdout)
    assert serving.fetch(server.port).status == 400


@pytest.mark.parametrize("text, message", [
    ("ssl_certificate %%CA%%/absent.crt; ssl_certificate_key %%CA%%/rsa.key;",
     r'\[emerg\] cannot load certificate "%%CA%%/absent.crt": BIO_new_file\(\) failed \(SSL: error:80000002:system '
     r'library::No such file or directory'),
    ("ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/absent.key;",
     r'\[emerg\] cannot load certificate key "%%CA%%/absent.key": BIO_new_file\(\) failed \(SSL: error:80000002:'),
    ("ssl_certificate %%CA%%/ca.cnf; ssl_certificate_key %%CA%%/rsa.key;",
     r'\[emerg\] cannot load certificate "%%CA%%/ca.cnf": PEM_read_bio_X509_AUX\(\) failed'),
    ("ssl_certificate %%CA%%/other.crt; ssl_certificate_key %%CA%%/localhost.key;",
     r'\[emerg\] SSL_CTX_use_PrivateKey\("%%CA%%/localhost.key"\) failed \(SSL: error:.*key values mismatch'),
    ("ssl_certificate %%CA%%/rsa.crt;", r'\[emerg\] no "ssl_certificate_key" is defined for certificate "%%CA%%/rsa.crt"'),
    ("ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/rsa.key; ssl_ciphers NONSENSE;",
     r'\[emerg\] SSL_CTX_set_cipher_list\("NONSENSE"\) failed \(SSL: error:'),
    ("ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/rsa.key; ssl_ecdh_curve nonsense;",
     r'\[emerg\] SSL_CTX_set1_curves_list\("nonsense"\) failed'),
    ("ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/rsa.key; ssl_verify_client on;",
     r"\[emerg\] no ssl_client_certificate"),
    ("ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/rsa.key; ssl_conf_command Nonsense x;",
     r'\[emerg\] SSL_CONF_cmd\("Nonsense", "x"\) failed'),
    ("ssl_certificate %%CA%%/locked.crt; ssl_certificate_key %%CA%%/locked.key; ssl_password_file %%CA%%/ca.cnf;",
     r'\[emerg\] cannot load certificate key "%%CA%%/locked.key": PEM_read_bio_PrivateKey\(\) failed'),
    ("ssl_password_file %%CA%%/absent;", r'\[emerg\] open\(\) "%%CA%%/absent" failed \(2: No such file or directory\) in '),
    ("", r'\[emerg\] no "ssl_certificate" is defined for the "listen \.\.\. ssl" directive in .*nginx.conf:'),
])
def test_mistakes_have_nginx_s_messages(secure, text, message):
    server = secure("server { listen 127.0.0.1:%%PORT%% ssl; " + text + " }", start=False)
    said = server.run("-t")
    assert said.returncode == 1
    assert re.search(server.render(message), said.stderr), said.stderr


def test_a_locked_key_and_a_file_of_passwords(secure, authority):
    passwords = authority.folder / "passwords"
    passwords.write_text("wrong\n\nsecret\n")
    server = secure("""server { listen 127.0.0.1:%%PORT%% ssl; ssl_password_file %%CA%%/passwords;
        ssl_certificate %%CA%%/locked.crt; ssl_certificate_key %%CA%%/locked.key; }""")
    assert ask(server.port, authority.client(verify=True)).text == "the index\n"


def test_two_kinds_of_certificates(secure, authority):
    server = secure("""server { listen 127.0.0.1:%%PORT%% ssl;
        ssl_certificate %%CA%%/localhost.crt; ssl_certificate_key %%CA%%/localhost.key;
        ssl_certificate %%CA%%/rsa.crt; ssl_certificate_key %%CA%%/rsa.key; }""")
    context = authority.client(verify=True, version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert subject(server.port, context, None) == "rsa"
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    assert subject(server.port, context, None) == "localhost"


PROXIED = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
server {
    listen 127.0.0.1:%%PORT%% ssl proxy_protocol;
    return 200 "$scheme $proxy_protocol_addr:$proxy_protocol_port";
}
"""


@pytest.mark.parametrize("preamble, told", [
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n", "https 192.0.2.1:123"),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 2, 1, 0, 2, 0]), "https 192.0.2.7:256"),
])
def test_the_proxy_protocol_before_tls(secure, authority, preamble, told):
    server = secure(PROXIED)
    with Secure(server.port, authority.client(), name="localhost", preamble=preamble) as connection:
        assert connection.ask(request()).text == told


def test_tls_where_the_proxy_protocol_is_expected(secure, authority):
    server = secure(PROXIED)
    with pytest.raises(OSError):
        Secure(server.port, authority.client(), name="localhost")
    server.wait_for_log(r'\[error\] .* broken header: ".*" while reading PROXY protocol')
