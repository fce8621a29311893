"""The demonstration site as the tests use it: its own configuration text, real Gunicorns, free ports."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

import serving

DEMO = serving.ROOT / "demo"

# The tests of these files are made on io_uring, too: what a loop over it could do wrong would show in them.
ON_BOTH_METHODS = {"test_moved_bodies", "test_processes", "test_reading", "test_spooling", "test_upstreams", "test_websocket"}


def pytest_generate_tests(metafunc):
    if metafunc.module.__name__ in ON_BOTH_METHODS and not serving.EVENT_METHOD and not serving.is_nginx(serving.SUBJECT):
        metafunc.parametrize("event_method", ["epoll", "io_uring"], indirect=True)


@pytest.fixture(autouse=True)
def event_method(request, monkeypatch):
    """What every configuration of a test says by `use`."""
    if method := getattr(request, "param", None):
        monkeypatch.setattr(serving, "EVENT_METHOD", method)
    return method or serving.EVENT_METHOD or "epoll"


class Gunicorn:
    """The Flask application of the demonstration site under a Gunicorn."""

    def __init__(self, folder, instance="", path=None):
        self.path, self.port = path, None if path else serving.free_port()
        self.folder = folder
        bind = f"unix:{path}" if path else f"127.0.0.1:{self.port}"
        with open(folder / f"gunicorn{instance}.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--chdir", str(DEMO / "app"), "--bind", bind,
                 "--workers", "1", "--threads", "8", "--no-control-socket", "--umask", "0",
                 "--worker-tmp-dir", str(folder), "app:application"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "DEMO_INSTANCE": instance})
        serving.wait_for(self.is_up, 20, "gunicorn")

    def is_up(self):
        if self.path:
            return self.path.exists()
        return serving.accepts(self.port)

    def stop(self, how=signal.SIGTERM):
        serving.end(self.process, how)

    def kill(self):
        """Ends it at once with all its workers, as a machine that fails."""
        family = [self.process.pid, *serving.children(self.process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        # Its workers are nobody's children now, and end a moment later.
        serving.wait_for(lambda: not any(map(serving.is_alive, family)), 5, "the end of Gunicorn's workers")


@pytest.fixture
def gunicorn(folder):
    """Starts Gunicorns, and ends them."""
    started = []

    def start(**options):
        started.append(Gunicorn(folder, **options))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def install_demo(prefix, port, upstream, extra=""):
    """Copies the site into a prefix and gives it the port and the upstream; nothing else is changed."""
    shutil.copytree(DEMO, prefix, dirs_exist_ok=True, ignore=shutil.ignore_patterns("app", "__pycache__"))
    application = prefix / "conf.d/app.conf"
    text = application.read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    text = text.replace("proxy_pass http://localhost:8000;", f"proxy_pass {upstream};")
    application.write_text(extra + text)
    return (prefix / "nginx.conf").read_text()


def local_name():
    """A host name, other than localhost, that this machine's hosts file gives a loopback address."""
    for line in pathlib.Path("/etc/hosts").read_text().splitlines():
        fields = line.split("#")[0].split()
        if fields and fields[0] == "127.0.0.1":
            for name in fields[1:]:
                if name != "localhost" and re.fullmatch(r"[\w.-]+", name):
                    return name
    return "localhost"


@pytest.fixture
def site(folder, gunicorn, serve):
    """Serves the demonstration site with an upstream of the given form."""
    def start(form="localhost"):
        prefix = folder / "server0"
        port = serving.free_port()
        extra = ""
        applications = []
        if form == "unix":
            applications.append(gunicorn(path=folder / "app.sock"))
            upstream = f"http://unix:{folder}/app.sock"
        elif form == "group":
            applications += [gunicorn(instance="one"), gunicorn(instance="two")]
            servers = " ".join(f"server 127.0.0.1:{each.port};" for each in applications)
            extra = f"upstream application {{ {servers} }}\n"
            upstream = "http://application"
        else:
            applications.append(gunicorn())
            name = "localhost" if form == "localhost" else local_name()
            upstream = f"http://{name}:{applications[0].port}"
        config = install_demo(prefix, port, upstream, extra)
        server = serve(config, port=port)
        server.applications = applications
        return server

    return start


# What most tests put around a few locations.
FRAME = """
worker_processes %%WORKERS%%;
error_log logs/error.log info;
pid nginx.pid;
%%MAIN%%
events { worker_connections 512; %%EVENTS%% }
http {
    %%TEMP%%
    access_log logs/access.log;
    %%HTTP%%
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name localhost;
        root html;
%%SERVER%%
    }
}
"""


@pytest.fixture
def simple(serve):
    """Serves locations in a plain frame."""
    def start(server_text, http="", main="", events="", workers=1, start=True, files=None, **options):
        values = {"WORKERS": workers, "MAIN": main, "EVENTS": events, "HTTP": http, "SERVER": server_text,
                  **options.pop("values", {})}
        server = serve(FRAME, start=False, values={**values, "MAIN": "", "HTTP": "", "SERVER": ""}, **options)
        for name in ("MAIN", "HTTP", "SERVER"):
            server.values[name] = server.render(values[name])
        server.configure(FRAME)
        for path, content in {"index.html": b"the index\n", **(files or {})}.items():
            target = server.prefix / "html" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if start:
            server.start()
        return server

    return start
