"""The same bytes to the real nginx and to the subject, and what is compared of their answers."""

import concurrent.futures
import difflib
import gzip
import os
import pathlib
import re
import shutil
import tempfile

import pytest

import serving
from serving import REFERENCE, SUBJECT, Connection, Server, request

# Around every site: one worker, so that log lines come in the order of the requests; short
# keep-alive, so that reading to the end of the stream is quick; and a server of its own
# whose log line tells that all lines before it are written.
FRAME = """
worker_processes 1;
error_log logs/error.log info;
pid nginx.pid;
events { worker_connections 256; }
http {
    %%TEMP%%
    default_type application/octet-stream;
    types { text/html html; text/plain txt; text/css css; application/json json; image/gif gif; }
    log_format compared '$remote_addr - $remote_user "$request" $status $body_bytes_sent '
                        '"$http_referer" "$http_user_agent" $request_length $connection_requests '
                        '$pipe "$uri" "$args" "$host" $server_name $content_type %%EXTRA_LOG%%';
    access_log logs/access.log compared;
    server_tokens off;
    keepalive_timeout 150ms;
    client_header_timeout 800ms;
    client_body_timeout 800ms;
    lingering_timeout 200ms;
    server {
        listen 127.0.0.1:%%MARKER%%;
        log_not_found off;
    }
%%SITE%%
}
"""


class Site:
    """A configuration for `http {}`, the files it serves, and named requests to put to it."""

    def __init__(self, name, config, requests, files=None, log="", torn=True,
                 untorn=(), backend=None, speaks=serving.Backend):
        self.name, self.config, self.requests = name, config, requests
        self.files = files or {}
        self.log = log
        # Whether the requests are also put in single bytes.
        self.torn, self.untorn = torn, untorn
        # The script of the upstream on %%BACKEND%%, which both servers share.
        self.backend = backend
        # What the upstream speaks: a kind of `serving.Backend`.
        self.speaks = speaks


class Link:
    """Among a site's files: a symbolic link, of an owner."""

    def __init__(self, target, owner=-1):
        self.target, self.owner = target, owner


# The time of every served file, so that validators agree and expected texts can name it.
MODIFIED = 1_600_000_000
MODIFIED_TEXT = "Sun, 13 Sep 2020 12:26:40 GMT"


class Pair:
    """The reference and the subject, running on the same site."""

    def __init__(self, site):
        self.site = site
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-diff-"))
        self.folder.chmod(0o755)
        self.root = self.folder / "root"
        self.root.mkdir()
        for path, content in {"index.html": b"the index\n", **site.files}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith("/"):
                target.mkdir(exist_ok=True)
            elif isinstance(content, Link):
                target.symlink_to(content.target)
                os.chown(target, content.owner, -1, follow_symlinks=False)
            else:
                target.write_bytes(content)
        for path in sorted(self.root.rglob("*"), reverse=True):
            os.utime(path, (MODIFIED, MODIFIED), follow_symlinks=False)
        os.utime(self.root, (MODIFIED, MODIFIED))
        self.answers = {}
        self.servers = []
        self.backend = site.speaks(site.backend) if site.backend is not None else None
        try:
            # Folder names of one length, so that texts which hold them have one length too.
            for name, binary in (("one", REFERENCE), ("two", SUBJECT)):
                self.servers.append(self.make(name, binary))
            for server in self.servers:
                server.start()
        except BaseException:
            self.close(check=False)
            raise

    def make(self, name, binary):
        marker = serving.free_port()
        server = Server(
            self.folder / name, FRAME, binary=binary,
            values={"MARKER": marker, "ROOT": self.root, "EXTRA_LOG": self.site.log,
                    "BACKEND": self.backend.port if self.backend else "", "SITE": ""})
        server.values["SITE"] = server.render(self.site.config)
        server.configure(FRAME)
        server.marker, server.offset, server.marks = marker, 0, 0
        return server

    def close(self, check=True):
        problems = []
        for server in self.servers:
            try:
                server.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        if self.backend:
            self.backend.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if check:
            assert not problems, "\n".join(problems)

    def answer(self, server, data, piece=None):
        """The bytes of the answer, and the access-log lines that it left."""
        data = data.replace(b"%%PORT%%", str(server.port).encode())
        with Connection(server.port, timeout=8) as connection:
            connection.send(data, piece=piece)
            try:
                raw = connection.rest()
            except TimeoutError:
                raw = connection.buffer + b"\n(the connection stays open)"
        return raw, self.log_lines(server)

    def log_lines(self, server):
        server.marks += 1
        mark = f"/marker-{server.marks}"
        serving.exchange(server.marker, request(mark))
        log = server.prefix / "logs/access.log"

        def fresh():
            with open(log, "rb") as file:
                file.seek(server.offset)
                lines = file.read()
            return lines if f"GET {mark} ".encode() in lines and lines.endswith(b"\n") else None

        lines = serving.wait_for(fresh, 5, "the marker's log line")
        server.offset += len(lines)
        return [line for line in lines.splitlines() if b"GET /marker-" not in line]

    def normal(self, server, text):
        """Without what differs because two servers cannot have one port and one folder."""
        text = text.replace(str(server.port).encode(), b"PORT!")
        return text.replace(str(server.prefix).encode(), b"PREFIX")

    def both(self, name, data):
        """The comparable answers of both servers; the reference is asked once per request."""
        reference, subject = self.servers
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(self.answer, reference, data)
            second = pool.submit(self.answer, subject, data)
            self.answers[name] = comparable(self, reference, data, *first.result())
            return self.answers[name], comparable(self, subject, data, *second.result())

    def torn(self, data):
        """The subject's answer to the request in single bytes."""
        subject = self.servers[1]
        return comparable(self, subject, data, *self.answer(subject, data, piece=1))


def comparable(pair, server, data, raw, lines):
    """An answer as a list of plain lines, so that a difference reads well."""
    raw = pair.normal(server, raw)
    shown = []
    is_compressed = False
    methods = re.findall(rb"(?:^|\n|(?<=[^\n]))(GET|HEAD|POST|PUT|DELETE|OPTIONS) \S+ HTTP/1", data)
    while raw:
        method = methods.pop(0).decode() if methods else "GET"
        if not re.match(rb"HTTP/\d\.\d \d{3}(?: [^\r\n]*)?\r\n", raw) or b"\r\n\r\n" not in raw:
            shown.append(f"bytes: {raw!r}")
            break
        response, raw = serving.parse_response(raw, method, lambda: b"")
        shown.append(f"{response.version} {response.status} {response.reason}")
        boundary = re.search(r"boundary=(\w+)", response["Content-Type"] or "")
        # The order of differing names is free (RFC 9110 5.3); that of equal names is not.
        for header, value in sorted(response.headers, key=lambda field: field[0].lower()):
            if header == "Date":
                value = "DATE"
            elif header == "Server":
                value = re.sub(r"nginx/\S+.*", "nginx/VERSION", value)
            elif header in ("Expires",) and "Cache-Control" in dict(response.headers):
                value = "Cache-Control's time" if "Thu, 01 Jan 1970" not in value else value
            if boundary:
                value = value.replace(boundary[1], "BOUNDARY")
            shown.append(f"{header}: {value}")
        body = response.body
        if boundary:
            body = body.replace(boundary[1].encode(), b"BOUNDARY")
        if response["Content-Encoding"] == "gzip" and response.complete:
            body = b"gzip of " + gzip.decompress(body) if body else b""
            is_compressed = is_compressed or not response["Content-Length"]
        body = re.sub(rb"nginx/[\d.]+[^<\r\n]*", b"nginx/VERSION", body)
        shown.append(f"body: {body!r}" + ("" if response.complete else " (unfinished)"))
    for line in lines:
        line = pair.normal(server, line).decode("latin-1")
        # How dense a body becomes is the compressor's affair.
        shown.append("log: " + (re.sub(r'(" \d{3}) \d+ ', r"\1 SIZE ", line) if is_compressed else line))
    return shown


# Pairs are started once and kept while their requests last; pytest asks for a site's in a row.
_current = {}


def pair_for(site):
    if site.name not in _current:
        close_pairs()
        try:
            _current[site.name] = Pair(site)
        except pytest.skip.Exception as skipped:
            _current[site.name] = skipped
        except Exception as problem:
            _current[site.name] = AssertionError(f"the site does not start: {problem}")
    found = _current[site.name]
    if isinstance(found, BaseException):
        raise found
    return found


def close_pairs():
    pairs = [pair for pair in _current.values() if isinstance(pair, Pair)]
    _current.clear()
    for pair in pairs:
        pair.close()


def differences(reference, subject):
    """The lines that are not the same, as `- reference` and `+ subject`."""
    return [line for line in difflib.unified_diff(reference, subject, lineterm="", n=0)
            if not line.startswith(("---", "+++", "@@"))]


def get(path, **options):
    return request(path, **options)


def raw(*lines, body=b"", end="\r\n"):
    """A request head from its lines, each ended by `end`."""
    return (end.join(lines) + end + end).encode("latin-1") + body
