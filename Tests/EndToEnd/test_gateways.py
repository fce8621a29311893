"""Real applications behind other protocols than HTTP: php-fpm, uWSGI, memcached; and uwsgi over TLS."""

import glob
import gzip
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

import gateways
import serving
from serving import Connection, fetch, request, wait_for
from test_tls import authority  # noqa: F401

# What Debian's fastcgi_params and uwsgi_params hold.
PARAMETERS = {
    "QUERY_STRING": "$query_string", "REQUEST_METHOD": "$request_method", "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length", "REQUEST_URI": "$request_uri", "DOCUMENT_URI": "$document_uri",
    "DOCUMENT_ROOT": "$document_root", "SERVER_PROTOCOL": "$server_protocol", "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port", "SERVER_PORT": "$server_port", "SERVER_NAME": "$server_name",
}


def parameters(name):
    return "\n".join(f"{name}_param {key} {value};" for key, value in PARAMETERS.items())


class Daemon:
    """A server of others in the foreground, ended by its process id."""

    def __init__(self, command, log, is_up, **options):
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)

        def up():
            assert self.process.poll() is None, log.read_text(errors="replace")
            return is_up()

        wait_for(up, 20, command[0])

    def stop(self, how=signal.SIGTERM):
        serving.end(self.process, how)


@pytest.fixture
def daemon():
    started = []

    def start(*arguments, **options):
        started.append(Daemon(*arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


# -------------------------------------------------------------------------------------------- PHP

SCRIPTS = {
    "show.php": b"""<?php
        header('Content-Type: application/json');
        $input = file_get_contents('php://input');
        echo json_encode(['get' => $_GET, 'post' => $_POST, 'cookies' => $_COOKIE, 'length' => strlen($input), 'sum' => md5($input),
            'files' => array_map(fn($file) => md5_file($file['tmp_name']), $_FILES), 'pid' => getmypid(),
            'server' => array_filter($_SERVER, fn($value) => is_string($value))]);""",
    "status.php": b"<?php http_response_code(418); header('X-Own: a'); header('X-Own: b', false); echo 'a teapot';",
    "move.php": b"<?php header('Location: /elsewhere');",
    "large.php": b"<?php for ($i = 0; $i < 3000; $i++) echo str_repeat(chr(97 + $i % 26), 1000);",
    "error.php": b"<?php error_log('this goes to the log'); echo 'all the same';",
    "warn.php": b"<?php for ($i = 0; $i < 200; $i++) error_log('line ' . $i . str_repeat('x', 500)); echo 'much was said';",
    "late.php": b"<?php for ($i = 0; $i < 12; $i++) error_log(str_repeat('x', 500)); error_log('the very end'); echo 'lost';",
    "fatal.php": b"<?php none();",
    "inside.php": b"<?php header('X-Accel-Redirect: /inside/secret.txt'); echo 'not this';",
    "slowly.php": b"<?php echo 'one '; ob_flush(); flush(); usleep(600000); echo 'two';",
    "finish.php": b"<?php echo 'done'; fastcgi_finish_request(); sleep(2);",
    "nothing.php": b"<?php",
    "index.php": b"<?php echo 'index ', $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['PATH_INFO'] ?? '-', ' ', $_SERVER['QUERY_STRING'];",
    "folder/index.php": b"<?php echo 'folder ', $_SERVER['SCRIPT_NAME'];",
    "inside/secret.txt": b"a secret\n",
    "file.txt": b"a file\n",
}
PHP = parameters("fastcgi") + """
        index index.php;
        location / { try_files $uri $uri/ /index.php?$args; }
        location /inside/ { internal; }
        location ~ \\.php(/|$) {
            fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info if_not_empty;
            %s
            fastcgi_pass %s;
            %s
        }
"""


def php_program():
    found = sorted(glob.glob("/usr/sbin/php-fpm*"))
    return found[-1] if found else pytest.fail("php-fpm is missing: scripts/install installs it")


@pytest.fixture
def php(folder, daemon):
    """Starts a php-fpm; gives what `fastcgi_pass` names."""
    def start(children=2, unix=False):
        port = None if unix else serving.free_port()
        listen = folder / "php.sock" if unix else f"127.0.0.1:{port}"
        user = "user = nobody\ngroup = nogroup\nlisten.mode = 0666\n" if os.geteuid() == 0 else ""
        (folder / "php.conf").write_text(
            f"[global]\nerror_log = {folder}/php-fpm.log\ndaemonize = no\n[app]\nlisten = {listen}\n{user}pm = static\n"
            f"pm.max_children = {children}\nphp_flag[display_errors] = off\nphp_admin_flag[log_errors] = on\n"
            "php_admin_value[upload_max_filesize] = 20M\nphp_admin_value[post_max_size] = 20M\n")
        path = folder / "php.sock"
        process = daemon(
            [php_program(), "-F", "-n", "-y", str(folder / "php.conf")], folder / "php.txt",
            lambda: path.is_socket() if unix else serving.listens(port))
        process.address = f"unix:{listen}" if unix else listen
        return process

    return start


def php_site(address, more="", http=""):
    parts = PARAMETERS  # The location names parameters of its own, so all have to be named there.
    own = "\n".join(f"fastcgi_param {key} {value};" for key, value in parts.items())
    return PHP % (own, address, more)


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_php(simple, php, unix):
    server = simple(php_site(php(unix=unix).address), files=SCRIPTS)
    shown = json.loads(fetch(server.port, "/show.php/more?a=1&b=2", Cookie="c=d", X_Own="field", User_Agent="agent").body)
    variables = shown["server"]
    assert shown["get"] == {"a": "1", "b": "2"} and shown["cookies"] == {"c": "d"}
    assert variables["SCRIPT_NAME"] == "/show.php" and variables["PATH_INFO"] == "/more"
    assert variables["HTTP_X_OWN"] == "field" and variables["HTTP_USER_AGENT"] == "agent"
    assert variables["HTTP_HOST"] == "localhost" and variables["REQUEST_URI"] == "/show.php/more?a=1&b=2"
    assert variables["REMOTE_ADDR"] == "127.0.0.1" and variables["SERVER_NAME"] == "localhost"
    status = fetch(server.port, "/status.php")
    assert (status.status, status.reason, status.all("X-Own"), status.text) == (418, "", ["a", "b"], "a teapot")
    assert status["Status"] is None
    moved = fetch(server.port, "/move.php")
    assert (moved.status, moved["Location"]) == (302, "/elsewhere")
    assert fetch(server.port, "/inside.php").text == "a secret\n"
    assert fetch(server.port, "/inside/secret.txt").status == 404
    assert fetch(server.port, "/nothing.php").body == b""
    head = fetch(server.port, "/large.php", "HEAD")
    assert (head.status, head.body) == (200, b"")
    large = fetch(server.port, "/large.php")
    assert large.complete and large.body == b"".join(bytes([97 + i % 26]) * 1000 for i in range(3000))


def test_php_as_packages_of_applications_set_it_up(simple, php):
    server = simple(php_site(php().address), files=SCRIPTS)
    assert fetch(server.port, "/file.txt").text == "a file\n"
    assert fetch(server.port, "/").text == "index /index.php - "
    assert fetch(server.port, "/a/pretty/path?x=y").text == "index /index.php - x=y"
    assert fetch(server.port, "/folder/").text == "folder /folder/index.php"
    assert fetch(server.port, "/index.php/a/b?c").text == "index /index.php /a/b c"


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_php_is_sent_bodies(simple, php, buffering):
    server = simple(
        "client_max_body_size 20m; client_body_buffer_size 16k;"
        + php_site(php().address, f"fastcgi_request_buffering {buffering};"), files=SCRIPTS)
    form = json.loads(fetch(
        server.port, "/show.php", "POST", body=b"name=value&list[]=1&list[]=2", Content_Type="application/x-www-form-urlencoded").body)
    assert form["post"] == {"name": "value", "list": ["1", "2"]}
    for size in (0, 1, 32_768, 65_536, 1_000_003):
        body = bytes(index % 251 for index in range(size))
        shown = json.loads(fetch(server.port, "/show.php", "POST", body=body, Content_Type="application/octet-stream").body)
        assert (shown["length"], shown["server"].get("CONTENT_LENGTH")) == (size, str(size))
    content = os.urandom(300_000)
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n' + content + b"\r\n--x--\r\n"
    shown = json.loads(fetch(server.port, "/show.php", "POST", body=body, Content_Type="multipart/form-data; boundary=x").body)
    assert shown["files"] == {"f": hashlib.md5(content).hexdigest()}


def test_php_tells_the_error_log(simple, php):
    server = simple(php_site(php().address, "fastcgi_catch_stderr 'the very end'; fastcgi_catch_stderr 'undefined function';"), files=SCRIPTS)
    where = r' while reading (response header from )?upstream, client: 127\.0\.0\.1, server: localhost, request: "GET /%s HTTP/1\.1", ' \
        r'upstream: "fastcgi://127\.0\.0\.1:\d+", host: "localhost"$'
    assert fetch(server.port, "/error.php").text == "all the same"
    server.wait_for_log(r'\[error\] \d+#\d+: \*\d+ FastCGI sent in stderr: "PHP message: this goes to the log"' + where % r"error\.php")
    missing = fetch(server.port, "/missing.php")
    assert (missing.status, missing.text) == (404, "File not found.\n")
    server.wait_for_log(r'FastCGI sent in stderr: "Primary script unknown"' + where % r"missing\.php")
    assert fetch(server.port, "/warn.php").text == "much was said"
    server.wait_for_log(r'FastCGI sent in stderr: "PHP message: line 0x+')
    # The text that makes the answer a bad one may stand far behind.
    assert fetch(server.port, "/late.php").status == 502
    # What `fastcgi_catch_stderr` names makes an answer, which had a status of its own, a bad one.
    assert fetch(server.port, "/fatal.php").status == 502
    server.wait_for_log(r"PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function none\(\)")


def test_php_is_asked_again_on_a_kept_connection(simple, php):
    """Its only child serves one connection: a second one would wait for ever."""
    application = php(children=1)
    server = simple(
        php_site("application", "fastcgi_keep_conn on;"), http=f"upstream application {{ server {application.address}; keepalive 1; }}",
        files=SCRIPTS)
    seen = set()
    for index in range(20):
        shown = json.loads(fetch(server.port, f"/show.php?{index}", timeout=5).body)
        seen.add(shown["pid"])
        assert shown["server"]["QUERY_STRING"] == str(index)
        if index % 5 == 0:
            assert len(fetch(server.port, "/large.php", timeout=5).body) == 3_000_000
    assert len(seen) == 1


def test_php_passes_on_what_it_flushes(simple, php):
    server = simple(php_site(php().address, "fastcgi_buffering off;"), files=SCRIPTS)
    with Connection(server.port) as connection:
        started = time.monotonic()
        connection.send(request("/slowly.php"))
        while b"one " not in connection.buffer:
            connection.buffer += connection.socket.recv(65536)
        assert time.monotonic() - started < 0.5
        assert b"two" in connection.rest()


def test_php_works_on_when_the_request_is_finished(simple, php):
    server = simple(php_site(php().address), files=SCRIPTS)
    started = time.monotonic()
    assert fetch(server.port, "/finish.php").text == "done"
    assert time.monotonic() - started < 1.5


def test_php_that_is_gone(simple, php):
    first, other = php(), serving.free_port()
    server = simple(
        php_site("application"), http=f"upstream application {{ server 127.0.0.1:{other}; server {first.address}; }}", files=SCRIPTS)
    for _ in range(4):
        assert fetch(server.port, "/file.php").status == 404
    assert fetch(server.port, "/index.php").text == "index /index.php - "
    first.stop()
    assert fetch(server.port, "/index.php").status == 502
    server.wait_for_log(r'connect\(\) failed \(111: Connection refused\) while connecting to upstream, .*upstream: "fastcgi://127\.0\.0\.1:')


# ------------------------------------------------------------------------------------------ uWSGI

@pytest.fixture
def uwsgi(folder, daemon):
    """Starts a uWSGI with a Python application on a protocol's socket."""
    def start(kind="uwsgi-socket"):
        program = shutil.which("uwsgi") or pytest.fail("uwsgi is missing: scripts/install installs it")
        (folder / "application.py").write_text(APPLICATION)
        port = serving.free_port()
        process = daemon(
            [program, "--plugin", "python3", f"--{kind}", f"127.0.0.1:{port}", "--master", "--processes", "1", "--threads", "2",
             "--wsgi-file", str(folder / "application.py"), "--die-on-term", "--need-app", "--buffer-size", "32768"],
            folder / "uwsgi.txt", lambda: serving.listens(port))
        process.address = f"127.0.0.1:{port}"
        return process

    return start


APPLICATION = """
import hashlib, json

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/large":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (bytes([97 + index % 26]) * 1000 for index in range(3000))
    if path == "/teapot":
        start_response("418 I'm a teapot", [("X-Own", "a"), ("X-Own", "b")])
        return [b"a teapot"]
    if path == "/move":
        start_response("302 Found", [("Location", "/elsewhere")])
        return [b""]
    body = environ["wsgi.input"].read()
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    text = json.dumps({"length": len(body), "sum": hashlib.md5(body).hexdigest(), "environ": shown}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]
"""


@pytest.mark.parametrize("name, kind", [("uwsgi", "uwsgi-socket"), ("scgi", "scgi-socket"), ("fastcgi", "fastcgi-socket")])
def test_uwsgi_in_its_three_protocols(simple, uwsgi, name, kind):
    script = "" if name == "uwsgi" else f"{name}_param SCRIPT_NAME ''; {name}_param SCGI 1;"
    server = simple(
        f"{parameters(name)} {name}_param PATH_INFO $document_uri; {script} client_body_buffer_size 16k; client_max_body_size 5m;\n"
        f"location / {{ {name}_pass {uwsgi(kind).address}; }}\n")
    shown = json.loads(fetch(server.port, "/a%20b?c=d", X_Own="field").body)["environ"]
    assert (shown["PATH_INFO"], shown["QUERY_STRING"], shown["HTTP_X_OWN"]) == ("/a b", "c=d", "field")
    assert (shown["REQUEST_METHOD"], shown["HTTP_HOST"], shown["SERVER_NAME"]) == ("GET", "localhost", "localhost")
    teapot = fetch(server.port, "/teapot")
    assert (teapot.status, teapot.reason, teapot.all("X-Own"), teapot.text) == (418, "I'm a teapot", ["a", "b"], "a teapot")
    assert fetch(server.port, "/move")["Location"] == "/elsewhere"
    large = fetch(server.port, "/large")
    assert large.complete and large.body == b"".join(bytes([97 + i % 26]) * 1000 for i in range(3000))
    for size in (0, 5, 20_000, 1_000_003):
        body = bytes(index % 251 for index in range(size))
        shown = json.loads(fetch(server.port, "/echo", "POST", body=body).body)
        assert (shown["length"], shown["environ"]["CONTENT_LENGTH"]) == (size, str(size))


@pytest.mark.parametrize("name, kind", [("uwsgi", "uwsgi-socket"), ("scgi", "scgi-socket")])
def test_uwsgi_takes_a_body_as_it_comes(simple, uwsgi, name, kind):
    server = simple(
        f"{parameters(name)} {name}_param PATH_INFO $document_uri; {name}_param SCRIPT_NAME '';\n"
        f"location / {{ {name}_request_buffering off; {name}_pass {uwsgi(kind).address}; }}\n")
    body = bytes(index % 251 for index in range(200_000))
    with Connection(server.port) as connection:
        data = request("/echo", "POST", body=body)
        for start in range(0, len(data), 50_000):
            connection.send(data[start:start + 50_000])
            time.sleep(0.05)
        assert json.loads(connection.response().body)["length"] == len(body)


class SecureUWSGI(gateways.UWSGI):
    """A gateway over TLS that tells what names it was asked for."""

    def __init__(self, script, context):
        self.context, self.names = context, []
        context.sni_callback = lambda _, name, __: self.names.append(name)
        super().__init__(script)

    def _converse(self, connection):
        try:
            wrapped = self.context.wrap_socket(connection, server_side=True)
        except (OSError, ssl.SSLError):
            return
        super()._converse(wrapped)


@pytest.fixture
def secure_gateway(authority):  # noqa: F811
    started = []

    def start(certificate="localhost"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.path(f"{certificate}.crt"), authority.path(f"{certificate}.key"))
        started.append(SecureUWSGI({"/a": [b"Status: 201 Made\r\nContent-Length: 3\r\n\r\nabc"]}, context))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_uwsgi_over_tls(simple, authority, secure_gateway):  # noqa: F811
    gateway, other = secure_gateway(), secure_gateway("other")
    trusted = f"uwsgi_ssl_trusted_certificate {authority.path('ca.crt')}; uwsgi_ssl_verify on;"
    server = simple(f"""
        uwsgi_param DOCUMENT_URI /a;
        # nginx would take its session for /checked, and with it that nobody has looked at the certificate.
        location /plain {{ uwsgi_ssl_session_reuse off; uwsgi_pass suwsgi://127.0.0.1:{gateway.port}; }}
        location /checked {{ {trusted} uwsgi_ssl_name localhost; uwsgi_ssl_server_name on; uwsgi_pass suwsgi://127.0.0.1:{gateway.port}; }}
        location /variable {{ set $where suwsgi://127.0.0.1:{gateway.port}; uwsgi_pass $where; }}
        location /wrong {{ {trusted} uwsgi_ssl_name localhost; uwsgi_pass suwsgi://127.0.0.1:{other.port}; }}
        location /not-tls {{ uwsgi_pass uwsgi://127.0.0.1:{gateway.port}; }}
    """)
    for path, status in [("/plain", 201), ("/checked", 201), ("/variable", 201), ("/wrong", 502), ("/not-tls", 502)]:
        assert fetch(server.port, path).status == status, path
    assert "localhost" in gateway.names
    server.wait_for_log(r'upstream SSL certificate does not match "localhost" while SSL handshaking to upstream, .*upstream: "suwsgi://127\.0\.0\.1:')


# -------------------------------------------------------------------------------------- memcached

@pytest.fixture
def memcached(folder, daemon):
    program = shutil.which("memcached") or pytest.fail("memcached is missing: scripts/install installs it")
    port = serving.free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = daemon(
        [program, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", "64", *user], folder / "memcached.txt", lambda: serving.listens(port))
    process.port = port

    def store(key, value, flags=0):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"set %s %d 0 %d\r\n" % (key.encode(), flags, len(value)) + value + b"\r\n")
            assert connection.recv(100) == b"STORED\r\n"

    process.store = store
    return process


def test_memcached(simple, memcached):
    server = simple(f"""
        set $memcached_key "$uri$is_args$args";
        location / {{ memcached_pass kept; error_page 404 502 504 = @made; }}
        location /bare {{ memcached_pass 127.0.0.1:{memcached.port}; }}
        location /packed/ {{ memcached_gzip_flag 2; gunzip on; memcached_pass kept; }}
        location @made {{ return 200 "made $uri"; }}
    """, http=f"types {{ text/html html; text/plain txt; }} default_type application/x-own;\n"
              f"upstream kept {{ server 127.0.0.1:{memcached.port}; keepalive 2; }}")
    page, large = b"<p>kept</p>", os.urandom(900_000)
    memcached.store("/page.html", page)
    memcached.store("/large", large)
    memcached.store("/a%20b?c=d", b"escaped")
    memcached.store("/packed/page.txt", gzip.compress(page), flags=2)
    memcached.store("/packed/plain.txt", page)
    memcached.store("/empty", b"")
    for _ in range(3):
        answer = fetch(server.port, "/page.html")
        assert (answer.status, answer["Content-Type"], answer["Content-Length"], answer.body) == (200, "text/html", str(len(page)), page)
        assert fetch(server.port, "/large").body == large
        assert fetch(server.port, "/missing").text == "made /missing"
        assert fetch(server.port, "/empty").body == b""
    assert fetch(server.port, "/a%20b?c=d").text == "escaped"
    assert fetch(server.port, "/packed/page.txt").body == page
    assert fetch(server.port, "/packed/plain.txt").body == page
    packed = fetch(server.port, "/packed/page.txt", Accept_Encoding="gzip")
    assert packed["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == page
    assert fetch(server.port, "/bare").status == 404
    assert fetch(server.port, "/page.html", "POST", body=b"x").status == 405
    assert fetch(server.port, "/page.html", Range="bytes=1-2").body == page[1:3]
    memcached.stop()
    assert fetch(server.port, "/page.html").text == "made /page.html"
    server.wait_for_log(r'key: "/bare" was not found by memcached while reading response header from upstream')
