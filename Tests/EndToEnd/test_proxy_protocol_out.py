"""What upstreams are told by the PROXY protocol of whose connection it is: `proxy_protocol` in http blocks, which nginx lacks."""

import pytest

from serving import SUBJECT, Connection, fetch, free_port, is_nginx, request
from test_tls import authority  # noqa: F401

pytestmark = pytest.mark.skipif(is_nginx(SUBJECT), reason="nginx has it in stream and mail blocks only")

TOLD = "$proxy_protocol_addr:$proxy_protocol_port>$proxy_protocol_server_port $connection"


@pytest.fixture
def chain(simple):
    """A server whose upstream, itself behind `listen ... proxy_protocol`, tells what it was told."""
    def start(locations, listen="proxy_protocol", told=TOLD, front="", http="", **options):
        port = free_port()
        server = simple(
            locations.replace("BACK", f"127.0.0.1:{port}"), **options,
            http=f"""{http.replace("BACK", f"127.0.0.1:{port}")}
                server {{ listen 127.0.0.1:{port} {listen}; {front} location / {{ return 200 "{told}"; }} }}""")
        return server

    return start


@pytest.mark.parametrize("version", ["on", "v1", "v2"])
def test_the_upstream_learns_who_the_client_is(chain, version):
    server = chain(f"location / {{ proxy_protocol {version}; proxy_pass http://BACK; }}")
    with Connection(server.port) as client:
        own = client.socket.getsockname()[1]
        told = client.ask(request("/")).text.split(" ")[0]
    assert told == f"127.0.0.1:{own}>{server.port}"


def test_the_address_is_the_one_that_realip_found(chain):
    server = chain("""set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;
        location / { proxy_protocol on; proxy_pass http://BACK; }""")
    assert fetch(server.port, "/", X_Real_IP="2001:db8::7").text.startswith("2001:db8::7:>")


def test_connections_of_one_client_are_nobody_elses(chain):
    """Neither is such a connection kept, nor is one taken that others have left."""
    server = chain(
        """location /told { proxy_protocol v2; proxy_pass http://application; }
           location /plain { proxy_pass http://application; }""",
        listen="", told="$connection $connection_requests",
        http="upstream application { server BACK; keepalive 4; }")
    # The upstream does not expect the header, and says so; what matters is who gets which connection.
    first = fetch(server.port, "/plain").text.split(" ")[0]
    assert fetch(server.port, "/told").status in (400, 502)
    assert fetch(server.port, "/plain").text == f"{first} 2"


def test_kept_connections_are_not_told_twice(chain):
    server = chain("location / { proxy_protocol v1; proxy_pass http://application; }",
                   http="upstream application { server BACK; keepalive 4; }")
    seen = set()
    with Connection(server.port) as client:
        for _ in range(3):
            seen.add(client.ask(request("/", close=False)).text.split(" ")[1])
    assert len(seen) == 3


def test_additions_come_from_variables(chain):
    server = chain(
        """location / { proxy_protocol v2 authority=$host unique_id=$arg_id 0xEA=zone-$arg_zone ssl_version=$arg_tls
               ssl_cn=$arg_cn ssl_verify=$arg_verify; proxy_pass http://BACK; }""",
        told="|".join(f"$proxy_protocol_tlv_{name}" for name in
                      ["authority", "unique_id", "0xEA", "ssl_version", "ssl_cn", "ssl_verify"]))
    assert fetch(server.port, "/?id=7&zone=a&tls=TLSv1.3&cn=me&verify=SUCCESS").text == "localhost|7|zone-a|TLSv1.3|me|0"
    assert fetch(server.port, "/?tls=TLSv1.3&verify=NONE").text == "localhost||zone-|TLSv1.3||1"
    assert fetch(server.port, "/?verify=SUCCESS").text == "localhost||zone-|||"


def test_additions_that_are_too_long(chain):
    server = chain("location / { proxy_protocol v2 unique_id=$http_x; proxy_pass http://BACK; }")
    assert fetch(server.port, "/", X="a" * 3000).status == 200
    assert fetch(server.port, "/", X="a" * 5000).status == 500
    server.wait_for_log(r"\[error\] .* the additions to the PROXY protocol header are too long while connecting to upstream")


def test_before_tls_and_http2(chain, authority):  # noqa: F811
    certificate = f"ssl_certificate {authority.path('localhost.crt')}; ssl_certificate_key {authority.path('localhost.key')};"
    server = chain(
        """location /tls { proxy_protocol v2 alpn=h2; proxy_pass https://BACK; }
           location /h2 { proxy_http_version 2; proxy_protocol v1; proxy_pass https://BACK; }""",
        listen="ssl proxy_protocol", front=f"{certificate} http2 on;",
        told="$scheme $server_protocol $proxy_protocol_addr $proxy_protocol_tlv_alpn")
    for _ in range(2):
        assert fetch(server.port, "/tls").text == "https HTTP/1.1 127.0.0.1 h2"
        assert fetch(server.port, "/h2").text == "https HTTP/2.0 127.0.0.1 "


@pytest.mark.parametrize("words, message", [
    ("maybe", 'invalid value "maybe"'),
    ("v1 alpn=h2", 'invalid parameter "alpn=h2"'),
    ("v2 alpn", 'invalid parameter "alpn"'),
    ("v2 ssl=1", 'invalid parameter "ssl=1"'),
    ("v2 nobody=1", 'invalid parameter "nobody=1"'),
    ("v2 alpn=$nobody", 'unknown "nobody" variable'),
])
def test_what_is_refused(chain, words, message):
    server = chain(f"location / {{ proxy_protocol {words}; proxy_pass http://BACK; }}", start=False)
    result = server.run("-t")
    assert result.returncode == 1 and message in result.stderr
