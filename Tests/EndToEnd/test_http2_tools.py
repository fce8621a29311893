"""HTTP/2 with the clients that people use."""

import os
import re
import shutil
import subprocess

import pytest

import serving

BIG = os.urandom(300_000)


@pytest.fixture
def site(simple):
    def start(text="location / { }", **options):
        server = simple(f"http2 on; keepalive_requests 1000000; {text}", **options)
        server.url = f"http://127.0.0.1:{server.port}"
        return server

    if serving.is_nginx(serving.SUBJECT):
        pytest.skip("newer than the nginx at hand")
    return start


def run(*argv, text=True):
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(argv, capture_output=True, timeout=60, text=text)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


def test_curl(site, folder):
    with serving.Backend() as upstream:
        server = site(f"client_max_body_size 0; location / {{ }} location /up/ "
                      f"{{ proxy_pass http://127.0.0.1:{upstream.port}/show; }}", files={"big": BIG})
        curl = ("curl", "-sS", "--http2-prior-knowledge")
        assert run(*curl, server.url + "/big", text=False) == BIG
        assert "HTTP/2 200" in run(*curl, "-I", server.url + "/big")
        (folder / "body").write_bytes(BIG)
        shown = run(*curl, "--data-binary", f"@{folder / 'body'}", server.url + "/up/", text=False)
        assert shown.endswith(b"\r\n\r\n" + BIG)
        # An offer to change the protocol is one that nginx does not take up.
        assert "HTTP/1.1 200" in run("curl", "-sSi", "--http2", server.url + "/")


def test_nghttp_gets_a_page_of_fifty_objects(site):
    page = "".join(f"<img src=/{n}.png>" for n in range(50)).encode()
    server = site(files={"page.html": page, **{f"{n}.png": os.urandom(n * 1_000) for n in range(50)}})
    table = run("nghttp", "-nas", server.url + "/page.html")
    rows = re.findall(r"\+\S+\s+\+\S+\s+\S+\s+(\d+)\s+(\S+)\s+(/\S+)$", table, re.M)
    assert len(rows) == 51 and {row[0] for row in rows} == {"200"}, table


@pytest.mark.parametrize("path, clients, streams, count", [
    ("/", 10, 100, 20_000), ("/big", 4, 10, 300), ("/up", 10, 20, 4_000), ("/none", 5, 50, 5_000),
])
def test_h2load(site, path, clients, streams, count):
    with serving.Backend({"/up": serving.answer(b"x" * 5_000)}) as upstream:
        server = site(f"access_log off; location / {{ log_not_found off; }} "
                      f"location = /up {{ proxy_pass http://127.0.0.1:{upstream.port}; }}", files={"big": BIG})
        text = run("h2load", f"-c{clients}", f"-m{streams}", f"-n{count}", server.url + path)
        kind = "4xx" if path == "/none" else "2xx"
        assert f"{count} done" in text and "0 errored, 0 timeout" in text, text
        assert re.search(rf"status codes: .*\b{count} {kind}", text), text
