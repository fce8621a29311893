"""The rows of TLS to upstreams that the families of directives share, each by its effect: HTTP/1, HTTP/2 and uwsgi."""

import ssl

import pytest

from gateways import UWSGI
from serving import fetch
from test_tls import authority  # noqa: F401
from test_tls_upstreams import SecureServer, subject_of

FAMILIES = ["proxy", "grpc", "uwsgi"]


class Teller(SecureServer):
    """Speaks uwsgi, and tells what it has agreed upon with its client, as the servers of `UPSTREAMS` do."""

    def converse(self, connection):
        UWSGI.read_request(connection, b"")
        text = f"{connection.version()} {connection.cipher()[0]} {subject_of(connection) or ''}".encode()
        connection.sendall(b"Status: 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


UPSTREAMS = """
server {
    listen unix:%%PREFIX%%/localhost ssl;
    http2 on;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    ssl_client_certificate %%CA%%/ca.crt;
    ssl_verify_client optional;
    return 200 "$ssl_protocol $ssl_cipher $subject";
}
server {
    listen unix:%%PREFIX%%/discharged ssl;
    http2 on;
    ssl_certificate %%CA%%/discharged.crt;
    ssl_certificate_key %%CA%%/discharged.key;
    return 200 "served";
}
map $ssl_client_s_dn $subject { default ""; "~CN=(?<name>[^,]+)" $name; }
"""


@pytest.fixture
def told(simple, authority):  # noqa: F811
    """What an upstream tells of its TLS under some directives, which have the family's prefix put before them."""
    if not (authority.folder / "discharged.crl").exists():
        authority.sign("discharged", alternatives=["DNS:localhost"])
        authority.revoke("discharged", "discharged.crl")
    tellers = []

    def teller(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.path(f"{certificate}.crt"), authority.path(f"{certificate}.key"))
        context.load_verify_locations(authority.path("ca.crt"))
        context.verify_mode = ssl.CERT_OPTIONAL
        tellers.append(Teller(context))
        return f"127.0.0.1:{tellers[-1].port}"

    def ask(family, *directives, upstream="localhost"):
        target = {"proxy": f"proxy_pass https://unix:%%PREFIX%%/{upstream}:/;", "grpc": f"grpc_pass grpcs://unix:%%PREFIX%%/{upstream};",
                  "uwsgi": f"uwsgi_pass suwsgi://{teller(upstream) if family == 'uwsgi' else ''};"}[family]
        text = " ".join(f"{family}_ssl_{directive};" for directive in directives)
        server = simple(f"location / {{ {text} {target} }}", http=UPSTREAMS, values={"CA": authority.folder})
        return fetch(server.port, "/"), server

    yield ask
    for each in tellers:
        each.close()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("directives, expected", [
    (["protocols TLSv1.2"], "TLSv1.2 "),
    (["protocols TLSv1.3"], "TLSv1.3 "),
    (["protocols TLSv1.2", "ciphers ECDHE-ECDSA-AES128-GCM-SHA256"], "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 "),
    (["protocols TLSv1.2", "ciphers ECDHE-ECDSA-AES256-GCM-SHA384"], "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 "),
    (["protocols TLSv1.2 TLSv1.3", "conf_command Protocol -ALL,TLSv1.2"], "TLSv1.2 "),
    (["conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256"], "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 "),
])
def test_what_is_agreed_upon(told, family, directives, expected):
    answer, _ = told(family, *directives)
    assert answer.status == 200 and answer.text.startswith(expected), answer.text


@pytest.mark.parametrize("family", FAMILIES)
def test_a_certificate_of_ours_whose_key_is_locked(told, authority, family):  # noqa: F811
    passwords = authority.folder / "family-passwords"
    passwords.write_text("wrong\nsecret\n")
    shown = [f"certificate {authority.path('locked.crt')}", f"certificate_key {authority.path('locked.key')}"]
    answer, _ = told(family, *shown, f"password_file {passwords}")
    assert answer.status == 200 and answer.text.endswith(" locked"), answer.text
    assert told(family)[0].text.endswith(" ")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_certificate_of_the_upstream_that_was_revoked(told, authority, family):  # noqa: F811
    revoked = authority.path("discharged.crl")
    checks = ["verify on", f"trusted_certificate {authority.path('ca.crt')}", "name localhost"]
    assert told(family, *checks, upstream="discharged")[0].status == 200
    assert told(family, *checks, f"crl {revoked}")[0].status == 200
    answer, server = told(family, *checks, f"crl {revoked}", upstream="discharged")
    assert answer.status == 502
    server.wait_for_log(r"\[error\] .* upstream SSL certificate verify error: \(23:certificate revoked\)")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_name_and_an_authority_that_are_others(told, authority, family):  # noqa: F811
    answer, server = told(family, "verify on", f"trusted_certificate {authority.path('ca.crt')}", "name other.test")
    assert answer.status == 502
    server.wait_for_log(r'\[error\] .* upstream SSL certificate does not match "other.test"')
    answer, server = told(family, "verify on", f"trusted_certificate {authority.path('other.crt')}", "name localhost")
    assert answer.status == 502
    server.wait_for_log(r"\[error\] .* upstream SSL certificate verify error: \((19|21):")
