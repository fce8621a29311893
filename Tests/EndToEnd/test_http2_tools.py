"""HTTP/2 with the clients that people use."""

import json
import os
import re
import shutil
import struct
import subprocess
import zlib

import pytest

import serving
from test_tls import authority  # noqa: F401

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


def picture(width):
    """A PNG of one row, whose width tells which it is, and of so many kilobytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" + bytes(width))) + chunk(b"tEXt", b"x\0" + b"y" * width * 1_000)
            + chunk(b"IEND", b""))


FIFTY = {f"{n}.png": picture(n) for n in range(1, 51)}
# Tells by which protocol each picture came, and how wide it is.
PAGE = ("<!DOCTYPE html><body>" + "".join(f"<img src=/{name}>" for name in FIFTY) + """<pre></pre><script>
onload = () => { document.querySelector("pre").textContent = JSON.stringify({
    widths: [...document.images].map(image => image.naturalWidth),
    protocols: performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
        .map(entry => entry.nextHopProtocol)}) };
</script>""").encode()


def test_nghttp_gets_a_page_of_fifty_objects(site):
    server = site(files={"page.html": PAGE, **FIFTY})
    table = run("nghttp", "-nas", server.url + "/page.html")
    rows = re.findall(r"\+\S+\s+\+\S+\s+\S+\s+(\d+)\s+(\S+)\s+(/\S+)$", table, re.M)
    assert len(rows) == 51 and {row[0] for row in rows} == {"200"}, table


@pytest.fixture
def page(serve, authority):  # noqa: F811
    """The page and its pictures, over TLS."""
    server = serve(
        """pid nginx.pid; error_log logs/error.log info; events { } http { %%TEMP%% root html; access_log logs/access.log;
           server { listen 127.0.0.1:%%PORT%% ssl; http2 on; ssl_certificate %%CA%%/localhost.crt;
                    ssl_certificate_key %%CA%%/localhost.key; types { text/html html; image/png png; } } }""",
        start=False, values={"CA": authority.folder})
    for name, content in {"page.html": PAGE, **FIFTY}.items():
        (server.prefix / "html" / name).write_bytes(content)
    server.start()
    server.url = f"https://localhost:{server.port}"
    yield server
    assert "[alert]" not in (server.prefix / "logs/error.log").read_text()


def test_curl_gets_fifty_objects_at_a_time(page, folder):
    shown = run("curl", "-sSk", "--parallel", "--parallel-max", "50", "-w", "%{http_version} %{http_code} %{num_connects}\\n",
                *(part for name in FIFTY for part in (f"{page.url}/{name}", "-o", str(folder / name))))
    lines = re.findall(r"^\d+ \d+ \d+$", shown, re.M)
    assert len(lines) == 50 and all(line.startswith("2 200 ") for line in lines), shown
    assert sum(line.endswith(" 1") for line in lines) == 1
    for name, content in FIFTY.items():
        assert (folder / name).read_bytes() == content


def chromium():
    for name in ("chromium-headless-shell", "chromium", "google-chrome"):
        if shutil.which(name):
            return name
    pytest.skip("no Chromium is installed (Debian: chromium-headless-shell)")


def test_chromium_gets_a_page_of_fifty_objects(page, folder):
    browser = chromium()
    dom = run(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
              "--disable-background-networking", "--ignore-certificate-errors", f"--user-data-dir={folder}/profile",
              "--virtual-time-budget=20000", "--dump-dom", f"{page.url}/page.html")
    told = json.loads(re.search(r"<pre>(\{.*\})</pre>", dom)[1])
    assert told["widths"] == list(range(1, 51)), dom[-2_000:]
    assert set(told["protocols"]) == {"h2"}
    page.wait_for_log(r'"GET /50\.png HTTP/2\.0" 200 ', "access.log")
    log = (page.prefix / "logs/access.log").read_text()
    assert len(re.findall(r'"GET /\d+\.png HTTP/2\.0" 200 ', log)) == 50


def resident(server):
    """Bytes of memory of the worker."""
    with open(f"/proc/{server.workers()[0]}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1_024


def test_a_hundred_streams_on_a_hundred_connections(site):
    """No request fails, and memory does not grow from one round to the next."""
    server = site("access_log off; http2_max_concurrent_streams 100; location / { }", files={"small": BIG[:1_000]})
    sizes = []
    for _ in range(4):
        text = run("h2load", "-c100", "-m100", "-n20000", server.url + "/small")
        assert "20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout" in text, text
        sizes.append(resident(server))
    # The first rounds make what the later ones use again.
    assert sizes[3] - sizes[1] < 4 * 1_048_576, sizes


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
