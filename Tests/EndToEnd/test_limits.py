"""What waits and what is counted: delayed answers, rates and numbers of requests over several workers."""

import base64
import os
import signal
import time

import pytest
import serving
from serving import Connection, fetch, request, wait_for

ZONES = """
    limit_req_zone $arg_key zone=rate:1m rate=10r/s;
    limit_req_zone $arg_key zone=slow:1m rate=1r/m;
    limit_conn_zone $arg_key zone=count:1m;
"""
LOCATIONS = """
    location /delayed { limit_req zone=rate burst=3; alias html/index.html; }
    location /slow { limit_req zone=slow burst=5 nodelay; alias html/index.html; }
    location /counted { limit_conn count 2; alias html/big; }
    location /closed { auth_basic x; auth_basic_user_file users; auth_delay 300ms; alias html/index.html; }
    location = /figures { stub_status; }
"""
FILES = {"big": b"x" * 20_000_000}


def statuses(server, path, count=4):
    return [fetch(server.port, path, method="HEAD").status for _ in range(count)]


def hold(server, path):
    """A client that does not read: its request stays under way."""
    connection = Connection(server.port, receive_buffer=4096)
    connection.send(request(path))
    connection.more()
    return connection


def test_requests_over_the_rate_wait_their_turn(simple):
    server = simple(LOCATIONS, http=ZONES)
    start = time.monotonic()
    with Connection(server.port) as connection:
        connection.send(request("/delayed?key=a", close=False) * 3 + request("/delayed?key=a"))
        for _ in range(4):
            assert connection.response().text == "the index\n"
    assert 0.25 < time.monotonic() - start < 1.5
    assert "delaying request, excess: 0." in server.log() or "delaying request, excess: 1.000" in server.log()


@pytest.mark.parametrize("path", ["/delayed?key=b", "/closed"])
def test_a_client_that_leaves_while_it_waits(simple, path):
    server = simple(LOCATIONS, http=ZONES)
    (server.prefix / "users").write_text("")
    fetch(server.port, "/delayed?key=b")
    for number in range(3):
        with Connection(server.port) as connection:
            connection.send(request(path, close=False))
            time.sleep(0.05)
    wait_for(lambda: server.log("access.log").count(" 499 ") == 3, 5, "three lines with 499")
    assert "Active connections: 1 " in fetch(server.port, "/figures").text


def test_a_refused_password_is_held_back(simple):
    server = simple(LOCATIONS, http=ZONES)
    (server.prefix / "users").write_text("user:{PLAIN}right\n")

    def ask(password):
        start = time.monotonic()
        credentials = base64.b64encode(f"user:{password}".encode()).decode()
        return fetch(server.port, "/closed", Authorization=f"Basic {credentials}").status, time.monotonic() - start

    status, elapsed = ask("wrong")
    assert status == 401 and elapsed > 0.28
    status, elapsed = ask("right")
    assert status == 200 and elapsed < 0.28


def test_workers_share_what_they_count(simple):
    server = simple(LOCATIONS, http=ZONES, workers=2)
    assert sorted(statuses(server, "/slow?key=a", 9)) == [200] * 6 + [503] * 3
    server.reload()
    assert statuses(server, "/slow?key=a", 2) == [503, 503]


def test_a_place_is_given_back(simple):
    server = simple(LOCATIONS, http=ZONES, files=FILES, workers=2)
    held = [hold(server, "/counted?key=a") for _ in range(2)]
    assert set(statuses(server, "/counted?key=a")) == {503}
    assert set(statuses(server, "/counted?key=b")) == {200}
    for connection in held:
        connection.socket.close()
    wait_for(lambda: set(statuses(server, "/counted?key=a")) == {200}, 5, "free places")


def test_a_killed_worker_holds_no_place(simple):
    """nginx would refuse the key for ever."""
    server = simple(LOCATIONS, http=ZONES, files=FILES, workers=2, allowed=["signal 9"])
    if serving.is_nginx(server.binary):
        pytest.skip("nginx keeps what a killed worker held")
    held = [hold(server, "/counted?key=a") for _ in range(2)]
    assert set(statuses(server, "/counted?key=a")) == {503}
    old = server.workers()
    for worker in old:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: len(set(server.workers()) - set(old)) == 2, 5, "new workers")
    wait_for(lambda: set(statuses(server, "/counted?key=a")) == {200}, 5, "free places")
    for connection in held:
        connection.socket.close()
