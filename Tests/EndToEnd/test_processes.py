"""Master and workers: signals, reloads, upgrades, bad configurations, and what a worker's death costs."""

import contextlib
import os
import pathlib
import pwd
import re
import signal
import subprocess
import threading
import time

import pytest

import serving
from serving import Connection, StartFailure, children, fetch, is_alive, request, title, wait_for

SITE = "location / { return 200 one; }\nlocation /file { alias html/index.html; }\nlocation /slow { limit_rate 20k; }"
BIG = b"z" * 60_000


def changed(server, old="return 200 one", new="return 200 two"):
    server.configure(server.config.replace(old, new))


def test_titles_and_pid_file(simple):
    server = simple(SITE, workers=2)
    assert int((server.prefix / "nginx.pid").read_text()) == server.pid
    assert title(server.pid).startswith(f"nginx: master process {server.prefix}/nginx -p ")
    wait_for(
        lambda: [title(pid) for pid in server.workers()] == ["nginx: worker process"] * 2,
        what="two workers")
    assert pathlib.Path(f"/proc/{server.pid}/comm").read_text().strip() == "nginx"
    server.stop()
    assert not (server.prefix / "nginx.pid").exists()


def test_daemon(simple):
    """Without `daemon off` the command returns when the server is ready, with the pid written."""
    server = simple(SITE, start=False).start_daemon()
    assert fetch(server.port).text == "one"
    # A session of its own, without a terminal.
    assert os.getsid(server.pid) == server.pid
    assert os.readlink(f"/proc/{server.pid}/fd/0") == "/dev/null"
    assert server.run("-s", "reopen").returncode == 0
    assert server.run("-s", "quit").returncode == 0
    assert server.process.wait(10) == 0


def test_without_master(simple):
    """`master_process off` serves in one process."""
    server = simple(SITE, start=False)
    server.start(wait=False, globals="daemon off; master_process off;")
    wait_for(lambda: serving.accepts(server.port) or server.process.poll() is not None, 10, "the server")
    serving.skip_if_not_built(server.stderr())
    assert fetch(server.port).text == "one" and children(server.pid) == []
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_fast_stop(simple, number):
    """TERM and INT cut what is under way."""
    server = simple(SITE, files={"slow": BIG})
    with Connection(server.port) as connection:
        connection.send(request("/slow"))
        time.sleep(0.2)
        server.send_signal(number)
        assert server.process.wait(5) == 0
        connection.rest()
    assert not serving.accepts(server.port)


def test_graceful_stop(simple):
    """QUIT lets requests end, closes idle connections and takes no new ones."""
    server = simple(SITE, files={"slow": BIG})
    with Connection(server.port) as idle, Connection(server.port) as busy:
        idle.ask(request("/", close=False))
        busy.send(request("/slow", close=False))
        time.sleep(0.3)
        worker = server.workers()[0]
        server.send_signal(signal.SIGQUIT)
        assert idle.is_closed(3)
        wait_for(lambda: title(worker) == "nginx: worker process is shutting down", 3, "the title")
        wait_for(lambda: not serving.accepts(server.port), 3, "the closed port")
        response = busy.response()
        assert response.body == BIG and response["Connection"] in ("close", "keep-alive")
        assert busy.is_closed()
    assert server.process.wait(5) == 0


def test_command_line_signals(simple):
    server = simple(SITE)
    worker = server.workers()
    assert server.run("-s", "reload").returncode == 0
    wait_for(lambda: server.workers() and server.workers() != worker, 5, "reload")
    assert server.run("-s", "stop").returncode == 0
    assert server.process.wait(5) == 0
    done = server.run("-s", "stop")
    assert done.returncode == 1
    assert re.search(r'^nginx: \[error\] (open\(\) "\S+nginx\.pid" failed \(2: No such file or directory\)|invalid PID number)', done.stderr)
    assert 'invalid option: "-s nonsense"' in server.run("-s", "nonsense").stderr


def test_reload_takes_the_new_configuration(simple):
    server = simple(SITE)
    with Connection(server.port) as old:
        assert old.ask(request("/", close=False)).text == "one"
        changed(server)
        started = time.monotonic()
        server.reload()
        assert fetch(server.port).text == "two"
        # certbot sleeps one second after a reload.
        assert time.monotonic() - started < 1.0
        assert old.is_closed(3)


def test_reloads_leave_no_descriptors_with_the_master(simple):
    """Configurations that are over were kept, each with its log files, until the master could open no more."""
    server = simple(SITE)
    server.reload()
    descriptors = pathlib.Path(f"/proc/{server.pid}/fd")
    before = sorted(os.readlink(link) for link in descriptors.iterdir())
    for _ in range(3):
        server.reload()
    assert len(list(descriptors.iterdir())) == len(before), (before, [os.readlink(link) for link in descriptors.iterdir()])


def test_reload_with_changed_listeners(simple):
    server = simple(SITE)
    other = serving.free_port()
    server.configure(server.config.replace(f"listen 127.0.0.1:{server.port};", f"listen 127.0.0.1:{other};"))
    server.reload()
    assert fetch(other).text == "one"
    wait_for(lambda: not serving.accepts(server.port), 5, "the closed port")


@pytest.mark.parametrize("damage, message", [
    (("return 200 one", "retrun 200 one"), r'\[emerg\] .*unknown directive "retrun" in \S+nginx\.conf:\d+'),
    (("return 200 one;", "return 200 one"), r'\[emerg\] .*(unexpected "}"|invalid number of arguments in "return" directive) in \S+nginx\.conf:\d+'),
    (("events {", "events "), r'\[emerg\] .*in \S+nginx\.conf:\d+'),
    (("access_log logs/access.log;", "access_log none/access.log;"), r'\[emerg\] .*open\(\) "\S+none/access\.log" failed \(2: No such file or directory\)'),
    (("listen 127.0.0.1:", "listen 127.0.0.300:"), r'\[emerg\] .*host not found in "127\.0\.0\.300:\d+" of the "listen" directive in \S+nginx\.conf:\d+'),
], ids=["typo", "semicolon", "brace", "log", "listen"])
def test_bad_configuration_at_reload_keeps_serving(simple, damage, message):
    server = simple(SITE)
    good, workers = server.config, server.workers()
    server.configure(good.replace(*damage))
    done = server.run("-s", "reload")
    assert done.returncode == 1 or "none/" in message
    test = server.run("-t")
    assert test.returncode == 1 and test.stderr.splitlines()[-1] == f"nginx: configuration file {server.prefix}/nginx.conf test failed"
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(message)
    time.sleep(0.2)
    assert fetch(server.port).text == "one"
    assert server.workers() == workers
    server.configure(good.replace("200 one", "200 better"))
    server.reload()
    assert fetch(server.port).text == "better"


def test_port_in_use_at_reload_keeps_serving(simple):
    server, other = simple(SITE), simple(SITE)
    server.configure(server.config.replace("server_name localhost;", f"server_name localhost; listen 127.0.0.1:{other.port};"))
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(rf"\[emerg\] \d+#\d+: bind\(\) to 127\.0\.0\.1:{other.port} failed \(98: Address already in use\)")
    server.wait_for_log(r"\[emerg\] \d+#\d+: still could not bind\(\)")
    assert fetch(server.port).text == "one"


def start_failure(server):
    with pytest.raises(StartFailure) as caught:
        server.start()
    server.process = None
    serving.skip_if_not_built(caught.value.stderr)
    assert caught.value.status == 1
    return caught.value.stderr


def test_port_in_use_at_start(simple):
    first = simple(SITE)
    second = simple(SITE, start=False, port=first.port)
    second.start(wait=False)
    assert second.process.wait(10) == 1
    second.process = None
    lines = second.stderr().splitlines()
    assert lines[0] == f"nginx: [emerg] bind() to 127.0.0.1:{first.port} failed (98: Address already in use)"
    assert lines[-1] == "nginx: [emerg] still could not bind()"
    assert fetch(first.port).text == "one"


@pytest.mark.parametrize("change, message", [
    (("error_log logs/error.log info;", "error_log none/x.log;"),
     r'nginx: \[emerg\] open\(\) "\S+/none/x\.log" failed \(2: No such file or directory\)'),
    (("access_log logs/access.log;", "access_log /proc/none/x;"),
     r'nginx: \[emerg\] open\(\) "/proc/none/x" failed \(2: No such file or directory\)'),
    (("worker_processes 1;", "user nobody-of-that-name;"),
     r'nginx: \[emerg\] getpwnam\("nobody-of-that-name"\) failed in \S+nginx\.conf:2'),
    (("worker_processes 1;", "include none.conf;"),
     r'nginx: \[emerg\] open\(\) "\S+/none\.conf" failed \(2: No such file or directory\) in \S+nginx\.conf:2'),
    (("worker_processes 1;", "worker_processes 1"),
     r'nginx: \[emerg\] invalid number of arguments in "worker_processes" directive in \S+nginx\.conf:3'),
], ids=["error-log", "access-log", "user", "include", "semicolon"])
def test_refuses_to_start(simple, change, message):
    if change[1].startswith("user") and os.getuid() != 0:
        pytest.skip("user is ignored without root's rights")
    server = simple(SITE, start=False)
    server.configure(server.config.replace(*change))
    assert re.match(message, start_failure(server).splitlines()[0])


def test_missing_configuration(simple):
    server = simple(SITE, start=False)
    (server.prefix / "nginx.conf").unlink()
    done = server.run("-t")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [lines[0], lines[-1]] == [
        f'nginx: [emerg] open() "{server.prefix}/nginx.conf" failed (2: No such file or directory)',
        f"nginx: configuration file {server.prefix}/nginx.conf test failed"]


def test_check_options(simple):
    server = simple(SITE, start=False)
    done = server.run("-t")
    serving.skip_if_not_built(done.stderr)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.splitlines()[-2:] == [
        f"nginx: the configuration file {server.prefix}/nginx.conf syntax is ok",
        f"nginx: configuration file {server.prefix}/nginx.conf test is successful"]
    quiet = server.run("-tq")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    dump = server.run("-T")
    assert dump.returncode == 0
    assert dump.stdout.startswith(f"# configuration file {server.prefix}/nginx.conf:\n" + server.config)
    version = server.run("-v")
    assert re.match(r"nginx version: nginx/\d+\.\d+\.\d+", version.stderr) and version.stdout == ""
    assert "configure arguments:" in server.run("-V").stderr
    for option in ("-h", "-?"):
        assert "Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]" in server.run(option).stderr
    assert 'nginx: invalid option: "x"' in server.run("-x").stderr


@pytest.mark.parametrize("first, second, conflicts", [
    ("", "", [""]), ("server_name a b;", "server_name b *.c;", ["b"]), ("", "server_name a;", []),
    ('server_name a "";', "server_name A;", ["a"]), ('server_name a "";', "", [""]), ("server_name .d;", "server_name d *.d;", ["d", "*.d"]),
    ("server_name ~^a;", "server_name ~^a;", []),
])
def test_servers_of_the_same_name_are_warned_of(simple, first, second, conflicts):
    """Two without any were not."""
    server = simple(SITE, start=False)
    servers = "".join(f"server {{ listen 127.0.0.1:{server.port}; {names} }}\n" for names in (first, second))
    server.configure(server.config[:server.config.index("server {")] + servers + "}")
    lines = [line for line in server.run("-t").stderr.splitlines() if "[warn]" in line]
    assert lines == [f'nginx: [warn] conflicting server name "{name}" on 127.0.0.1:{server.port}, ignored' for name in conflicts]


def test_reopen_for_logrotate(simple):
    """USR1 after a rename: lines go to a new file, and to the old one until then."""
    server = simple(SITE, workers=2)
    fetch(server.port, "/before")
    log = server.prefix / "logs/access.log"
    log.rename(log.with_suffix(".1"))
    fetch(server.port, "/between")
    server.send_signal(signal.SIGUSR1)
    wait_for(log.exists, 5, "the new log")
    wait_for(lambda: fetch(server.port, "/after").status and "/after" in log.read_text(), 5, "a line in the new log")
    old = log.with_suffix(".1").read_text()
    assert "/before" in old and "/between" in old
    worker_user = pathlib.Path(f"/proc/{server.workers()[0]}").stat().st_uid
    assert log.stat().st_uid in (worker_user, os.getuid())


def test_killed_worker_is_replaced(simple):
    server = simple(SITE, workers=2, allowed=["exited on signal 9"])
    before = server.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: len(server.workers()) == 2 and before[0] not in server.workers(), 5, "a new worker")
    assert before[1] in server.workers()
    server.wait_for_log(rf"\[alert\] \d+#\d+: worker process {before[0]} exited on signal 9")
    assert fetch(server.port).text == "one"


def test_user_of_workers(simple):
    if os.getuid() != 0:
        pytest.skip("only root changes users")
    server = simple(SITE, main="user www-data;")

    assert pathlib.Path(f"/proc/{server.workers()[0]}").stat().st_uid == pwd.getpwnam("www-data").pw_uid
    assert fetch(server.port, "/file").status == 200
    secret = server.prefix / "html/secret"
    secret.write_text("x")
    secret.chmod(0o600)
    server.configure(server.config.replace("location /file {", "location = /secret { }\nlocation /file {"))
    server.reload()
    assert fetch(server.port, "/secret").status == 403
    server.wait_for_log(r'open\(\) "\S+/secret" failed \(13: Permission denied\)')


def test_worker_counts_and_affinity(simple):
    available = len(os.sched_getaffinity(0))
    server = simple(SITE, workers="auto", main="worker_cpu_affinity auto;")
    wait_for(lambda: len(server.workers()) == available, 5, "a worker for each processor")
    masks = [os.sched_getaffinity(pid) for pid in server.workers()]
    assert all(len(mask) == 1 for mask in masks) and len(set().union(*masks)) == available


def test_limit_of_open_files(simple):
    server = simple(SITE, main="worker_rlimit_nofile 333;")
    limits = pathlib.Path(f"/proc/{server.workers()[0]}/limits").read_text()
    assert re.search(r"Max open files +333 +333 ", limits)


def test_where_workers_leave_their_core_files(simple):
    """`working_directory` and `worker_rlimit_core`: the folder, and how large they may be; the master stays as it is."""
    server = simple(SITE, start=False)
    folder = server.prefix / "cores"
    folder.mkdir(mode=0o777)
    server.configure(server.config.replace("events", f"worker_rlimit_core 3m; working_directory {folder}; events", 1))
    server.start()
    [worker] = server.workers()
    assert os.readlink(f"/proc/{worker}/cwd") == str(folder) != os.readlink(f"/proc/{server.pid}/cwd")
    limits = {pid: pathlib.Path(f"/proc/{pid}/limits").read_text() for pid in (worker, server.pid)}
    assert re.search(rf"^Max core file size +{3 << 20} +{3 << 20} ", limits[worker], re.M)
    assert f" {3 << 20} " not in limits[server.pid]


def test_out_of_descriptors(simple):
    """Beyond the limit connections wait; when others end, they are served."""
    server = simple(SITE, main="worker_rlimit_nofile 60;")
    held = [Connection(server.port) for _ in range(100)]
    time.sleep(0.3)
    for connection in held[:80]:
        connection.socket.close()
    wait_for(lambda: held[99].ask(request("/")) is not None, 10, "an answer")
    for connection in held[80:]:
        connection.socket.close()
    assert fetch(server.port).text == "one"
    assert "exited" not in server.log()


def test_shutdown_timeout(simple):
    server = simple(SITE, main="worker_shutdown_timeout 500ms;", files={"slow": BIG * 10})
    with Connection(server.port) as connection:
        connection.send(request("/slow"))
        time.sleep(0.2)
        started = time.monotonic()
        server.send_signal(signal.SIGQUIT)
        assert server.process.wait(5) == 0
        assert 0.3 < time.monotonic() - started < 3


def pid_in(server, name):
    """The number in a pid file; 0 while there is none, as between its removal and its return."""
    try:
        return int((server.prefix / name).read_text() or 0)
    except FileNotFoundError:
        return 0


def upgrade(server):
    """USR2 and WINCH, as a package's script does it; gives the new master.

    nginx does this as a daemon only: one that another program runs is for that program to replace.
    """
    server.send_signal(signal.SIGUSR2)
    wait_for(lambda: (server.prefix / "nginx.pid.oldbin").exists(), 10, "nginx.pid.oldbin")
    new = wait_for(lambda: pid_in(server, "nginx.pid"), 10, "the new pid")
    assert new != server.pid and int((server.prefix / "nginx.pid.oldbin").read_text()) == server.pid
    wait_for(lambda: [pid for pid in children(new) if "worker process" in title(pid)], 10, "new workers")
    server.send_signal(signal.SIGWINCH)
    wait_for(lambda: not server.workers(), 10, "the end of the old workers' accepting")
    return new


def finish_upgrade(server, new):
    """The old master goes; the server object is now the new one."""
    server.send_signal(signal.SIGQUIT)
    server.process.wait(15)
    wait_for(lambda: not (server.prefix / "nginx.pid.oldbin").exists(), 5, "the old pid file's end")
    server.adopt(new)


def end(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_alive(pid), 10, "the new master's end")


def test_binary_upgrade(simple):
    server = simple(SITE, workers=2, start=False).start_daemon()
    changed(server)
    new = upgrade(server)
    try:
        assert fetch(server.port).text == "two"
        assert not [pid for pid in children(server.pid) if pid != new and "shutting" not in title(pid)]
        finish_upgrade(server, new)
        assert is_alive(new) and fetch(server.port).text == "two"
    except BaseException:
        end(new)
        raise


def test_binary_upgrade_taken_back(simple):
    """HUP to the old master brings its workers back; the new one goes."""
    server = simple(SITE, start=False).start_daemon()
    changed(server)
    new = upgrade(server)
    try:
        changed(server, "return 200 two", "return 200 one")
        server.send_signal(signal.SIGHUP)
        wait_for(server.workers, 10, "the old master's workers")
    finally:
        end(new)
    wait_for(lambda: pid_in(server, "nginx.pid") == server.pid, 5, "the old pid file back")
    assert fetch(server.port).text == "one"


def test_binary_upgrade_that_fails(simple):
    """A new binary that does not take the configuration leaves the old one serving."""
    server = simple(SITE, start=False).start_daemon()
    changed(server, "events {", "evnets {")
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log(r'unknown directive "evnets"|exited with code 1')
    wait_for(lambda: pid_in(server, "nginx.pid") == server.pid, 5, "the pid file back")
    assert fetch(server.port).text == "one"


class Load:
    """Clients that ask without pause, over kept and over fresh connections, and note each failure."""

    def __init__(self, port, clients=8):
        self.port, self.count, self.failures, self.stopped = port, 0, [], False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(number,), daemon=True) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        kept = number % 2 == 0
        connection, served = None, 0
        while not self.stopped:
            try:
                if connection is None:
                    connection, served = Connection(self.port, timeout=10), 0
                response = connection.ask(request("/file" if number % 4 < 2 else "/", close=not kept))
                if response is None and served:
                    # A kept connection that was closed before the request: any client asks anew.
                    connection.socket.close()
                    connection = None
                    continue
                if response is None or response.status != 200 or not response.complete:
                    raise AssertionError(f"{response}")
                served += 1
                with self.lock:
                    self.count += 1
                if response["Connection"] == "close":
                    connection.socket.close()
                    connection = None
            except (OSError, AssertionError) as problem:
                if connection is not None:
                    connection.socket.close()
                if not (served and isinstance(problem, (ConnectionResetError, BrokenPipeError))):
                    self.failures.append((time.monotonic(), repr(problem)))
                connection = None

    def stop(self):
        self.stopped = True
        for thread in self.threads:
            thread.join(20)


def test_load_over_reloads_upgrade_and_kill(simple):
    """20 reloads and a binary upgrade cost no request; a kill -9 at most those that the worker held."""
    server = simple(SITE, workers=2, start=False, allowed=["exited on signal 9"]).start_daemon()
    load = Load(server.port)
    new = None
    try:
        for number in range(20):
            changed(server, server.config[server.config.index("return 200 "):].split(";")[0], f"return 200 round{number}")
            server.reload()
        assert load.failures == []
        new = upgrade(server)
        time.sleep(0.3)
        finish_upgrade(server, new)
        assert load.failures == []
        assert fetch(server.port).text == "round19"
        victim = [pid for pid in children(new) if title(pid) == "nginx: worker process"][0]
        os.kill(victim, signal.SIGKILL)
        time.sleep(1.5)
    finally:
        load.stop()
        if new and server.pid != new:
            end(new)
    assert len(load.failures) <= 8, load.failures
    assert load.count > 500


def test_a_storm_of_reloads_leaves_no_old_worker(simple):
    """Old workers go when their clients have gone, or have been silent for as long as they may, whatever was under way."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)
    with serving.Backend({"/": [answer, "keep"], "/never": [20.0, "close"]}) as backend:
        server = simple(
            f"location / {{ return 200 one; }} location /file {{ alias html/index.html; }} location /big {{ }}"
            f"location /up {{ proxy_pass http://kept/; }} location /never {{ proxy_pass http://kept; proxy_read_timeout 1s; }}",
            workers=2, http=f"""
            client_header_timeout 1s; client_body_timeout 1s; send_timeout 1s; keepalive_timeout 1s; lingering_timeout 1s;
            upstream kept {{ server 127.0.0.1:{backend.port}; keepalive 4; }}""",
            files={"big": bytes(5_000_000)})
        load = Load(server.port, clients=4)
        held = []
        first = set(server.workers())
        for number in range(40):
            for path, text in [("/big", request("/big", close=False)), ("/up", request("/up", close=False)), ("/up", request("/up")),
                               ("/never", request("/never")), ("/", request("/")[:10])]:
                held.append(Connection(server.port, receive_buffer=4096))
                held[-1].send(text)
            for connection in held[-40:-30]:
                connection.socket.close()
            server.send_signal(signal.SIGHUP)
            time.sleep(0.05 * (number % 4))
        load.stop()
        assert not first & set(server.workers())
        # The connections stay open on their clients' side.
        wait_for(lambda: len(children(server.pid)) == 2, 8, "the end of all old workers")
        for connection in held:
            connection.socket.close()


def test_wrk_during_reloads(simple):
    server = simple(SITE, workers=2)
    wrk = subprocess.Popen(
        ["wrk", "-t", "1", "-c", "20", "-d", "6s", f"http://127.0.0.1:{server.port}/file"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    for _ in range(20):
        time.sleep(0.2)
        server.reload()
    output = wrk.communicate(timeout=30)[0]
    assert "Non-2xx" not in output, output
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    # wrk counts a kept connection that is closed between two requests as a read error; at a reload
    # each of its connections may be.
    assert errors is None or (errors[1], errors[3], errors[4]) == ("0", "0", "0"), output
    assert errors is None or int(errors[2]) <= 20 * 20, output
    assert int(re.search(r"(\d+) requests in", output)[1]) > 1000
