"""Upstreams that speak other protocols than HTTP, scripted as `serving.Backend` is."""

import re
import struct

from serving import Backend


class Memcached(Backend):
    """Reads lines; the key is the path."""

    @staticmethod
    def path(received):
        return received.split(b" ", 1)[1].rstrip(b"\r\n").decode("latin-1")

    @staticmethod
    def read_request(connection, buffer):
        while b"\r\n" not in buffer:
            data = connection.recv(65536)
            if not data:
                return None, b""
            buffer += data
        end = buffer.index(b"\r\n") + 2
        return buffer[:end], buffer[end:]


def shown(variables, body, rest=b""):
    """What was asked, in an order of its own, and hashed where it is long."""
    lines = [b"%s=%s" % pair for pair in sorted(variables)]
    text = b"\n".join(lines) + b"\n--\n" + body + rest
    return re.sub(rb"(?<=\w=)127\.0\.0\.1:\d+", b"ADDRESS", text)


class Gateway(Backend):
    """Asked with variables. The path is what `DOCUMENT_URI` says.

    The path /show answers with what came, in no protocol but the answer's head.
    """

    @classmethod
    def variables(cls, received):
        """The variables as pairs, and the body."""
        raise NotImplementedError

    @classmethod
    def path(cls, received):
        return dict(cls.variables(received)[0]).get(b"DOCUMENT_URI", b"*").decode("latin-1")

    @classmethod
    def framed(cls, text):
        """An answer that is complete, as it is sent."""
        return text

    def __init__(self, script=None, **options):
        def show(received):
            text = shown(*self.variables(received))
            return [self.framed(b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(text) + text)]

        super().__init__({"/show": show, **(script or {})}, **options)


class FastCGI(Gateway):
    """Reads records to the end of the body."""

    @staticmethod
    def records(received):
        """The records as (type, content); their heads must make sense."""
        found, start = [], 0
        while start < len(received):
            version, kind, request, length, padding = struct.unpack_from(">BBHHBx", received, start)
            assert version == 1 and request == 1, received[start:start + 8]
            found.append((kind, received[start + 8:start + 8 + length]))
            start += 8 + length + padding
        return found

    @classmethod
    def variables(cls, received):
        records = cls.records(received)
        text = b"".join(content for kind, content in records if kind == 4)
        pairs, start = [], 0

        def length():
            nonlocal start
            if text[start] < 128:
                start += 1
                return text[start - 1]
            start += 4
            return struct.unpack_from(">I", text, start - 4)[0] & 0x7FFFFFFF

        while start < len(text):
            name, value = length(), length()
            pairs.append((text[start:start + name], text[start + name:start + name + value]))
            start += name + value
        return pairs, b"".join(content for kind, content in records if kind == 5)

    @staticmethod
    def read_request(connection, buffer):
        start = 0
        while True:
            while len(buffer) >= start + 8:
                length, padding = struct.unpack_from(">HB", buffer, start + 4)
                end = start + 8 + length + padding
                if len(buffer) < end:
                    break
                if buffer[start + 1] == 5 and length == 0:
                    return buffer[:end], buffer[end:]
                start = end
            data = connection.recv(65536)
            if not data:
                return None, b""
            buffer += data

    @classmethod
    def framed(cls, text):
        return output(text) + END


class SCGI(Gateway):
    """Reads a netstring and a body of the length that it tells."""

    @classmethod
    def variables(cls, received):
        head, _, rest = received.partition(b":")
        parts = rest[:int(head)].split(b"\0")
        assert parts[-1] == b"" and rest[int(head):int(head) + 1] == b",", received
        assert parts[0] == b"CONTENT_LENGTH", parts[0]
        return list(zip(parts[0:-1:2], parts[1:-1:2])), rest[int(head) + 1:]

    @classmethod
    def read_request(cls, connection, buffer):
        while True:
            head, colon, rest = buffer.partition(b":")
            if colon and len(rest) > int(head):
                length = int(dict(cls.variables(buffer)[0])[b"CONTENT_LENGTH"])
                end = len(head) + 1 + int(head) + 1 + length
                if len(buffer) >= end:
                    return buffer[:end], buffer[end:]
            data = connection.recv(65536)
            if not data:
                return None, b""
            buffer += data


class UWSGI(Gateway):
    """Reads a packet, and a body of the length that its CONTENT_LENGTH tells."""

    @classmethod
    def variables(cls, received):
        first, size, second = struct.unpack_from("<BHB", received)
        pairs, start, text = [(b"(modifiers)", b"%d %d" % (first, second))], 0, received[4:4 + size]
        while start < len(text):
            pair = []
            for _ in range(2):
                length = struct.unpack_from("<H", text, start)[0]
                pair.append(text[start + 2:start + 2 + length])
                start += 2 + length
            pairs.append(tuple(pair))
        return pairs, received[4 + size:]

    @classmethod
    def read_request(cls, connection, buffer):
        while True:
            if len(buffer) >= 4:
                size = struct.unpack_from("<H", buffer, 1)[0]
                if len(buffer) >= 4 + size:
                    length = dict(cls.variables(buffer[:4 + size])[0]).get(b"CONTENT_LENGTH")
                    end = 4 + size + int(length or 0)
                    if len(buffer) >= end:
                        return buffer[:end], buffer[end:]
            data = connection.recv(65536)
            if not data:
                return None, b""
            buffer += data


# ------------------------------------------------------------------------------- FastCGI's answers

def record(kind, content=b"", padding=0, version=1, request=1, length=None):
    """A record of an answer. `length` is what its head says, if that is not true."""
    told = len(content) if length is None else length
    return struct.pack(">BBHHBx", version, kind, request, told, padding) + content + b"\0" * padding


def output(text, padding=0):
    return b"".join(record(6, text[start:start + 60_000], padding) for start in range(0, len(text), 60_000))


def errors(text, padding=0):
    return record(7, text, padding)


END = record(6) + record(3, b"\0" * 8)
