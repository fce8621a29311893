"""Folders for temporary files: which are made at the start, for whom, and that nothing starts without them."""

import os
import pwd
import shutil
import signal
import subprocess
import time

import pytest

import serving
from serving import fetch
from test_processes import start_failure

SITE = "location / { return 200 one; }"
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

as_root = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can give rights up, and setpriv does it")


def without(*capabilities):
    names = ",".join(f"-{name}" for name in capabilities)
    return ["setpriv", f"--bounding-set={names}", f"--inh-caps={names}"]


def check(server, way=()):
    """The exit status of `-t`, and what is wrong by it."""
    done = subprocess.run([*way, *server.arguments("-t")], capture_output=True, text=True, timeout=20)
    lines = done.stderr.splitlines()
    assert lines[-1].endswith("test is successful" if done.returncode == 0 else "test failed")
    return done.returncode, [line for line in lines if "[emerg]" in line]


def placed(server, path, level="http"):
    """Names a folder by `proxy_temp_path`, in place of what the frame has, or as its only one within the server."""
    text = server.config.replace("proxy_temp_path temp/proxy;", "")
    place = "access_log logs/access.log;" if level == "http" else "server_name localhost;"
    server.configure(text.replace(place, f"{place} proxy_temp_path {path};"))
    server.prefix.chmod(0o777)
    return server.prefix / path


CASES = {
    "missing": (lambda path: None, "none/deep", (), 'mkdir() "{}" failed (2: No such file or directory)'),
    "file": (lambda path: path.parent.write_text(""), "file/deep", (), 'mkdir() "{}" failed (20: Not a directory)'),
    "closed": (lambda path: path.parent.mkdir(mode=0o700), "closed/deep", UNPRIVILEGED,
               'mkdir() "{}" failed (13: Permission denied)'),
    "link": (lambda path: path.symlink_to("nowhere"), "link", (), 'stat() "{}" failed (2: No such file or directory)'),
    "owner": (lambda path: None, "own", without("chown"), 'chown("{}", {user}) failed (1: Operation not permitted)'),
    "mode": (lambda path: (path.mkdir(), os.chown(path, pwd.getpwnam("www-data").pw_uid, -1), path.chmod(0o500)), "mode",
             without("fowner"), 'chmod() "{}" failed (1: Operation not permitted)'),
}


@as_root
@pytest.mark.parametrize("level", ["http", "server"])
@pytest.mark.parametrize("case", CASES)
def test_a_folder_that_cannot_be_prepared_is_refused(simple, case, level):
    """The check said that all was well, and requests with bodies failed."""
    prepare, name, way, message = CASES[case]
    server = simple(SITE, main="user www-data;", start=False)
    # All the others are there.
    assert check(server) == (0, [])
    for left in ("nginx.pid", "logs/error.log"):
        (server.prefix / left).unlink(missing_ok=True)
    path = placed(server, name, level)
    prepare(path)
    wanted = message.format(path, user=pwd.getpwnam("www-data").pw_uid)
    assert check(server, way) == (1, [f"nginx: [emerg] {wanted}"])
    assert wanted in server.log()
    if not way:
        assert start_failure(server).splitlines()[0] == f"nginx: [emerg] {wanted}"


@as_root
def test_a_folder_is_made_for_the_workers(simple):
    """Its owner gets all rights; one that is there, and a file even, is taken as it is."""
    user = pwd.getpwnam("www-data").pw_uid
    server = simple(SITE, main="user www-data;", start=False)
    path = placed(server, "own")
    for _ in range(2):
        assert check(server) == (0, [])
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (user, 0o700)
    path.chmod(0o455)
    os.chown(path, 0, -1)
    assert check(server) == (0, [])
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (user, 0o755)
    path.rmdir()
    path.write_text("no folder")
    assert check(server) == (0, [])


def test_a_folder_that_cannot_be_made_at_reload_keeps_serving(simple):
    server = simple(SITE)
    workers = server.workers()
    path = placed(server, "none/deep")
    server.configure(server.config.replace("return 200 one", "return 200 two"))
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(rf'\[emerg\] \d+#\d+: mkdir\(\) "{path}" failed \(2: No such file or directory\)$')
    time.sleep(0.2)
    assert fetch(server.port).text == "one" and server.workers() == workers
    path.parent.mkdir()
    server.reload()
    assert fetch(server.port).text == "two"


@pytest.mark.skipif(serving.is_nginx(serving.SUBJECT), reason="its default folders are its packages'")
def test_default_folders_are_made_only_where_they_are_used(simple):
    """A server that names none uses the default; one that does, or nobody, leaves it unmade."""
    server = simple(SITE, start=False)

    def made(text):
        for found in server.prefix.glob("*_temp"):
            found.rmdir()
        server.configure(text)
        assert check(server) == (0, [])
        return sorted(found.name for found in server.prefix.glob("*_temp"))

    plain = server.config
    assert made(plain) == ["fastcgi_temp", "proxy_temp", "scgi_temp", "uwsgi_temp"]
    for place in ("access_log logs/access.log;", "server_name localhost;"):
        own = plain.replace(place, f"{place} proxy_temp_path temp/proxy;")
        assert made(own) == ["fastcgi_temp", "scgi_temp", "uwsgi_temp"]
    # Another server beside the one that names its own.
    assert made(f"{own.rstrip()[:-1]} server {{ listen 127.0.0.1:{serving.free_port()}; }} }}")[1] == "proxy_temp"
    # Without servers nobody does.
    assert made(plain[:plain.index("server {")] + "}") == []
