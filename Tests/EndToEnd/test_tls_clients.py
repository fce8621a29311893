"""What servers ask of clients, and what they show them: certificates, revocation, responders, sessions, early data."""

import http.server
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

import base64
import pytest

import serving
from authority import Secure, ask
from serving import request
from test_tls import VERSIONS, authority, secure  # noqa: F401

VERIFYING = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_client_certificate %%CA%%/ca.crt;
add_header X-Verify "$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_serial" always;
server { listen 127.0.0.1:%%PORT%% ssl; server_name on; ssl_verify_client on; %%REVOKED%% }
server { listen 127.0.0.1:%%PORT%% ssl; server_name optional; ssl_verify_client optional; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name any; ssl_verify_client optional_no_ca; }
server { listen 127.0.0.1:%%PORT%% ssl; server_name off; }
"""


@pytest.fixture(scope="module")
def people(authority):  # noqa: F811
    """Certificates of clients: a good one, a revoked one, and one of another authority."""
    from authority import Authority
    authority.sign("alice")
    authority.sign("mallory")
    authority.list("none.crl")
    authority.revoke("mallory", "mallory.crl")
    stranger = Authority(authority.folder / "strange", name="stranger")
    stranger.folder.chmod(0o755)
    stranger.sign("eve")
    for name in ("eve.crt", "eve.key"):
        (authority.folder / name).write_bytes((stranger.folder / name).read_bytes())
    return authority


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_are_refused_where_the_certificate_does_not_suffice(secure, people, version):  # noqa: F811
    server = secure(VERIFYING, REVOKED="")

    def answer(name, who, host=None):
        return ask(server.port, people.client(certificate=who, version=version), name=host or name, sni=name)

    good = answer("on", "alice")
    assert good.status == 200 and re.fullmatch(r"SUCCESS\|CN=alice\|CN=authority\|[0-9A-F]+", good["X-Verify"])
    none = answer("on", None)
    assert none.status == 400 and "No required SSL certificate was sent" in none.text and none["X-Verify"] == "NONE|||"
    bad = answer("on", "eve")
    assert bad.status == 400 and "The SSL certificate error" in bad.text and bad["X-Verify"].startswith("FAILED:unable to")
    assert answer("optional", None).status == 200
    assert answer("optional", "eve").status == 400
    assert answer("any", "eve").status == 200
    assert answer("off", None)["X-Verify"] == "NONE|||"
    # The handshake of one server opens no other that asks for certificates.
    assert answer("off", None, "on").status == 421
    assert answer("on", "alice", "optional").status == 421
    assert answer("on", "alice", "off").status == 200
    server.wait_for_log(r"\[info\] .* client SSL certificate verify error: \(\d+:unable .*\) while reading client request headers")
    server.wait_for_log(r"\[info\] .* client sent no required SSL certificate while reading client request headers, client")
    server.wait_for_log(r"\[info\] .* client attempted to request the server name different from the one that was negotiated")


def test_revoked_certificates(secure, people):  # noqa: F811
    server = secure(VERIFYING, REVOKED="ssl_crl %%CA%%/mallory.crl;")
    assert ask(server.port, people.client(certificate="alice"), name="on").status == 200
    refused = ask(server.port, people.client(certificate="mallory"), name="on")
    assert refused.status == 400 and refused["X-Verify"].startswith("FAILED:certificate revoked")


def test_variables_tell_of_the_connection_and_the_client(secure, people):  # noqa: F811
    names = ["protocol", "cipher", "ciphers", "curve", "curves", "session_id", "session_reused", "server_name",
             "client_fingerprint", "client_v_start", "client_v_end", "client_v_remain", "client_s_dn_legacy",
             "client_escaped_cert", "early_data", "client_sigalg", "client_i_dn_legacy"]
    if not serving.is_nginx(serving.SUBJECT):
        names += ["alpn_protocol", "sigalgs"]
    names = [name for name in names if name != "client_sigalg" or not serving.is_nginx(serving.SUBJECT)]
    body = "\\n".join(f"{name}=$ssl_{name}" for name in names)
    server = secure(VERIFYING.replace("server_name on;", f"server_name on; location / {{ return 200 '{body}'; }}"), REVOKED="")
    context = people.client(certificate="alice", version=ssl.TLSVersion.TLSv1_3, protocols=["http/1.1"])
    found = dict(line.split("=", 1) for line in ask(server.port, context, name="on").text.replace("\\n", "\n").splitlines())
    assert found["protocol"] == "TLSv1.3" and found["cipher"].startswith("TLS_AES_")
    assert found["cipher"] in found["ciphers"].split(":") and found["server_name"] == "on"
    assert found["curve"] in found["curves"].split(":")
    assert re.fullmatch(r"[0-9a-f]{40}", found["client_fingerprint"])
    assert re.fullmatch(r"\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT", found["client_v_end"])
    assert found["client_v_remain"] in ("29", "30") and found["client_s_dn_legacy"] == "/CN=alice"
    pem = urllib.parse.unquote(found["client_escaped_cert"])
    assert pem == (people.folder / "alice.crt").read_text()
    assert found["session_reused"] == "." and found["early_data"] == "" and found["client_i_dn_legacy"] == "/CN=authority"
    assert re.fullmatch(r"\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT", found["client_v_start"])
    if "alpn_protocol" in found:
        assert found["alpn_protocol"] == "http/1.1"
        assert re.fullmatch(r"0x[0-9a-f]{4}(:0x[0-9a-f]{4})*", found["sigalgs"])


@pytest.mark.parametrize("depth, status", [("", 200), ("ssl_verify_depth 0;", 400), ("ssl_verify_depth 2;", 200)])
def test_how_many_authorities_may_stand_between(secure, people, depth, status):  # noqa: F811
    """One, unless `ssl_verify_depth` says otherwise."""
    folder = people.folder
    (folder / "between.cnf").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
    for name, issuer, more in [("between", "ca", ["-extfile", people.path("between.cnf")]), ("carol", "between", [])]:
        people.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                       "-keyout", people.path(f"{name}.key"), "-out", people.path(f"{name}.csr"))
        people.openssl("x509", "-req", "-days", "30", "-in", people.path(f"{name}.csr"), "-CA", people.path(f"{issuer}.crt"),
                       "-CAkey", people.path(f"{issuer}.key"), "-set_serial", "77", "-out", people.path(f"{name}.crt"), *more)
    with open(folder / "carol.crt", "a") as chain:
        chain.write((folder / "between.crt").read_text())
    server = secure(VERIFYING, REVOKED=depth)
    answer = ask(server.port, people.client(certificate="carol"), name="on")
    assert answer.status == status, answer["X-Verify"]
    if status == 400:
        assert "certificate chain too long" in answer["X-Verify"] or "unable to get" in answer["X-Verify"]


def test_the_client_s_certificate_as_it_is_and_as_a_header_can_carry_it(secure, people):  # noqa: F811
    shown = "server_name any; location / { return 200 \"[$ssl_client_raw_cert][$ssl_client_cert]\"; }"
    server = secure(VERIFYING.replace("server_name any;", shown), REVOKED="")
    raw, _, lines = ask(server.port, people.client(certificate="alice"), name="any").text[1:-1].partition("][")
    assert raw == (people.folder / "alice.crt").read_text()
    assert lines == raw.strip().replace("\n", "\n\t")
    assert ask(server.port, people.client(), name="any").text == "[][]"


def test_a_protocol_that_nobody_speaks_ends_the_handshake(secure, authority):  # noqa: F811
    server = secure(VERIFYING, REVOKED="")
    with Secure(server.port, authority.client(protocols=["http/1.1"]), name="off") as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        Secure(server.port, authority.client(protocols=["spdy/3"]), name="off")


# ------------------------------------------------------------------------------------- sessions

SESSIONS = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
ssl_protocols TLSv1.2 TLSv1.3;
server { listen 127.0.0.1:%%PORT%% ssl; %%SETTINGS%% location / { return 200 "$ssl_session_reused"; } }
"""


def resumed(port, context, count=1):
    """Makes a session, then how often it was resumed."""
    with Secure(port, context) as connection:
        connection.ask(request(close=False))
        session = connection.socket.session
    found = []
    for _ in range(count):
        with Secure(port, context, session=session) as connection:
            found.append(connection.ask(request()).text)
            assert connection.socket.session_reused == (found[-1] == "r")
    return session, found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("settings, works", [
    ("", True), ("ssl_session_tickets off;", False), ("ssl_session_cache shared:S:1m;", True),
    ("ssl_session_cache shared:S:1m; ssl_session_tickets off;", True),
    ("ssl_session_cache builtin:100; ssl_session_tickets off;", True), ("ssl_session_cache off; ssl_session_tickets off;", False),
])
def test_where_sessions_are_remembered(secure, authority, version, settings, works):  # noqa: F811
    server = secure(SESSIONS, SETTINGS=settings)
    assert resumed(server.port, authority.client(version=version))[1] == ["r" if works else "."]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tickets", ["on", "off"])
def test_sessions_are_good_for_all_workers_and_over_reloads(secure, authority, version, tickets):  # noqa: F811
    server = secure(SESSIONS, workers=3, SETTINGS=f"ssl_session_cache shared:S:1m; ssl_session_tickets {tickets};")
    context = authority.client(version=version)
    session, found = resumed(server.port, context, 8)
    assert found == ["r"] * 8
    server.reload()
    for _ in range(4):
        with Secure(server.port, context, session=session) as connection:
            assert connection.ask(request()).text == "r"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_ends_with_its_time(secure, authority, version):  # noqa: F811
    server = secure(SESSIONS, SETTINGS="ssl_session_timeout 2s;")
    context = authority.client(version=version)
    session, found = resumed(server.port, context)
    assert found == ["r"]
    # Whole seconds are counted.
    time.sleep(3.1)
    with Secure(server.port, context, session=session) as connection:
        assert connection.ask(request()).text == "."


def test_keys_of_files_are_rotated(secure, authority):  # noqa: F811
    for name, size in (("a", 80), ("b", 48), ("c", 80)):
        (authority.folder / f"{name}.tickets").write_bytes(bytes((index * 7 + ord(name)) & 255 for index in range(size)))
    server = secure(SESSIONS, SETTINGS="ssl_session_ticket_key %%CA%%/a.tickets;")
    context = authority.client(version=ssl.TLSVersion.TLSv1_2)
    session, found = resumed(server.port, context)
    assert found == ["r"]
    server.values["SETTINGS"] = "ssl_session_ticket_key %%CA%%/b.tickets; ssl_session_ticket_key %%CA%%/a.tickets;"
    for files, expected in ((["b", "a"], "r"), (["b", "c"], ".")):
        keys = " ".join(f"ssl_session_ticket_key %%CA%%/{name}.tickets;" for name in files)
        server.values["HTTP"] = server.render(SESSIONS.replace("%%SETTINGS%%", keys))
        server.configure(open(server.prefix / "nginx.conf").read().split("http {")[0] + "http {\n"
                         + f"access_log logs/access.log; root html; {server.values['HTTP']} }}")
        server.reload()
        with Secure(server.port, context, session=session) as connection:
            assert connection.ask(request()).text == expected, files


def test_early_data(secure, authority, tmp_path):  # noqa: F811
    server = secure(SESSIONS.replace("$ssl_session_reused", "$ssl_session_reused early=$ssl_early_data"),
                    SETTINGS="ssl_early_data on;")
    target = f"127.0.0.1:{server.port}"
    saved, data = tmp_path / "session", tmp_path / "data"
    data.write_bytes(request())
    subprocess.run(["openssl", "s_client", "-connect", target, "-tls1_3", "-sess_out", saved, "-ign_eof"],
                   input=request(), capture_output=True, timeout=20)
    done = subprocess.run(
        ["openssl", "s_client", "-connect", target, "-tls1_3", "-sess_in", saved, "-early_data", data, "-ign_eof"],
        input=b"", capture_output=True, timeout=20)
    output = done.stdout.decode("utf-8", "replace")
    assert "Early data was accepted" in output
    assert "r early=1" in output


# ------------------------------------------------------------------------------------ responders

class Responder:
    """An OCSP responder over HTTP: openssl makes its answers."""

    def __init__(self, authority):  # noqa: F811
        self.authority = authority
        self.asked = 0
        self.reply = None
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                responder.asked += 1
                question = base64.b64decode(urllib.parse.unquote(self.path.rsplit("/", 1)[1]))
                body = responder.reply if responder.reply is not None else responder.answer(question)
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, question):
        asked, answered = self.authority.folder / "question.der", self.authority.folder / "answer.der"
        asked.write_bytes(question)
        self.authority.openssl(
            "ocsp", "-index", self.authority.path("index.txt"), "-CA", self.authority.path("ca.crt"),
            "-rsigner", self.authority.path("ca.crt"), "-rkey", self.authority.path("ca.key"),
            "-reqin", str(asked), "-respout", str(answered), "-ndays", "1")
        return answered.read_bytes()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def responder(people):
    made = Responder(people)
    yield made
    made.close()


def status(port, name="localhost"):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-status"],
                          input=b"", capture_output=True, timeout=20)
    text = done.stdout.decode("utf-8", "replace")
    match = re.search(r"Cert Status: (\w+)", text)
    return match[1] if match else None


STAPLING = """
ssl_certificate %%CA%%/localhost.crt;
ssl_certificate_key %%CA%%/localhost.key;
ssl_trusted_certificate %%CA%%/ca.crt;
server { listen 127.0.0.1:%%PORT%% ssl; ssl_stapling on; %%SETTINGS%% }
"""


def test_a_staple_is_asked_for_once_and_shown(secure, responder):  # noqa: F811
    server = secure(STAPLING, SETTINGS=f"ssl_stapling_responder http://127.0.0.1:{responder.port}/; ssl_stapling_verify on;")
    # The first client does not wait for it.
    assert status(server.port) is None
    serving.wait_for(lambda: status(server.port) == "good", 5, "a staple")
    assert status(server.port) == "good" and responder.asked == 1


def test_a_staple_that_is_rubbish_is_not_shown(secure, responder):  # noqa: F811
    responder.reply = b"rubbish"
    server = secure(STAPLING, SETTINGS=f"ssl_stapling_responder http://127.0.0.1:{responder.port}/;")
    assert status(server.port) is None
    server.wait_for_log(r"\[error\] .* d2i_OCSP_RESPONSE\(\) failed \(SSL: error:.*\) while requesting certificate status, "
                        r'responder: 127.0.0.1, peer: 127.0.0.1:\d+, certificate: ".*/localhost.crt"')
    assert status(server.port) is None
    assert responder.asked == 1


def test_a_staple_of_a_file(secure, responder, people):  # noqa: F811
    people.openssl("ocsp", "-issuer", people.path("ca.crt"), "-cert", people.path("localhost.crt"),
                   "-reqout", people.path("own.req"))
    (people.folder / "own.der").write_bytes(responder.answer((people.folder / "own.req").read_bytes()))
    server = secure(STAPLING, SETTINGS="ssl_stapling_file %%CA%%/own.der;")
    assert status(server.port) == "good"


def test_warnings_of_stapling(secure):  # noqa: F811
    server = secure(STAPLING, start=False, SETTINGS="")
    said = server.run("-t")
    assert said.returncode == 0
    assert re.search(r'\[warn\] "ssl_stapling" ignored, no OCSP responder URL in the certificate ".*/localhost.crt"', said.stderr)
    server = secure(STAPLING.replace("ssl_trusted_certificate %%CA%%/ca.crt;", ""), start=False, SETTINGS="")
    assert re.search(r'\[warn\] "ssl_stapling" ignored, issuer certificate not found for certificate ".*/localhost.crt"',
                     server.run("-t").stderr)


@pytest.mark.parametrize("version", VERSIONS)
def test_responders_are_asked_about_clients(secure, responder, people, version):  # noqa: F811
    server = secure(VERIFYING, REVOKED=f"ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:{responder.port}/; "
                                       "ssl_ocsp_cache shared:O:1m;")

    def answer(who):
        with Secure(server.port, people.client(certificate=who, version=version), name="on") as connection:
            # The request may come before the responder has answered.
            connection.send(request(host="on"))
            return connection.response()

    assert answer("alice").status == 200 and responder.asked == 1
    assert answer("alice").status == 200 and responder.asked == 1
    refused = answer("mallory")
    assert refused.status == 400 and refused["X-Verify"].startswith("FAILED:certificate revoked")
    server.wait_for_log(r"\[info\] .* client SSL certificate verify error: certificate revoked while reading client request headers")


def test_a_responder_that_fails(secure, responder, people):  # noqa: F811
    responder.reply = b""
    server = secure(VERIFYING, REVOKED=f"ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:{responder.port}/;")
    refused = ask(server.port, people.client(certificate="alice"), name="on")
    assert refused.status == 400 and refused["X-Verify"].startswith("FAILED:certificate status request failed")


def test_a_client_that_leaves_while_its_responder_thinks(secure, responder, people):  # noqa: F811
    thinking = threading.Event()
    responder.answer = lambda question: thinking.wait(3) and b""
    server = secure(VERIFYING, REVOKED=f"ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:{responder.port}/; "
                                       "client_header_timeout 1s;")
    for _ in range(3):
        with Secure(server.port, people.client(certificate="alice"), name="on") as connection:
            connection.send(request(host="on"))
    serving.wait_for(lambda: responder.asked == 3, 5, "three questions")
    time.sleep(1.5)
    thinking.set()
    assert ask(server.port, people.client(), name="off").status == 200
