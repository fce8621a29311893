"""WebSockets through the proxy, with a real client and a real server."""

import asyncio
import contextlib
import os
import signal
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as serve_websockets

import serving

LOCATION = """
        location / {
            proxy_pass http://127.0.0.1:%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
        }
        location /plain { return 200 plain; }
"""


@pytest.fixture
def echo():
    """An echoing WebSocket server in a thread of its own; gives its port."""
    port = serving.free_port()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    done = asyncio.Event()

    async def handle(connection):
        async for message in connection:
            await connection.send(message)

    async def main():
        async with serve_websockets(handle, "127.0.0.1", port, max_size=None):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    ready.wait(10)
    yield port
    loop.call_soon_threadsafe(done.set)
    thread.join(10)


def test_messages_of_all_sizes_both_ways(simple, echo):
    server = simple(LOCATION, values={"BACKEND": echo})

    async def talk():
        async with connect(f"ws://127.0.0.1:{server.port}/chat", max_size=None, proxy=None) as socket:
            for size in (0, 1, 125, 126, 65535, 65536, 2_000_000):
                data = os.urandom(size)
                await socket.send(data)
                assert await asyncio.wait_for(socket.recv(), 10) == data
            await socket.send("Стриж")
            assert await socket.recv() == "Стриж"

    asyncio.run(talk())
    server.wait_for_log(r'"GET /chat HTTP/1\.1" 101 \d+ ', "access.log")


def test_many_at_once_beside_plain_requests(simple, echo):
    server = simple(LOCATION, values={"BACKEND": echo})

    async def one(number):
        async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as socket:
            for step in range(20):
                await socket.send(f"{number}.{step}")
                assert await socket.recv() == f"{number}.{step}"

    async def all_of_them():
        await asyncio.gather(*(one(number) for number in range(50)))

    asyncio.run(all_of_them())
    assert serving.fetch(server.port, "/plain").text == "plain"


def test_idle_longer_than_read_timeout_is_closed(simple, echo):
    server = simple(LOCATION.replace("proxy_http_version", "proxy_read_timeout 500ms; proxy_http_version"),
                    values={"BACKEND": echo})

    async def wait():
        async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None, ping_interval=None) as socket:
            await socket.send("x")
            assert await socket.recv() == "x"
            with contextlib.suppress(Exception):
                await asyncio.wait_for(socket.recv(), 5)
                raise AssertionError("a message from nowhere")
            assert socket.close_code is not None

    asyncio.run(wait())
    server.wait_for_log(r"upstream timed out \(110: Connection timed out\) while proxying upgraded connection, client")


def test_survives_a_reload(simple, echo):
    """An open WebSocket goes on after HUP, in the old worker."""
    server = simple(LOCATION, values={"BACKEND": echo})

    async def talk():
        async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as socket:
            await socket.send("before")
            assert await socket.recv() == "before"
            await asyncio.to_thread(server.reload)
            await socket.send("after")
            assert await socket.recv() == "after"

    asyncio.run(talk())


def test_upstream_that_does_not_upgrade(simple):
    with serving.Backend({"/": serving.answer(b"no", "426 Upgrade Required")}) as backend:
        server = simple(LOCATION, values={"BACKEND": backend.port})
        response = serving.fetch(server.port, "/", Upgrade="websocket")
        assert response.status == 426 and response.text == "no"
        assert b"\r\nUpgrade: websocket\r\n" in backend.requests[0]


def test_shutdown_with_an_open_websocket(simple, echo):
    """worker_shutdown_timeout ends what would keep an old worker alive."""
    server = simple(LOCATION, values={"BACKEND": echo}, main="worker_shutdown_timeout 500ms;")

    async def talk():
        async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None, ping_interval=None) as socket:
            await socket.send("x")
            await socket.recv()
            server.send_signal(signal.SIGQUIT)
            await asyncio.to_thread(server.process.wait, 5)

    with contextlib.suppress(Exception):
        asyncio.run(talk())
    assert server.process.poll() == 0
