"""gRPC through `grpc_pass`: the clients and servers of grpcio, calls of every kind, in clear text and over TLS."""

import concurrent.futures
import threading
import time

import grpc
import pytest

import serving
from test_tls import authority  # noqa: F401

mainline = pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="newer than the nginx at hand")
pytestmark = mainline


class Service(grpc.GenericRpcHandler):
    """Bytes in, bytes out."""

    def __init__(self):
        self.left = threading.Event()

    def service(self, call):
        kinds = {
            "/s/Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "/s/Count": grpc.unary_stream_rpc_method_handler(self.count),
            "/s/Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "/s/Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "/s/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/s/FailLate": grpc.unary_stream_rpc_method_handler(self.fail_late),
            "/s/Wait": grpc.unary_stream_rpc_method_handler(self.wait),
            "/s/Refuse": grpc.stream_unary_rpc_method_handler(self.refuse),
            "/s/Silent": grpc.unary_unary_rpc_method_handler(self.silent),
            "/s/Tell": grpc.unary_unary_rpc_method_handler(self.tell),
        }
        return kinds.get(call.method)

    def echo(self, request, context):
        told = dict(context.invocation_metadata())
        context.send_initial_metadata([("x-told", told.get("x-mine", "")), ("x-bytes-bin", b"\0\xff")])
        context.set_trailing_metadata([("x-last", "done")])
        return request

    def count(self, request, context):
        for n in range(int(request)):
            yield b"%d" % n

    def sum(self, requests, context):
        return b"%d" % sum(len(each) for each in requests)

    def talk(self, requests, context):
        for each in requests:
            yield each[::-1]

    def fail(self, request, context):
        context.set_trailing_metadata([("x-why", "because")])
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: \u00e9")

    def fail_late(self, request, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "late")

    def wait(self, request, context):
        context.add_callback(self.left.set)
        yield b"here"
        self.left.wait(20)

    def refuse(self, requests, context):
        next(requests)
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "enough")

    def silent(self, request, context):
        context.add_callback(self.left.set)
        self.left.wait(20)
        return b"late"

    def tell(self, request, context):
        """What came of metadata, the peer's certificate, and the time that is left."""
        context.send_initial_metadata([("x-secret", "1"), ("x-open", "2")])
        told = sorted(f"{key}={value}" for key, value in context.invocation_metadata() if key.startswith("x-"))
        names = [name.decode() for name in context.auth_context().get("x509_common_name", [])]
        left = context.time_remaining()
        return "|".join([",".join(told), ",".join(names), "" if left is None or left > 1e6 else f"{left:.0f}"]).encode()


@pytest.fixture
def service():
    """Starts servers: gives their ports."""
    servers = []

    def start(credentials=None):
        handler = Service()
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(64), handlers=[handler],
                             options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        address = f"127.0.0.1:{serving.free_port()}"
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        server.start()
        servers.append(server)
        handler.port, handler.server = port, server
        return handler

    yield start
    for each in servers:
        each.stop(0)


OPTIONS = [("grpc.max_receive_message_length", -1)]


@pytest.fixture
def channel(simple, service):
    """A channel to a server of gRPC behind the server under test."""
    opened = []

    def start(text="", **options):
        handler = service()
        server = simple(f"http2 on; client_max_body_size 0; {text} location / {{ grpc_pass grpc://u; }}",
                        http=f"upstream u {{ server 127.0.0.1:{handler.port}; keepalive 8; }}", **options)
        made = grpc.insecure_channel(f"127.0.0.1:{server.port}", OPTIONS)
        made.server, made.handler = server, handler
        opened.append(made)
        return made

    yield start
    for each in opened:
        each.close()


def test_unary_calls_with_metadata(channel):
    channel = channel()
    for size in [0, 1, 1000, 3_000_000]:
        body = b"x" * size
        answer, call = channel.unary_unary("/s/Echo").with_call(body, metadata=[("x-mine", "m")], timeout=20)
        assert answer == body
        assert ("x-told", "m") in call.initial_metadata() and ("x-bytes-bin", b"\0\xff") in call.initial_metadata()
        assert ("x-last", "done") in call.trailing_metadata()
    channel.server.wait_for_log(r'"POST /s/Echo HTTP/2\.0" 200 ', "access.log")


def test_streams_of_answers_and_of_requests(channel):
    channel = channel()
    assert list(channel.unary_stream("/s/Count")(b"2000", timeout=20)) == [b"%d" % n for n in range(2000)]
    parts = [b"y" * (n * 37) for n in range(300)]
    assert channel.stream_unary("/s/Sum")(iter(parts), timeout=20) == b"%d" % sum(map(len, parts))


def test_a_conversation(channel):
    """Each message waits for the answer to the one before: nothing is held back on either way."""
    channel = channel()
    turn = threading.Semaphore(0)

    def say():
        for n in range(200):
            yield b"message %d" % n
            assert turn.acquire(timeout=10)

    for n, answer in enumerate(channel.stream_stream("/s/Talk")(say(), timeout=30)):
        assert answer == (b"message %d" % n)[::-1]
        turn.release()
    assert n == 199


def test_failures_are_told_as_they_are(channel):
    channel = channel()
    with pytest.raises(grpc.RpcError) as told:
        channel.unary_unary("/s/Fail")(b"", timeout=10)
    assert told.value.code() == grpc.StatusCode.NOT_FOUND and told.value.details() == "no such thing: \u00e9"
    assert ("x-why", "because") in told.value.trailing_metadata()
    with pytest.raises(grpc.RpcError) as told:
        channel.unary_unary("/s/Nothing")(b"", timeout=10)
    assert told.value.code() == grpc.StatusCode.UNIMPLEMENTED
    got = []
    with pytest.raises(grpc.RpcError) as told:
        got.extend(channel.unary_stream("/s/FailLate")(b"", timeout=10))
    assert told.value.code() == grpc.StatusCode.DATA_LOSS


def test_a_call_that_is_cancelled_ends_at_the_server(channel):
    channel = channel()
    call = channel.unary_stream("/s/Wait")(b"")
    assert next(call) == b"here"
    call.cancel()
    assert channel.handler.left.wait(10)


def test_a_deadline_that_passes(channel):
    channel = channel()
    with pytest.raises(grpc.RpcError) as told:
        list(channel.unary_stream("/s/Wait")(b"", timeout=0.5))
    assert told.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert channel.handler.left.wait(10)


def test_many_calls_at_a_time(channel):
    channel = channel()
    echo = channel.unary_unary("/s/Echo")
    # The client knows how many streams there may be when the first call is over.
    assert echo(b"first", timeout=10) == b"first"
    calls = [echo.future(b"%d" % n * 50, timeout=30) for n in range(500)]
    assert [call.result() for call in calls] == [b"%d" % n * 50 for n in range(500)]


def test_a_server_that_is_not_there(simple):
    server = simple(f"http2 on; location / {{ grpc_pass 127.0.0.1:{serving.free_port()}; }}")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.RpcError) as told:
            channel.unary_unary("/s/Echo")(b"", timeout=10)
        assert told.value.code() == grpc.StatusCode.UNAVAILABLE
    server.wait_for_log(r'connect\(\) failed .* upstream: "grpc://127\.0\.0\.1:\d+/s/Echo"')


def test_the_next_server_is_asked(simple, service):
    handler = service()
    server = simple("http2 on; location / { grpc_pass u; }",
                    http=f"upstream u {{ server 127.0.0.1:{serving.free_port()}; server 127.0.0.1:{handler.port}; }}")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for _ in range(4):
            assert channel.unary_unary("/s/Echo")(b"x", timeout=10) == b"x"


def test_error_pages_may_speak_grpc(simple):
    """The usual way to answer clients of gRPC when there is no upstream."""
    server = simple(f"""http2 on; location / {{ grpc_pass 127.0.0.1:{serving.free_port()}; error_page 502 = /down; }}
        location = /down {{ internal; default_type application/grpc; add_header grpc-status 14 always;
                            add_header grpc-message "down" always; return 204; }}""")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.RpcError) as told:
            channel.unary_unary("/s/Echo")(b"", timeout=10)
        assert told.value.code() == grpc.StatusCode.UNAVAILABLE and told.value.details() == "down"


def test_a_reload_lets_calls_end(channel):
    channel = channel()
    release = threading.Event()

    def say():
        yield b"first"
        release.wait(10)
        yield b"second"

    answers = channel.stream_stream("/s/Talk")(say(), timeout=20)
    assert next(answers) == b"tsrif"
    channel.server.reload()
    assert channel.unary_unary("/s/Echo")(b"new", timeout=10) == b"new"
    release.set()
    assert list(answers) == [b"dnoces"]


def test_a_server_that_refuses_while_the_client_still_sends(channel):
    channel = channel()
    more = threading.Event()

    def say():
        yield b"first"
        more.wait(20)
        yield b"never wanted"

    with pytest.raises(grpc.RpcError) as told:
        channel.stream_unary("/s/Refuse")(say(), timeout=10)
    more.set()
    assert told.value.code() == grpc.StatusCode.INVALID_ARGUMENT and told.value.details() == "enough"
    assert channel.unary_unary("/s/Echo")(b"next", timeout=10) == b"next"


def test_compressed_messages(channel):
    channel = channel()
    body = b"the same again and again " * 10_000
    assert channel.unary_unary("/s/Echo")(body, timeout=10, compression=grpc.Compression.Gzip) == body


def test_a_server_that_goes_away_in_the_middle(channel):
    channel = channel()
    call = channel.unary_stream("/s/Wait")(b"", timeout=10)
    assert next(call) == b"here"
    channel.handler.server.stop(0)
    with pytest.raises(grpc.RpcError) as told:
        next(call)
    assert told.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL)
    # There is nobody for the next one.
    with pytest.raises(grpc.RpcError) as told:
        channel.unary_unary("/s/Echo")(b"", timeout=10)
    assert told.value.code() == grpc.StatusCode.UNAVAILABLE


def test_fields_are_set_left_out_and_hidden(channel):
    channel = channel("""grpc_hide_header X-Secret;
        location /s/Tell { grpc_pass grpc://u; grpc_set_header X-Set "$request_method"; grpc_set_header X-Mine ""; }""")
    tell = channel.unary_unary("/s/Tell")
    answer, call = tell.with_call(b"", metadata=[("x-mine", "m"), ("x-other", "o")], timeout=30)
    assert answer.split(b"|")[0] == b"x-other=o,x-set=POST"
    metadata = dict(call.initial_metadata())
    assert "x-secret" not in metadata and metadata["x-open"] == "2"


def test_the_server_knows_the_deadline(channel):
    left = channel().unary_unary("/s/Tell")(b"", timeout=100).split(b"|")[2]
    assert 90 <= int(left) <= 100


def test_the_upstream_s_time_outs(channel):
    """Before the head an answer 504 is made, which clients take for UNAVAILABLE; behind it the stream is broken off."""
    channel = channel("grpc_read_timeout 1s;")
    begun = time.monotonic()
    with pytest.raises(grpc.RpcError) as told:
        channel.unary_unary("/s/Silent")(b"", timeout=15)
    assert told.value.code() == grpc.StatusCode.UNAVAILABLE and 0.9 < time.monotonic() - begun < 8
    channel.server.wait_for_log(r"upstream timed out \(110: Connection timed out\) while reading response header from upstream")
    assert channel.handler.left.wait(10)
    channel.handler.left.clear()
    call = channel.unary_stream("/s/Wait")(b"", timeout=15)
    assert next(call) == b"here"
    with pytest.raises(grpc.RpcError) as told:
        next(call)
    assert told.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
    assert channel.handler.left.wait(10)
    channel.server.wait_for_log(r"upstream timed out \(110: Connection timed out\) while reading upstream")


def test_a_server_of_a_variable(simple, service):
    handler = service()
    server = simple(f"http2 on; set $target 127.0.0.1:{handler.port}; location / {{ grpc_pass grpc://$target; }}")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        assert channel.unary_unary("/s/Echo")(b"x", timeout=10) == b"x"


def read(authority, name):  # noqa: F811
    with open(authority.path(name), "rb") as file:
        return file.read()


def test_certificates_on_the_way_to_the_server(simple, service, authority):  # noqa: F811
    """The server wants a certificate and gets the configured one; one that does not suffice is a 502 with nginx's words."""
    keys = [(read(authority, "localhost.key"), read(authority, "localhost.crt"))]
    strict = service(grpc.ssl_server_credentials(keys, read(authority, "ca.crt"), require_client_auth=True))
    target = f"grpc_pass grpcs://127.0.0.1:{strict.port};"
    own = f"grpc_ssl_certificate {authority.folder}/other.crt; grpc_ssl_certificate_key {authority.folder}/other.key;"
    trust = f"grpc_ssl_verify on; grpc_ssl_trusted_certificate {authority.folder}/ca.crt;"
    server = simple(f"""http2 on; grpc_ssl_session_reuse off; {own}
        location /s/Tell {{ {trust} grpc_ssl_name localhost; grpc_ssl_server_name on; grpc_ssl_protocols TLSv1.3; {target} }}
        location /s/Echo {{ {trust} grpc_ssl_name elsewhere.test; {target} }}
        location /s/Fail {{ grpc_ssl_certificate ""; grpc_ssl_certificate_key ""; {target} }}
        location /s/Count {{ grpc_ssl_conf_command Protocol -ALL,TLSv1.2; {target} }}""")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        assert channel.unary_unary("/s/Tell")(b"", timeout=10).split(b"|")[1] == b"other.example"
        assert list(channel.unary_stream("/s/Count")(b"2", timeout=10)) == [b"0", b"1"]
        with pytest.raises(grpc.RpcError) as told:
            channel.unary_unary("/s/Echo")(b"", timeout=10)
        assert told.value.code() == grpc.StatusCode.UNAVAILABLE
        server.wait_for_log(r'upstream SSL certificate does not match "elsewhere.test" while SSL handshaking to upstream')
        with pytest.raises(grpc.RpcError) as told:
            channel.unary_unary("/s/Fail")(b"", timeout=10)
        assert told.value.code() == grpc.StatusCode.UNAVAILABLE


def test_over_tls_on_both_ways(simple, service, authority):  # noqa: F811
    handler = service(grpc.ssl_server_credentials([(read(authority, "localhost.key"), read(authority, "localhost.crt"))]))
    server = simple(
        f"""location / {{ grpc_pass grpcs://127.0.0.1:{handler.port}; grpc_ssl_verify on; grpc_ssl_name localhost;
            grpc_ssl_trusted_certificate {authority.path('ca.crt')}; grpc_set_header X-Mine "set"; }}""",
        http=f"""server {{ listen 127.0.0.1:%%SECURE%% ssl; http2 on; ssl_certificate {authority.path('localhost.crt')};
                 ssl_certificate_key {authority.path('localhost.key')}; location / {{
                 grpc_pass grpcs://127.0.0.1:{handler.port}; grpc_set_header X-Mine "set"; }} }}""",
        values={"SECURE": serving.free_port()})
    target = f"127.0.0.1:{server.values['SECURE']}"
    with grpc.secure_channel(target, grpc.ssl_channel_credentials(read(authority, "ca.crt")),
                             [("grpc.ssl_target_name_override", "localhost")]) as channel:
        answer, call = channel.unary_unary("/s/Echo").with_call(b"z" * 200_000, timeout=20)
        assert answer == b"z" * 200_000 and ("x-told", "set") in call.initial_metadata()


def test_a_slow_reader_holds_the_server_back(channel):
    """Answers that the client does not take wait at the server, not here."""
    channel = channel()
    call = channel.unary_stream("/s/Count")(b"300000")
    time.sleep(1)
    [worker] = channel.server.workers()
    with open(f"/proc/{worker}/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert resident < 60_000
    assert sum(1 for _ in call) == 300_000
