"""What both folders of tests share: a server under test as a process, and raw HTTP over sockets."""

import contextlib
import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
# One process serves without a master, as scripts/profile wants it. Tests of several processes fail then.
ALONE = "APUS_TEST_ALONE" in os.environ
SUBJECT = os.environ.get("APUS_BINARY") or str(ROOT / ".build/release/apus")
REFERENCE = os.environ.get("NGINX_BINARY", "/usr/sbin/nginx")
# What every configuration says by `use`, so that all tests can be run on another way of hearing from the kernel.
EVENT_METHOD = os.environ.get("APUS_TEST_USE")

# A directive that is not built yet is refused with one of these, and its tests wait for it.
NOT_BUILT = re.compile(r".*not (?:supported|built|implemented) yet.*")


def is_nginx(binary):
    """Whether the binary is the real nginx: what only Apus promises is then not asked of it."""
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, timeout=10)
    return re.search(r"nginx/[\d.]+$", (said.stderr + said.stdout).strip()) is not None


def end(process, how=signal.SIGTERM, seconds=10):
    """Ends a process that was started here, by force if it does not end in time."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# ---------------------------------------------------------------------------------------- ports

_low, _high = map(int, os.environ.get("APUS_TEST_PORTS", "18300-18499").split("-"))
_next_port = _low


def free_port():
    """A port of the tests' range that nothing listens on, a different one at each call."""
    global _next_port
    for _ in range(_high - _low + 1):
        port = _next_port
        _next_port = _next_port + 1 if _next_port < _high else _low
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no free port")


def together(count, action):
    """Does something so many times at once, and waits until all are done."""
    threads = [threading.Thread(target=action) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(condition, seconds=10, what="condition", pause=0.01):
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {seconds} s")
        time.sleep(pause)


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listens(port):
    """Whether a socket listens on the port: found out without a connection, which the server would count."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                return True
    return False


# ------------------------------------------------------------------------------------ processes

def children(pid):
    """The living child processes of a process."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def is_alive(pid):
    """Whether a thread of the process lives: a dead one keeps the files while another is still ending."""
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                return True
    return False


def title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


class Daemon:
    """A process that is not our child, with what is used of Popen."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if is_alive(self.pid) else 0

    def wait(self, timeout=10):
        try:
            wait_for(lambda: not is_alive(self.pid), timeout, "the daemon's end")
        except TimeoutError as late:
            raise subprocess.TimeoutExpired("daemon", timeout) from late
        return 0

    def send_signal(self, number):
        os.kill(self.pid, number)


class StartFailure(Exception):
    """The server ended instead of serving."""

    def __init__(self, status, stderr):
        super().__init__(f"exit status {status}: {stderr}")
        self.status, self.stderr = status, stderr


class Server:
    """A server on a configuration text of its own, in a folder of its own.

    In the text `%%PORT%%` is its port, `%%PREFIX%%` its folder, `%%TEMP%%` the directives that
    keep temporary files in that folder; further names come from `values`.
    """

    def __init__(self, prefix, config, binary=SUBJECT, port=None, values=None, allowed=()):
        self.prefix = pathlib.Path(prefix)
        self.binary = binary
        self.port = port or free_port()
        self.values = dict(values or {})
        # Texts in "exited on signal" lines that a test provokes on purpose.
        self.allowed = list(allowed)
        self.process = None
        for folder in ("logs", "html", "temp"):
            (self.prefix / folder).mkdir(parents=True, exist_ok=True)
        # Workers give up root's rights: what they write to must be open to them.
        (self.prefix / "temp").chmod(0o777)
        (self.prefix / "logs").chmod(0o777)
        self.prefix.chmod(0o755)
        self.link = self.prefix / "nginx"
        if not self.link.is_symlink():
            self.link.symlink_to(shutil.which(binary) or binary)
        self.configure(config)

    def configure(self, config):
        self.config = self.render(config)
        (self.prefix / "nginx.conf").write_text(self.config)

    def render(self, text):
        temp = ["client_body_temp_path temp/body;"]
        if self.binary == REFERENCE:
            # Each of its modules wants a folder, used or not, that only root may make.
            temp += [f"{name}_temp_path temp/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi")]
        elif "proxy_pass" in text + str(self.values.get("SITE")) + str(self.values.get("SERVER")):
            temp.append("proxy_temp_path temp/proxy;")
        if EVENT_METHOD and self.binary != REFERENCE and not re.search(r"\buse\s", text):
            text = re.sub(r"\bevents\s*\{", f"events {{ use {EVENT_METHOD};", text)
        values = {
            "PORT": self.port, "PREFIX": self.prefix, "TEMP": " ".join(temp), **self.values}
        return re.sub(r"%%(\w+)%%", lambda match: str(values[match[1]]), text)

    def arguments(self, *more):
        return [str(self.link), "-p", f"{self.prefix}/", "-c", "nginx.conf", "-e", "logs/error.log",
                *more]

    def run(self, *more, timeout=20):
        """Runs the binary to its end: `-t`, `-s reload` and the like."""
        return subprocess.run(
            self.arguments(*more), capture_output=True, text=True, errors="replace",
            timeout=timeout, stdin=subprocess.DEVNULL)

    def start(self, *more, wait=True, globals="daemon off;", env=None, stdout=None, before=None):
        if ALONE:
            globals += "master_process off;"
        self.stderr_path = self.prefix / "logs/stderr.txt"
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                self.arguments("-g", globals, *more), stdin=subprocess.DEVNULL,
                stdout=stdout or stderr, stderr=stderr, start_new_session=True,
                env={**os.environ, **(env or {})}, preexec_fn=before)
        self.pid = self.process.pid
        if wait:
            try:
                self.wait_until_up()
            except StartFailure as failure:
                skip_if_not_built(failure.stderr)
                raise
        return self

    def start_daemon(self):
        """As a service does: the command returns when the server is ready, with the pid written."""
        self.stderr_path = self.prefix / "logs/stderr.txt"
        done = self.run()
        self.stderr_path.write_text(done.stderr)
        if done.returncode != 0:
            skip_if_not_built(done.stderr)
            raise StartFailure(done.returncode, done.stderr)
        self.adopt(int((self.prefix / "nginx.pid").read_text()))
        self.wait_until_up()
        return self

    def adopt(self, pid):
        self.process, self.pid = Daemon(pid), pid

    def wait_until_up(self, seconds=15):
        def is_up():
            if self.process.poll() is not None:
                raise StartFailure(self.process.poll(), self.stderr())
            return listens(self.port) and (ALONE or self.workers())
        wait_for(is_up, seconds, f"server on port {self.port}")

    def send_signal(self, number):
        os.kill(self.pid, number)

    def workers(self):
        """The worker processes that serve, without those that are shutting down."""
        return [pid for pid in children(self.pid) if "worker process" in title(pid)
                and "shutting down" not in title(pid)]

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def log(self, name="error.log"):
        try:
            return (self.prefix / "logs" / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_for_log(self, pattern, name="error.log", seconds=5):
        return wait_for(
            lambda: re.search(pattern, self.log(name), re.M), seconds,
            f"{pattern!r} in {name}, which holds: {self.log(name)[-1500:]!r}")

    def reload(self):
        """HUP, and waits until only workers of the new configuration accept."""
        before = set(self.workers())
        self.send_signal(signal.SIGHUP)
        wait_for(lambda: self.workers() and not before & set(self.workers()), 10, "reload")

    def stop(self, how=signal.SIGTERM, seconds=15):
        if self.process is None:
            return
        family = [self.pid, *children(self.pid)]
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                for pid in family:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"the master did not end: {self.log()[-2000:]}")
        self.process = None
        self.check_health()

    def check_health(self):
        """No input of any kind ends a worker."""
        ended = [line for line in self.log().splitlines() if "exited on signal" in line]
        ended = [line for line in ended if not any(text in line for text in self.allowed)]
        assert not ended, ended
        assert "Fatal error" not in self.stderr(), self.stderr()[-2000:]


def skip_if_not_built(text):
    """Skips the test when the subject says that it does not know a directive yet."""
    if match := NOT_BUILT.match(text.strip().splitlines()[0] if text.strip() else ""):
        pytest.skip(match[0])


# ----------------------------------------------------------------------------------------- HTTP

class Response:
    """A response as it came: status line, headers in order, body without its framing."""

    def __init__(self, version, status, reason, headers, body, complete=True):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body, self.complete = headers, body, complete

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def __getitem__(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Connection:
    """A TCP (or unix) connection with the bytes that have come but are not read yet."""

    def __init__(self, port=None, address="127.0.0.1", path=None, timeout=10, receive_buffer=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            target = str(path)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            target = (address, port)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(target)
        if not path:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, piece=None, pause=0.0005):
        """Sends all of it, or in pieces of so many bytes; stops when the peer has closed."""
        try:
            if piece is None:
                self.socket.sendall(data)
                return True
            for start in range(0, len(data), piece):
                self.socket.sendall(data[start:start + piece])
                time.sleep(pause)
            return True
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.ECONNRESET):
                return False
            raise

    def more(self):
        """Receives once. False at the end of the stream, or when it was reset."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def rest(self):
        """Everything up to the end of the stream."""
        while self.more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed(self, within=2.0):
        """Whether the peer closes in that time without sending anything more."""
        self.socket.settimeout(within)
        try:
            return not self.more()
        except TimeoutError:
            return False

    def response(self, method="GET"):
        """Reads one response by its framing. None when the peer closed before one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                if not self.buffer:
                    return None
                raise AssertionError(f"an unfinished head: {self.buffer!r}")
        parsed, self.buffer = parse_response(self.buffer, method, self.more_bytes)
        return parsed

    def more_bytes(self):
        before = len(self.buffer)
        return self.buffer[before:] if self.more() else b""

    def ask(self, request, method=None):
        self.send(request)
        return self.response(method or request.split(b" ", 1)[0].decode("latin-1"))


def parse_response(data, method, more):
    """Takes one response off the front of data. `more` gives further bytes, nothing at the end."""
    head, data = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"(HTTP/\d\.\d) (\d{3}) ?(.*)", lines[0])
    if not match:
        raise AssertionError(f"not a status line: {lines[0]!r}")
    status = int(match[2])
    headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "")
               for line in lines[1:]]
    fields = {name.lower(): value for name, value in headers}
    complete = True

    def need(count):
        nonlocal data, complete
        while len(data) < count:
            if not (fresh := more()):
                complete = False
                return False
            data += fresh
        return True

    if method == "HEAD" or status in (204, 304) or 100 <= status < 200:
        body = b""
    elif fields.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            while b"\r\n" not in data and need(len(data) + 1):
                pass
            if b"\r\n" not in data:
                break
            line, data = data.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            if not need(size + 2):
                body += data
                data = b""
                break
            if size == 0:
                # Trailers end with an empty line.
                while not data.startswith(b"\r\n") and b"\r\n\r\n" not in data:
                    if not need(len(data) + 1):
                        break
                if data.startswith(b"\r\n"):
                    data = data[2:]
                else:
                    trailers, _, data = data.partition(b"\r\n\r\n")
                    headers += [tuple(line.split(": ", 1))
                                for line in trailers.decode("latin-1").split("\r\n")]
                break
            body, data = body + data[:size], data[size + 2:]
    elif "content-length" in fields:
        size = int(fields["content-length"])
        need(size)
        body, data = data[:size], data[size:]
    else:
        while need(len(data) + 1):
            pass
        complete = True
        body, data = data, b""
    return Response(match[1], status, match[3], headers, body, complete), data


def request(path="/", method="GET", host="localhost", body=None, close=True, version="1.1", **headers):
    """A request's bytes. Header names are given with underscores: `If_Range="..."`."""
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None and "Transfer_Encoding" not in headers and "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def fetch(port, path="/", method="GET", timeout=10, **options):
    """One request over a connection of its own."""
    with Connection(port, timeout=timeout) as connection:
        return connection.ask(request(path, method, **options), method)


def exchange(port, data, timeout=10, piece=None):
    """Sends bytes and gives everything that comes until the peer closes."""
    with Connection(port, timeout=timeout) as connection:
        connection.send(data, piece=piece)
        return connection.rest()


# ------------------------------------------------------------------------------------- upstreams

class Backend:
    """An upstream that does what a script says, path by path, and keeps what it was sent.

    A script is a list of steps: bytes are sent, a number is a pause, "close" ends the connection,
    "reset" breaks it, "keep" waits for the next request on it. Without a step at the end the
    connection is closed. A script may be a function of the request's bytes that gives a list.
    The path /show answers with the request itself, head and body as they came.
    """

    def __init__(self, script=None, address="127.0.0.1", path=None, port=None):
        self.script = dict(script or {})
        self.requests = []
        self.connections = 0
        self._open = set()
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            os.chmod(path, 0o777)
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.port = port or free_port()
            self.socket.bind((address, self.port))
        self.socket.listen(128)
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        # A server that ends takes its connections with it, the kept ones too.
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self.closed:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        try:
            self._answer_all(connection)
        finally:
            self._open.discard(connection)

    def _answer_all(self, connection):
        with connection, contextlib.suppress(OSError):
            buffer = b""
            while True:
                received, buffer = self.read_request(connection, buffer)
                if received is None:
                    return
                self.requests.append(received)
                path = self.path(received)
                steps = self.script.get(path, self.script.get("*"))
                if path == "/show" and steps is None:
                    steps = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
                             % len(received) + received, "keep"]
                if steps is None:
                    steps = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "keep"]
                if callable(steps):
                    steps = steps(received)
                if not self._perform(connection, steps):
                    return

    @staticmethod
    def _perform(connection, steps):
        for step in steps:
            if step == "keep":
                return True
            if step == "close":
                return False
            if step == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            if isinstance(step, (int, float)):
                time.sleep(step)
            else:
                connection.sendall(step)
        return False

    @staticmethod
    def path(received):
        """The path that a request asks for: the script's key."""
        return received.split(b" ", 2)[1].decode("latin-1").split("?")[0]

    @staticmethod
    def read_request(connection, buffer):
        def more():
            nonlocal buffer
            data = connection.recv(65536)
            buffer += data
            return bool(data)

        while b"\r\n\r\n" not in buffer:
            if not more():
                return None, b""
        head = buffer.index(b"\r\n\r\n") + 4
        fields = buffer[:head].lower()
        if match := re.search(rb"\r\ncontent-length: *(\d+)", fields):
            end = head + int(match[1])
            while len(buffer) < end and more():
                pass
        elif b"\r\ntransfer-encoding: chunked" in fields:
            while b"0\r\n\r\n" not in buffer[head:] and more():
                pass
            end = buffer.index(b"0\r\n\r\n", head) + 5
        else:
            end = head
        return buffer[:end], buffer[end:]


def answer(body=b"", status="200 OK", head="", keep=True):
    """A script for one well-formed answer."""
    head = head + "\r\n" if head else ""
    text = f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1")
    return [text + body, "keep" if keep else "close"]
