"""Both kinds of log, byte for byte, and the tools that read them."""

import base64
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

import serving
from serving import exchange, fetch, request


def test_combined_line(simple):
    server = simple("location / { }")
    before = time.time()
    fetch(server.port, "/?a=b", Referer="http://r.test/", User_Agent="Agent/1.0 (x; y)")
    fetch(server.port, "/none")
    exchange(server.port, b"GET /\xc3\xa4\"\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: \x01\"\x7f\\\xff\tz\r\nConnection: close\r\n\r\n")
    exchange(server.port, b"\x16\x03\r\n\r\n")
    server.wait_for_log(r"\\x16", "access.log")
    raw = (server.prefix / "logs/access.log").read_bytes()
    lines = raw.split(b"\n")
    stamp = rb"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
    match = re.fullmatch(
        rb'127\.0\.0\.1 - - ' + stamp + rb' "GET /\?a=b HTTP/1\.1" 200 10 "http://r\.test/" "Agent/1\.0 \(x; y\)"', lines[0])
    assert match, lines[0]
    logged = time.mktime(time.strptime(match[1].decode()[:-6], "%d/%b/%Y:%H:%M:%S"))
    assert abs(logged - before) < 3
    assert re.fullmatch(rb'127\.0\.0\.1 - - ' + stamp + rb' "GET /none HTTP/1\.1" 404 \d+ "-" "-"', lines[1])
    assert lines[2].endswith(b'] "GET /\\xC3\\xA4\\x22\\x5C HTTP/1.1" 404 ' + lines[1].split(b" ")[9]
                             + b' "-" "\\x01\\x22\\x7F\\x5C\\xFF\\x09z"'), lines[2]
    assert lines[3].endswith(b'] "\\x16\\x03" 400 ' + lines[3].split(b" ")[-3] + b' "-" "-"'), lines[3]
    assert lines[4:] == [b""]


def test_error_line(simple):
    server = simple("location / { }")
    fetch(server.port, "/none?q", host="Site.test:80", Referer="http://r.test/x")
    server.wait_for_log("none")
    line = next(line for line in server.log().splitlines() if "none" in line)
    worker = server.workers()[0]
    assert re.fullmatch(
        rf'\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] {worker}#{worker}: \*\d+ open\(\) "{server.prefix}/html/none" failed '
        r'\(2: No such file or directory\), client: 127\.0\.0\.1, server: localhost, request: "GET /none\?q HTTP/1\.1", '
        r'host: "Site\.test:80", referrer: "http://r\.test/x"', line), line


def test_error_log_levels_and_inheritance(simple):
    server = simple(
        'location /a { error_log logs/a.log; }\nlocation /crit { error_log logs/crit.log crit; }\n'
        'location /two { error_log logs/two1.log; error_log logs/two2.log; }\n'
        'location /stderr { error_log stderr; }')
    for path in ("/a/x", "/crit/x", "/two/x", "/stderr/x", "/x"):
        fetch(server.port, path)
    server.wait_for_log(r"html/x\"")
    assert server.log("a.log").count("\n") == 1
    assert server.log("crit.log") == ""
    assert server.log("two1.log") == server.log("two2.log") != ""
    assert "/html/stderr/x" in server.stderr()
    assert "html/a/x" not in server.log()


def test_start_and_stop_are_logged(simple):
    server = simple("location / { }", main="error_log logs/notice.log notice;")
    server.stop()
    text = server.log("notice.log")
    for part in (r"\[notice\] \d+#\d+: using the \"(?:epoll|io_uring)\" event method", r"nginx/\d+\.\d+\.\d+", r"OS: Linux ",
                 r"getrlimit\(RLIMIT_NOFILE\): \d+:\d+", r"start worker processes", r"start worker process \d+",
                 r"signal 15 \(SIGTERM\) received from \d+, exiting", r"worker process \d+ exited with code 0", r"\d+#\d+: exit$"):
        assert re.search(part, text, re.M), part


def test_formats_buffers_and_conditions(simple):
    server = simple(
        'location / { access_log logs/own.log own; return 200; }\n'
        'location /json { access_log logs/json.log json; return 200; }\n'
        'location /buffered { access_log logs/buffered.log own buffer=64k flush=300ms; return 200; }\n'
        'location /if { access_log logs/if.log own if=$arg_log; return 200; }\n'
        'location /many { access_log logs/$arg_name.log own; return 200; }\n'
        'location /gzip { access_log logs/gz.log.gz own gzip flush=200ms; return 200; }',
        http="log_format own '$request_method $uri [$time_iso8601] $msec $request_time $connection';\n"
             """log_format json escape=json '{"agent":"$http_user_agent"}';""")
    fetch(server.port, "/x")
    server.wait_for_log(r"^GET /x \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\] \d+\.\d{3} \d\.\d{3} \d+$", "own.log")
    fetch(server.port, "/json", User_Agent='a"b\\c')
    server.wait_for_log(r'^\{"agent":"a\\"b\\\\c"\}$', "json.log")
    fetch(server.port, "/buffered")
    server.wait_for_log("GET /buffered", "buffered.log")
    for path in ("/if", "/if?log=0", "/if?log=1"):
        fetch(server.port, path)
    # A line is written after the answer is sent.
    server.wait_for_log("GET /if", "if.log")
    assert server.log("if.log").count("\n") == 1
    fetch(server.port, "/many?name=first")
    server.wait_for_log("GET /many", "first.log")
    fetch(server.port, "/gzip")
    path = server.prefix / "logs/gz.log.gz"
    serving.wait_for(lambda: path.stat().st_size, 5, "the compressed log")
    assert gzip.decompress(path.read_bytes()).startswith(b"GET /gzip ")


def test_failing_logs_with_variables_in_their_names_tell_whose_line_is_lost(simple):
    """Their complaints say what was being done, and for which request; those of other logs have no single request."""
    backend = serving.Backend({"/page": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "close"]})
    upstream = f"127.0.0.1:{backend.port}"
    with tempfile.TemporaryDirectory() as folder, backend:
        os.chmod(folder, 0o755)
        with serving.Backend(backend.script, path=f"{folder}/socket"):
            server = simple(
                f"location / {{ access_log logs/$arg_d/x.log; return 200; }}\n"
                f"location /full {{ access_log /dev/$arg_d; return 200; }}\n"
                f"location /rootless {{ root nowhere; access_log logs/$arg_d.log; return 200; }}\n"
                f"location /proxied/ {{ access_log logs/$arg_d/x.log; proxy_pass http://{upstream}/; }}\n"
                f"location /unix/ {{ access_log logs/$arg_d/x.log; proxy_pass http://unix:{folder}/socket:/; }}")
            for path in ("/?d=none", "/full?d=full", "/rootless?d=a", "/proxied/page?d=none", "/unix/page?d=none"):
                assert fetch(server.port, path, host="a.test", Referer="http://r.test/").status == 200
            server.wait_for_log("GET /unix/page")
            server.wait_for_log("GET /proxied/page")
    prefix = re.escape(str(server.prefix))
    missing = rf'\[crit\] \S+ \*\d+ open\(\) "{prefix}/logs/none/x\.log" failed \(2: No such file or directory\)'
    for message, asked, through in (
            (missing, r"/\?d=none", ""),
            (r'\[alert\] \S+ \*\d+ write\(\) to "/dev/full" failed \(28: No space left on device\)', r"/full\?d=full", ""),
            (rf'\[error\] \S+ \*\d+ testing "{prefix}/nowhere" existence failed \(2: No such file or directory\)', r"/rootless\?d=a", ""),
            (missing, r"/proxied/page\?d=none", rf', upstream: "http://{re.escape(upstream)}/page\?d=none"'),
            # The colon behind a path has gone with the upstream's address, as in nginx.
            (missing, r"/unix/page\?d=none", rf', upstream: "http://unix:{folder}/socket/page\?d=none"')):
        line = (rf'^\S+ \S+ {message} while logging request, client: 127\.0\.0\.1, server: localhost, request: "GET {asked} HTTP/1\.1"'
                rf'{through}, host: "a\.test", referrer: "http://r\.test/"$')
        assert len(re.findall(line, server.log(), re.M)) == 1, (line, server.log())


def test_full_disk(simple):
    """Logs on a full disk lose their lines, and nothing else."""
    server = simple("location / { access_log /dev/full; error_log /dev/full; }\nlocation /buffered { access_log /dev/full combined buffer=1k; }")
    for _ in range(30):
        assert fetch(server.port, "/index.html").status == 200
        assert fetch(server.port, "/none").status == 404
        assert fetch(server.port, "/buffered/x").status == 404
    assert len(server.workers()) == 1


def test_upload_to_a_full_disk(simple):
    """A body that finds no room is refused with 500; the next small request is served."""
    if os.getuid() != 0:
        pytest.skip("mounting a small file system takes root")
    with serving.Backend({"*": serving.answer(b"ok")}) as backend:
        server = simple("client_max_body_size 0; location / { proxy_pass http://127.0.0.1:%%BACKEND%%; }",
                        values={"BACKEND": backend.port}, start=False)
        small = server.prefix / "temp"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", str(small)], capture_output=True)
        if mounted.returncode != 0:
            pytest.skip("no file system may be mounted here")
        try:
            server.start()
            assert fetch(server.port, "/", "POST", body=b"x" * 2_000_000).status == 500
            server.wait_for_log(r"\[crit\] .*(write\(\)|pwrite\(\)) \"?\S* ?failed \(28: No space left on device\)|\(28: No space left on device\)")
            assert fetch(server.port, "/", "POST", body=b"small").text == "ok"
        finally:
            server.stop()
            subprocess.run(["umount", str(small)], check=False)


def fail2ban(filter_name, log, option=()):
    if not shutil.which("fail2ban-regex"):
        pytest.fail("fail2ban is not installed: run scripts/install")
    done = subprocess.run(
        ["fail2ban-regex", *option, str(log), f"/etc/fail2ban/filter.d/{filter_name}.conf"],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    lines = re.search(r"Lines: (\d+) lines, (\d+) ignored, (\d+) matched, (\d+) missed", done.stdout)
    assert lines, done.stdout + done.stderr
    return int(lines[3])


def test_fail2ban_sees_password_failures(simple):
    server = simple('auth_basic "closed"; auth_basic_user_file html/users;\nlocation / { }', files={"users": b"me:{PLAIN}right\n"})
    for user in ("me:wrong", "you:any", "me:right"):
        value = "Basic " + base64.b64encode(user.encode()).decode()
        status = fetch(server.port, Authorization=value).status
        assert status == (200 if user == "me:right" else 401)
        fetch(server.port, Authorization=value, Referer="http://r.test/")
    server.wait_for_log(r'user "me": password mismatch, client')
    server.wait_for_log(r'user "you" was not found in "\S+html/users", client')
    assert fail2ban("nginx-http-auth", server.prefix / "logs/error.log") == 4


def test_fail2ban_sees_limited_requests(simple):
    server = simple("location / { limit_req zone=z; }\nlocation /delayed { limit_req zone=z2 burst=5; }\nlocation /conn { limit_conn c 1; }",
                    http="limit_req_zone $server_name zone=z:1m rate=1r/m; limit_req_zone $server_name zone=z2:1m rate=10r/s;\n"
                         "limit_conn_zone $server_name zone=c:1m;")
    statuses = [fetch(server.port).status for _ in range(4)]
    assert statuses == [200, 503, 503, 503]
    server.wait_for_log(r'\[error\] .*limiting requests, excess: \d\.\d{3} by zone "z", client: 127\.0\.0\.1')
    assert fail2ban("nginx-limit-req", server.prefix / "logs/error.log") == 3
    for _ in range(3):
        fetch(server.port, "/delayed/")
    server.wait_for_log(r'\[warn\] .*delaying request, excess: \d\.\d{3}, by zone "z2", client: 127\.0\.0\.1')


def test_fail2ban_sees_searching_robots(simple):
    server = simple("location / { }")
    for path in ("/phpmyadmin/index.php", "/wp-login.php", "/cgi-bin/x", "/harmless"):
        fetch(server.port, path)
    server.wait_for_log("harmless")
    assert fail2ban("nginx-botsearch", server.prefix / "logs/error.log") == 3
    assert fail2ban("nginx-botsearch", server.prefix / "logs/access.log") >= 3


def test_syslog(simple, folder):
    """Error and access log as datagrams to a unix socket, in RFC 3164's form."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        path = folder / "log.sock"
        receiver.bind(str(path))
        os.chmod(path, 0o777)
        receiver.settimeout(5)
        server = simple("location / { error_log syslog:server=unix:%%SOCK%%,tag=mine,severity=info;\n"
                        "access_log syslog:server=unix:%%SOCK%%,facility=local3,nohostname; }", values={"SOCK": path})
        fetch(server.port, "/none")
        messages = sorted(receiver.recv(4096).decode() for _ in range(2))
        text = "\n".join(messages)
        assert re.search(r"^<158>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d nginx: 127\.0\.0\.1 - - \[.*\"GET /none HTTP/1\.1\" 404 ", text, re.M), text
        assert re.search(r"^<187>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ mine: \d{4}/\d\d/\d\d .*\[error\] .* open\(\) ", text, re.M), text
        assert server.log("access.log") == ""


def test_a_buffered_log_is_written_when_its_worker_ends(simple):
    server = simple("location / { access_log logs/held.log combined buffer=64k; return 200; }")
    assert fetch(server.port, "/held").status == 200
    assert server.log("held.log") == ""
    server.stop(signal.SIGQUIT)
    assert '"GET /held HTTP/1.1" 200' in server.log("held.log")


@pytest.mark.parametrize("resolution, fewest, most", [("", 5, 1_000), ("timer_resolution 400ms;", 1, 4)])
def test_time_is_read_as_often_as_the_resolution_says(serve, resolution, fewest, most):
    server = serve(resolution + """
        error_log logs/error.log; pid nginx.pid; events { }
        http { %%TEMP%% access_log off;
               server { listen 127.0.0.1:%%PORT%%; location / { return 200 $msec; } } }""")
    times = set()
    with serving.Connection(server.port) as connection:
        began = time.monotonic()
        while time.monotonic() < began + 0.6:
            times.add(connection.ask(request("/", close=False)).text)
            time.sleep(0.005)
    assert fewest <= len(times) <= most


def test_a_client_finds_its_line_when_its_answer_ends(simple):
    """The end of a connection says that its request is over, the log included."""
    server = simple("location / { return 200 ok; }")
    for number in range(50):
        exchange(server.port, request(f"/line-{number}"))
        assert f"/line-{number} " in server.log("access.log")
