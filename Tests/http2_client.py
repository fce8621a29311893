"""HTTP/2 as a client speaks it: requests by the `h2` library, and frames by hand for what no library would send."""

import socket
import struct
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
from hpack import Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def frames(data):
    """The frames in some bytes: (kind, flags, stream, payload) each; an incomplete one at the end is left out."""
    while len(data) >= 9:
        length = int.from_bytes(data[:3], "big")
        if len(data) < 9 + length:
            return
        yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:9 + length]
        data = data[9 + length:]


def head(path="/", method="GET", authority="localhost", scheme="http", fields=()):
    return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), *fields]


class Raw:
    """A connection on which frames are written and read as they are."""

    def __init__(self, port, beginning=PREFACE + frame(SETTINGS), timeout=10, receive_buffer=None, sock=None):
        self.socket = sock or socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if sock is None:
            self.socket.connect(("127.0.0.1", port))
        self.encoder = Encoder()
        self.received = b""
        self.sent = 0
        self.send(beginning)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        self.sent += len(data)

    def get(self, stream, path="/", flags=5, fields=(), method="GET"):
        return frame(HEADERS, flags, stream, self.encoder.encode(head(path, method, fields=fields)))

    def read(self, until=None, seconds=10):
        """Reads until `until` (of the frames so far) is true, the end, or for so long. Returns all frames so far."""
        deadline = time.monotonic() + seconds
        while until is None or not until(list(frames(self.received))):
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, ConnectionError):
                break
            if not data:
                break
            self.received += data
        return list(frames(self.received))

    def is_closed(self, seconds=5):
        """Whether the server ends the connection, perhaps after more frames."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return True
            except TimeoutError:
                return False
            if not data:
                return True
            self.received += data
        return False

    def goaway(self, seconds=5):
        """The last stream and the code of the GOAWAY frame that comes, or None."""
        for kind, _, _, payload in self.read(lambda all: any(each[0] == GOAWAY for each in all), seconds):
            if kind == GOAWAY:
                return int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
        return None

    def body(self, stream, seconds=5):
        """The body of a stream, read to its end. (The library takes a connection for closed at GOAWAY.)"""
        got = self.read(lambda all: any(kind in (HEADERS, DATA) and flags & 1 and each == stream
                                        for kind, flags, each, _ in all), seconds)
        return b"".join(payload for kind, _, each, payload in got if kind == DATA and each == stream)


class Response:
    def __init__(self):
        self.interim, self.headers, self.body, self.trailers = [], [], b"", []
        self.ended, self.reset = False, None

    @property
    def status(self):
        return int(self[":status"])

    def __getitem__(self, name):
        return next((value for key, value in self.headers if key == name.lower()), None)

    def __repr__(self):
        return f"<{self.headers} {self.body[:200]!r} reset={self.reset}>"


class Client:
    """A connection with any number of requests under way."""

    def __init__(self, port, timeout=10, window=None, receive_buffer=None, reads=True, sock=None):
        self.socket = sock or socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if sock is None:
            self.socket.connect(("127.0.0.1", port))
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_inbound_headers=True)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        # Streams hold each other up only by their own windows.
        if window is None:
            self.h2.increment_flow_control_window(2**30)
        self.streams = {}
        self.goaway = None
        self.acknowledges = reads
        self.settled = False
        self.flush()
        # The library counts with the new window from the acknowledgement on.
        while window is not None and not self.settled:
            self.step()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def start(self, path="/", method="GET", body=None, ends=None, **options):
        """Begins a request; with a body, sends as much of it as windows allow, reading meanwhile."""
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = Response()
        ends = body is None if ends is None else ends
        self.h2.send_headers(stream, head(path, method, **options), end_stream=ends and not body)
        self.flush()
        if body:
            self.send(stream, body, ends=ends or body is not None)
        return stream

    def send(self, stream, data, ends=False):
        while data:
            window = self.h2.local_flow_control_window(stream)
            if self.streams[stream].reset is not None or self.streams[stream].ended:
                return
            if window == 0:
                self.step()
                continue
            size = min(window, self.h2.max_outbound_frame_size, len(data))
            self.h2.send_data(stream, data[:size], end_stream=ends and size == len(data))
            data = data[size:]
            self.flush()

    def step(self):
        """Reads once; False at the end of the connection."""
        data = self.socket.recv(65536)
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()
        return True

    def take(self, event):
        response = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.settled = True
        elif response is None:
            return
        elif isinstance(event, h2.events.InformationalResponseReceived):
            response.interim.append(event.headers)
        elif isinstance(event, h2.events.ResponseReceived):
            response.headers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            response.body += event.data
            if self.acknowledges and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            response.trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            response.ended = True
        elif isinstance(event, h2.events.StreamReset):
            response.reset = event.error_code

    def finish(self, *streams):
        """Reads until the streams are over, and returns their responses."""
        while not all(self.streams[s].ended or self.streams[s].reset is not None for s in streams):
            if not self.step():
                break
        found = [self.streams[stream] for stream in streams]
        return found[0] if len(found) == 1 else found

    def ask(self, path="/", method="GET", body=None, **options):
        return self.finish(self.start(path, method, body, **options))

    def read_all(self):
        """Reads to the connection's end."""
        while self.step():
            pass


def fetch(port, path="/", method="GET", body=None, **options):
    with Client(port) as client:
        return client.ask(path, method, body, **options)
