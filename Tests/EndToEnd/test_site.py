"""The first site: an unmodified configuration, a real Flask application under a real Gunicorn."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import httpx
import pytest

import serving
from serving import Connection, fetch, request

FORMS = ["localhost", "unix", "name", "group"]
APP = "app.demo.test"


def client(server, host=APP):
    return httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}", headers={"Host": host}, timeout=20, trust_env=False)


@pytest.mark.parametrize("form", FORMS)
def test_whole_site(site, form):
    """Static pages, and a session, a form, an upload and a stream through each form of upstream."""
    server = site(form)
    with client(server, "www.demo.test") as pages:
        index = pages.get("/")
        assert index.status_code == 200 and "Apus is running" in index.text
        assert index.headers["content-type"] == "text/html; charset=utf-8"
        style = pages.get("/static/style.css")
        assert style.status_code == 200 and style.headers["content-type"] == "text/css"
        assert "Стриж" in pages.get("/static/unicode.txt").text
        assert pages.get("/none").status_code == 404
        # What looks like the application's is not this server's.
        assert pages.get("/echo").status_code == 404

    with client(server) as app:
        for visit in (1, 2, 3):
            assert f'<b id="visits">{visit}</b>' in app.get("/").text
        answer = app.post("/name", data={"name": "Åse & Co"})
        assert answer.status_code == 303 and answer.headers["location"] == "/"
        assert "Hello, Åse &amp; Co" in app.get("/").text
        answer = app.post("/logout")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"http://{APP}/"
        assert "Åse" not in app.get("/").text

        content = bytes(range(256)) * 12_000  # 3 MB: more than any buffer
        answer = app.post("/upload", files={"file": ("a name.bin", content)})
        assert answer.json() == {
            "name": "a name.bin", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

        seen = {key: value for key, value in app.get("/echo?a=b%20c").json()["headers"]}
        assert seen["Host"] == APP
        assert seen["X-Real-Ip"] == "127.0.0.1"
        assert seen["X-Forwarded-For"] == "127.0.0.1"
        assert seen["X-Forwarded-Proto"] == "http"
        seen = dict(app.get("/echo", headers={"X-Forwarded-For": "192.0.2.1"}).json()["headers"])
        assert seen["X-Forwarded-For"] == "192.0.2.1, 127.0.0.1"
        assert app.get("/echo?a=b%20c&d").json()["path"] == "/echo?a=b%20c&d"

        for method in ("PUT", "PATCH", "DELETE"):
            assert app.request(method, "/echo", content=b"abc").json()["method"] == method
        assert app.head("/bytes/100").headers["content-length"] == "100"
        assert len(app.get("/bytes/3000000").content) == 3_000_000
        assert app.get("/status/418").text == "status 418\n"
        assert app.get("/static/swift.svg").headers["content-type"] == "image/svg+xml"


def test_streaming_arrives_while_it_is_made(site):
    server = site()
    with client(server) as app:
        started, times = time.monotonic(), []
        with app.stream("GET", "/stream?lines=4&pause=0.3") as response:
            for line in response.iter_lines():
                times.append(time.monotonic() - started)
        assert len(times) == 4
        assert times[0] < 0.5 and 0.8 < times[-1] < 2.0


def test_upload_above_the_limit(site):
    """client_max_body_size 5M: refused by the declared length and, when there is none, by what comes."""
    server = site()
    with client(server) as app:
        assert app.post("/echo", content=b"x" * (5 * 1024 * 1024)).json()["size"] == 5 * 1024 * 1024
    with Connection(server.port) as connection:
        head = request("/echo", "POST", host=APP, Content_Length=str(5 * 1024 * 1024 + 1))
        response = connection.ask(head)
        assert response.status == 413
        assert "413 Request Entity Too Large" in response.text
    server.wait_for_log(r"client intended to send too large body: 5242881 bytes, client: 127\.0\.0\.1")
    with Connection(server.port) as connection:
        connection.send(request("/echo", "POST", host=APP, Transfer_Encoding="chunked"))
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(81):
            if not connection.send(chunk):
                break
        assert connection.response().status == 413


def test_expect_continue(site):
    server = site()
    with Connection(server.port) as connection:
        connection.send(request("/echo", "POST", host=APP, Content_Length="3", Expect="100-continue"))
        assert connection.response().status == 100
        connection.send(b"abc")
        assert '"size":3' in connection.response().text.replace(" ", "")


def test_group_of_two_takes_turns_and_survives_one(site):
    server = site("group")
    with client(server) as app:
        instances = [app.get("/echo").json()["instance"] for _ in range(6)]
        assert set(instances) == {"one", "two"}
        assert instances.count("one") == 3
        server.applications[0].kill()
        for _ in range(10):
            answer = app.get("/echo")
            assert answer.status_code == 200 and answer.json()["instance"] == "two"
    server.wait_for_log(
        r"\[error\] \d+#\d+: \*\d+ connect\(\) failed \(111: Connection refused\) while connecting to "
        r"upstream, client: 127\.0\.0\.1, server: app\.localhost, request: \"GET /echo HTTP/1\.1\", "
        rf"upstream: \"http://127\.0\.0\.1:{server.applications[0].port}/echo\", host: \"{APP}\"")


def test_dead_application(site):
    server = site("unix")
    server.applications[0].stop()
    (server.prefix.parent / "app.sock").unlink(missing_ok=True)
    response = fetch(server.port, "/", host=APP)
    assert response.status == 502 and "502 Bad Gateway" in response.text
    server.wait_for_log(r"connect\(\) to unix:\S+app\.sock failed \(2: No such file or directory\) "
                        r"while connecting to upstream, .*upstream: \"http://unix:\S+app\.sock:/\"")
    # The static half does not mind.
    assert fetch(server.port, "/", host="www.demo.test").status == 200


def test_slow_upload_is_whole(site):
    """A body that trickles in is buffered, and the application gets it in one piece."""
    server = site()
    with Connection(server.port) as connection:
        connection.send(request("/echo", "POST", host=APP, Content_Length="2000"))
        connection.send(b"y" * 2000, piece=50, pause=0.005)
        body = connection.response().text
        assert hashlib.sha256(b"y" * 2000).hexdigest() in body


def test_client_that_leaves(site):
    """A client that goes away while the application works is logged as 499."""
    server = site()
    with Connection(server.port) as connection:
        connection.send(request("/slow?seconds=2", host=APP))
        time.sleep(0.3)
    server.wait_for_log(r'"GET /slow\?seconds=2 HTTP/1\.1" 499 0 ', "access.log")


def test_gzip_of_a_page(site):
    server = site()
    with client(server, "www.demo.test") as pages:
        answer = pages.get("/about.html", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["etag"].startswith("W/")
        assert "What this site shows" in answer.text


def test_many_clients_at_once(site):
    server = site("group")
    problems = []

    def work(number):
        try:
            with client(server) as app:
                for step in range(10):
                    body = f"{number}.{step}".encode() * 100
                    answer = app.post("/echo", content=body).json()
                    assert answer["sha256"] == hashlib.sha256(body).hexdigest()
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def test_access_log_is_read_by_goaccess(site):
    server = site()
    with client(server) as app:
        for path in ("/", "/echo", "/status/404", "/status/500", "/static/style.css"):
            app.get(path, headers={"User-Agent": 'Mozilla/5.0 "quoted" \\ é'.encode(), "Referer": "http://ref.test/a?b"})
        app.post("/name", data={"name": "x"})
    server.wait_for_log(r'"POST /name HTTP/1\.1" 303', "access.log")
    if not shutil.which("goaccess"):
        pytest.fail("goaccess is not installed: run scripts/install")
    report = server.prefix / "report.json"
    # The image's "main" format is combined with one field more, which goaccess is told to skip.
    done = subprocess.run(
        ["goaccess", str(server.prefix / "logs/access.log"), "-o", str(report), "--no-progress",
         '--log-format=%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %^', "--date-format=%d/%b/%Y", "--time-format=%H:%M:%S"],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    general = httpx.Response(200, content=report.read_bytes()).json()["general"]
    lines = len(server.log("access.log").splitlines())
    assert general["valid_requests"] == lines >= 6
    assert general["failed_requests"] == 0


def skip_script_if_not_built(output):
    for line in output.splitlines():
        serving.skip_if_not_built(line)


def test_demonstration_script():
    """scripts/run --check: starts the site as the README says, requests its pages, stops."""
    port, app_port = serving.free_port(), serving.free_port()
    done = subprocess.run(
        ["scripts/run", "--check", "--port", str(port), "--app-port", str(app_port)], cwd=serving.ROOT,
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        env={**os.environ, "APUS_BINARY": serving.SUBJECT})
    skip_script_if_not_built(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("OK")
    assert not serving.accepts(port) and not serving.accepts(app_port)
    assert not re.search("Traceback", done.stderr)


def test_demonstration_script_stops_everything():
    """Ctrl-C ends the script, the server and the application."""
    port, app_port = serving.free_port(), serving.free_port()
    script = subprocess.Popen(
        ["scripts/run", "--port", str(port), "--app-port", str(app_port)], cwd=serving.ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "APUS_BINARY": serving.SUBJECT},
        # A shell lets its background jobs ignore Ctrl-C, and these tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        lines = []
        for line in script.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        skip_script_if_not_built("".join(lines))
        assert f"http://localhost:{port}/" in "".join(lines)
        assert fetch(port, "/", host=f"app.localhost:{port}").status == 200
        script.send_signal(signal.SIGINT)
        assert script.wait(20) == 130
    finally:
        if script.poll() is None:
            script.terminate()
            script.wait(20)
    assert not serving.accepts(port) and not serving.accepts(app_port)
