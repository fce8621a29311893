"""TLS to upstreams, played by Python's ssl module: names, verification, sessions, certificates of ours."""

import re
import socket
import ssl
import threading

import pytest

import serving
from serving import fetch
from test_tls import authority  # noqa: F401


class SecureServer:
    """A server over TLS, whatever it speaks."""

    def __init__(self, context):
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.secure, args=(raw,), daemon=True).start()

    def secure(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as connection:
                self.converse(connection)
        except (OSError, ssl.SSLError):
            pass

    def converse(self, connection):
        raise NotImplementedError

    def close(self):
        self.listener.close()


def subject_of(connection):
    """The common name in the certificate of the other side; None without one."""
    certificate = connection.getpeercert()
    return dict(pair[0] for pair in certificate["subject"])["commonName"] if certificate else None


class SecureBackend(SecureServer):
    """Speaks HTTP, and tells what it saw of each connection."""

    def __init__(self, context):
        self.names = []
        self.reused = []
        self.certificates = []
        context.sni_callback = lambda connection, name, _: self.names.append(name)
        super().__init__(context)

    def converse(self, connection):
        self.reused.append(connection.session_reused)
        self.certificates.append(subject_of(connection))
        data = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return
            data += more
            while b"\r\n\r\n" in data:
                head, data = data.split(b"\r\n\r\n", 1)
                length = re.search(rb"(?i)content-length: (\d+)", head)
                size = int(length[1]) if length else 0
                while len(data) < size:
                    data += connection.recv(65536)
                body, data = data[:size], data[size:]
                path = head.split(b" ")[1]
                answer = bytes(index % 251 for index in range(3_000_000)) if path == b"/large" else \
                    b"%d %d" % (len(body), sum(body) % 65521)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


@pytest.fixture
def backend(authority):  # noqa: F811
    started = []

    def start(certificate="localhost", version=None, verify=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.path(f"{certificate}.crt"), authority.path(f"{certificate}.key"))
        context.load_verify_locations(authority.path("ca.crt"))
        if verify:
            context.verify_mode = ssl.CERT_OPTIONAL
        if version:
            context.minimum_version = context.maximum_version = version
        started.append(SecureBackend(context))
        return started[-1]

    yield start
    for each in started:
        each.close()


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
PROTOCOLS = "proxy_ssl_protocols TLSv1.2 TLSv1.3;"


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_pass_both_ways(simple, backend, version):
    upstream = backend(version=version)
    server = simple(f"location / {{ client_max_body_size 10m; {PROTOCOLS} proxy_pass https://127.0.0.1:{upstream.port}; }}")
    assert fetch(server.port, "/").text == "0 0"
    body = bytes(index % 253 for index in range(2_000_000))
    assert fetch(server.port, "/", "POST", body=body).text == f"{len(body)} {sum(body) % 65521}"
    assert fetch(server.port, "/large").body == bytes(index % 251 for index in range(3_000_000))
    assert upstream.names == [None] * 3


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed_unless_that_is_off(simple, backend, version):
    upstream = backend(version=version)
    server = simple(f"""
        {PROTOCOLS}
        location /on {{ proxy_pass https://127.0.0.1:{upstream.port}/; }}
        location /off {{ proxy_ssl_session_reuse off; proxy_pass https://127.0.0.1:{upstream.port}/; }}
    """)
    for path in ["/on", "/on", "/on", "/off", "/off"]:
        assert fetch(server.port, path).status == 200
    assert upstream.reused == [False, True, True, False, False]


def test_kept_connections_serve_many_requests(simple, backend):
    upstream = backend()
    server = simple(
        f"""location / {{ {PROTOCOLS} proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_pass https://application; }}""",
        http=f"upstream application {{ server 127.0.0.1:{upstream.port}; keepalive 4; }}")
    for _ in range(5):
        assert fetch(server.port, "/").text == "0 0"
    assert len(upstream.reused) == 1


def test_names_are_told_and_verified(simple, backend, authority):  # noqa: F811
    upstream = backend()
    common = f"{PROTOCOLS} proxy_ssl_verify on; proxy_ssl_trusted_certificate {authority.path('ca.crt')};"
    target = f"proxy_pass https://127.0.0.1:{upstream.port}/;"
    server = simple(f"""
        location /good {{ {common} proxy_ssl_name localhost; proxy_ssl_server_name on; {target} }}
        location /port {{ {common} proxy_ssl_name a.test.example:443; proxy_ssl_server_name on; {target} }}
        location /bad {{ {common} proxy_ssl_name other.test; {target} }}
        location /variable {{ {common} proxy_ssl_name $arg_name; proxy_ssl_server_name on; {target} }}
        location /untrusted {{ {PROTOCOLS} proxy_ssl_verify on; proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate {authority.path('rsa.crt')}; {target} }}
    """)
    assert fetch(server.port, "/good").status == 200
    assert fetch(server.port, "/port").status == 200
    assert fetch(server.port, "/variable?name=localhost").status == 200
    assert upstream.names == ["localhost", "a.test.example", "localhost"]
    assert fetch(server.port, "/bad").status == 502
    server.wait_for_log(r'\[error\] .* upstream SSL certificate does not match "other.test" while SSL handshaking to upstream, client:'
                        r' .*, upstream: "https://127.0.0.1:\d+/"')
    assert fetch(server.port, "/untrusted").status == 502
    server.wait_for_log(r"\[error\] .* upstream SSL certificate verify error: \(\d+:.*\) while SSL handshaking to upstream")


def test_our_certificate_is_shown(simple, backend, authority):  # noqa: F811
    upstream = backend(verify=True)
    target = f"{PROTOCOLS} proxy_ssl_session_reuse off; proxy_pass https://127.0.0.1:{upstream.port}/;"
    server = simple(f"""
        location /none {{ {target} }}
        location /fixed {{ proxy_ssl_certificate {authority.path('other.crt')};
            proxy_ssl_certificate_key {authority.path('other.key')}; {target} }}
        location /chosen {{ proxy_ssl_certificate {authority.folder}/$arg_who.crt;
            proxy_ssl_certificate_key {authority.folder}/$arg_who.key; {target} }}
    """)
    for path in ["/none", "/fixed", "/chosen?who=rsa", "/chosen?who=localhost"]:
        assert fetch(server.port, path).status == 200
    assert upstream.certificates == [None, "other.example", "rsa", "localhost"]
    assert fetch(server.port, "/chosen?who=nobody").status == 500
    server.wait_for_log(r'\[error\] .* cannot load certificate ".*/nobody.crt": BIO_new_file\(\) failed')


def test_our_certificate_may_have_a_locked_key(simple, backend, authority):  # noqa: F811
    (authority.folder / "upstream-passwords").write_text("wrong\nsecret\n")
    upstream = backend(verify=True)
    server = simple(f"""location / {{ {PROTOCOLS} proxy_ssl_password_file {authority.path('upstream-passwords')};
        proxy_ssl_certificate {authority.path('locked.crt')}; proxy_ssl_certificate_key {authority.path('locked.key')};
        proxy_pass https://127.0.0.1:{upstream.port}/; }}""")
    assert fetch(server.port).status == 200 and upstream.certificates == ["locked"]


def test_a_certificate_that_was_revoked(simple, backend, authority):  # noqa: F811
    authority.sign("dismissed", alternatives=["DNS:localhost"])
    revoked = authority.revoke("dismissed", "upstream.crl")
    common = f"{PROTOCOLS} proxy_ssl_verify on; proxy_ssl_trusted_certificate {authority.path('ca.crt')}; proxy_ssl_name localhost;"
    good, bad = backend(), backend("dismissed")
    server = simple(f"""
        location /good {{ {common} proxy_ssl_crl {revoked}; proxy_pass https://127.0.0.1:{good.port}/; }}
        location /bad {{ {common} proxy_ssl_crl {revoked}; proxy_pass https://127.0.0.1:{bad.port}/; }}
        location /unasked {{ {common} proxy_pass https://127.0.0.1:{bad.port}/; }}
    """)
    assert [fetch(server.port, path).status for path in ("/good", "/bad", "/unasked")] == [200, 502, 200]
    server.wait_for_log(r"\[error\] .* upstream SSL certificate verify error: \(23:certificate revoked\)")


def test_a_chain_that_is_longer_than_allowed(simple, backend, authority):  # noqa: F811
    path, openssl = authority.path, authority.openssl
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-new", *ec, "-subj", "/CN=between", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", path("between.key"),
            "-out", path("between.csr"))
    openssl("ca", "-batch", "-config", path("ca.cnf"), "-notext", "-in", path("between.csr"), "-out", path("between.crt"))
    openssl("req", "-new", *ec, "-subj", "/CN=localhost", "-keyout", path("chained.key"), "-out", path("chained.csr"))
    openssl("x509", "-req", "-in", path("chained.csr"), "-CA", path("between.crt"), "-CAkey", path("between.key"), "-CAcreateserial",
            "-out", path("chained.crt"))
    with open(path("chained.crt"), "a") as chain, open(path("between.crt")) as between:
        chain.write(between.read())
    upstream = backend("chained")
    common = f"{PROTOCOLS} proxy_ssl_verify on; proxy_ssl_trusted_certificate {path('ca.crt')}; proxy_ssl_name localhost;"
    server = simple("".join(
        f"location /{depth} {{ {common} proxy_ssl_verify_depth {depth}; proxy_pass https://127.0.0.1:{upstream.port}/; }}"
        for depth in (0, 1)))
    assert fetch(server.port, "/0").status == 502
    server.wait_for_log(r"\[error\] .* upstream SSL certificate verify error: \(\d+:")
    assert fetch(server.port, "/1").status == 200


def test_an_upstream_without_tls_is_a_bad_gateway(simple):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve():
            for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b""):
                connection, _ = listener.accept()
                connection.recv(1000)
                connection.sendall(answer)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        server = simple(f"location / {{ proxy_pass https://127.0.0.1:{port}; }}")
        assert fetch(server.port, "/").status == 502
        server.wait_for_log(r"\[error\] .* SSL_do_handshake\(\) failed \(SSL: error:.*wrong version number\) while SSL handshaking to "
                            r"upstream, client")
        assert fetch(server.port, "/").status == 502
        server.wait_for_log(r"\[error\] .* peer closed connection in SSL handshake .*while SSL handshaking to upstream, client")


def test_an_upstream_that_says_nothing_times_out(simple):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = simple(f"location / {{ proxy_connect_timeout 1s; proxy_pass https://127.0.0.1:{port}; }}")
        assert fetch(server.port, "/").status == 504
        server.wait_for_log(r"\[error\] .* upstream timed out \(110: .*\) while SSL handshaking to upstream")


@pytest.mark.parametrize("text, message", [
    ("proxy_ssl_verify on;", "no proxy_ssl_trusted_certificate for proxy_ssl_verify"),
    ("proxy_ssl_certificate a.crt;", 'no "proxy_ssl_certificate_key" is defined for certificate "a.crt"'),
    ("proxy_ssl_ciphers NONSENSE;", r'SSL_CTX_set_cipher_list("NONSENSE") failed'),
    ("proxy_ssl_certificate_cache inactive=1s;", 'must have the "max" parameter'),
])
def test_mistakes_have_nginx_s_messages(simple, text, message):
    if serving.is_nginx(serving.SUBJECT) and "cache" in text:
        pytest.skip("the directive is newer")
    server = simple(f"location / {{ {text} proxy_pass https://127.0.0.1:1; }}", start=False)
    said = server.run("-t")
    assert said.returncode == 1 and message in said.stderr, said.stderr
