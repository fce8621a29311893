"""disable_symlinks: what the error log says of links that are not followed, and that no descriptor is left open."""

import os
import time

import pytest

from serving import fetch, wait_for

LOCATIONS = """
    location /on/ { disable_symlinks on from=$document_root; }
    location /tried/ { disable_symlinks on; try_files /on/link.txt =404; }
    location /packed/ { disable_symlinks on; gzip_static always; }
    location /from/ { disable_symlinks on from=%%PREFIX%%/html/missing; alias %%PREFIX%%/html/missing/; }
"""


@pytest.fixture
def linked(simple):
    server = simple(LOCATIONS, files={"on/plain.txt": b"plain", "packed/a.txt": b"plain"}, start=False)
    html = server.prefix / "html"
    (html / "on/link.txt").symlink_to("plain.txt")
    (html / "on/folder").symlink_to(".")
    (html / "packed/a.txt.gz").symlink_to("a.txt")
    server.start()
    return server


@pytest.mark.parametrize("path, status, line", [
    ("/on/link.txt", 403, r'\[error\] .* openat\(\) "\S+/html/on/link\.txt" failed \(40: Too many levels of symbolic links\), client:'),
    ("/on/folder/plain.txt", 404, r'\[error\] .* openat\(\) "\S+/html/on/folder/plain\.txt" failed \(20: Not a directory\), client:'),
    ("/tried/", 404, r'\[crit\] .* openat\(\) "\S+/html/on/link\.txt" failed \(40: Too many levels'),
    ("/packed/a.txt", 200, r'\[error\] .* openat\(\) "\S+/html/packed/a\.txt\.gz" failed \(40: Too many levels'),
    ("/from/x", 404, r'\[error\] .* open\(\) "\S+/html/missing/x" failed \(2: No such file or directory\), client:'),
])
def test_refused_links_are_logged(linked, path, status, line):
    assert fetch(linked.port, path).status == status
    linked.wait_for_log(line)


def test_no_descriptor_is_left_open(linked):
    worker = linked.workers()[0]
    for path in ("/on/plain.txt", "/on/link.txt", "/on/folder/plain.txt", "/on/missing", "/on/", "/tried/", "/from/x", "/packed/a.txt"):
        fetch(linked.port, path)
    time.sleep(0.3)
    before = len(os.listdir(f"/proc/{worker}/fd"))
    for _ in range(20):
        for path in ("/on/plain.txt", "/on/link.txt", "/on/folder/plain.txt", "/on/missing", "/on/", "/tried/", "/from/x", "/packed/a.txt"):
            fetch(linked.port, path)
    wait_for(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= before, 5, "as few descriptors as before")


@pytest.mark.parametrize("cache", ["", "open_log_file_cache max=10;"])
def test_logs_whose_names_clients_choose_are_no_links(simple, cache):
    server = simple("""
        %s
        location /on/ { disable_symlinks on; access_log %%%%PREFIX%%%%/logs/$arg_name.log; }
        location /owner/ { disable_symlinks if_not_owner; access_log %%%%PREFIX%%%%/logs/$arg_name.log; }
        location /off/ { access_log %%%%PREFIX%%%%/logs/$arg_name.log; }
        """ % cache, files={"on/a": b"", "owner/a": b"", "off/a": b""})
    logs = server.prefix / "logs"
    secret = server.prefix / "secret"
    secret.write_bytes(b"")
    secret.chmod(0o666)
    (logs / "link.log").symlink_to(secret)
    for place in ("on", "owner"):
        fetch(server.port, f"/{place}/a?name=link")
        server.wait_for_log(r'\[crit\] .* openat\(\) "\S+/logs/link\.log" failed \(40: Too many levels of symbolic links\)')
        assert secret.read_bytes() == b""
        fetch(server.port, f"/{place}/a?name=plain")
        server.wait_for_log(f"GET /{place}/a.name=plain", name="plain.log")
    fetch(server.port, "/off/a?name=link")
    wait_for(lambda: b"GET /off/a" in secret.read_bytes(), 5, "the line behind the link")
    fetch(server.port, "/on/a?name=link")
    assert b"GET /on/a" not in secret.read_bytes()
