"""Requests the demonstration site's pages. Usage: check.py [--wait SECONDS] PORT

With --wait: only waits until both server blocks answer, for at most so many seconds.
"""

import argparse
import http.client
import sys
import time

# Host, path, status, a text the body must hold.
PAGES = [
    ("localhost", "/", 200, "Apus is running"),
    ("localhost", "/about.html", 200, "What this site shows"),
    ("localhost", "/static/unicode.txt", 200, "Mauersegler"),
    ("localhost", "/nothing-here", 404, "404 Not Found"),
    ("app.localhost", "/", 200, "Hello"),
    ("app.localhost", "/static/style.css", 200, "color-scheme"),
    ("app.localhost", "/stream?lines=3&pause=0.01", 200, "line 3 of 3"),
    ("app.localhost", "/echo?a=b", 200, "/echo?a=b"),
]


def fetch(port, host, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def wrong(port, pages):
    """The first page that is not as it should be, as a sentence; None when all are right."""
    for host, path, status, text in pages:
        try:
            found, body = fetch(port, host, path)
        except OSError as error:
            return f"http://{host}:{port}{path}: {error}"
        if found != status or text not in body:
            return f"http://{host}:{port}{path}: status {found}, expected {status} and {text!r}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    pages = [PAGES[0], PAGES[4]] if arguments.wait else PAGES
    deadline = time.monotonic() + arguments.wait
    while problem := wrong(arguments.port, pages):
        if time.monotonic() >= deadline:
            sys.exit(problem)
        time.sleep(0.1)


main()
