"""Connections that a proxy passes on: the PROXY protocol, and what is made of what it tells."""

import struct

from support import Site, get

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ENDS = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + struct.pack(">HH", 123, 5678)
ENDS_6 = bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000002") + struct.pack(">HH", 123, 5678)


def binary(body, command=0x21, family=0x11, length=None):
    return SIGNATURE + struct.pack(">BBH", command, family, len(body) if length is None else length) + body


def addition(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


SSL = addition(0x20, b"\x01" + struct.pack(">I", 0) + addition(0x21, b"TLSv1.2") + addition(0x22, b"example.com"))
ADDITIONS = addition(1, b"h2") + addition(2, b"localhost") + addition(5, b"abc") + SSL + addition(0xAE, b"own")

HEADERS = {
    "line": b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n",
    "line-6": b"PROXY TCP6 2001:Db8::1 2001:Db8::2 123 5678\r\n",
    "line-odd-address": b"PROXY TCP4 1.2 ab:c 0 65535\r\n",
    "unknown": b"PROXY UNKNOWN\r\n",
    "unknown-more": b"PROXY UNKNOWN 1 2 3\r\n",
    "binary": binary(ENDS),
    "binary-6": binary(ENDS_6, family=0x21),
    "binary-local": binary(ENDS, command=0x20),
    "binary-datagram": binary(ENDS, family=0x12),
    "binary-unspecified": binary(b"", family=0x01),
    "binary-unix": binary(b"x" * 216, family=0x31),
    "binary-additions": binary(ENDS + ADDITIONS),
    "none": b"",
    "lower": b"proxy TCP4 192.0.2.1 192.0.2.2 123 5678\r\n",
    "bare-lf": b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\n",
    "no-port": b"PROXY TCP4 192.0.2.1 192.0.2.2 123\r\n",
    "large-port": b"PROXY TCP4 192.0.2.1 192.0.2.2 123 65536\r\n",
    "bad-character": b"PROXY TCP4 192.0.2.1x 192.0.2.2 123 5678\r\n",
    "version-3": binary(ENDS, command=0x31),
    "short-addresses": binary(b"abc"),
}

PATHS = ["/", "/realip/"]

PROXIED = Site("proxied", r"""
    # The client's own port is another for each connection.
    map $remote_port $port { 123 123; default other; }
    set_real_ip_from 127.0.0.0/8;
    server {
        listen 127.0.0.1:%%PORT%% proxy_protocol;
        root %%ROOT%%;
        location / {
            add_header X-Client $proxy_protocol_addr!$proxy_protocol_port;
            add_header X-Server $proxy_protocol_server_addr!$proxy_protocol_server_port;
            add_header X-Remote $remote_addr!$port;
        }
        location /realip/ {
            alias %%ROOT%%/;
            real_ip_header proxy_protocol;
            add_header X-Remote $remote_addr!$port always;
            add_header X-Before $realip_remote_addr always;
            deny 192.0.2.1;
        }
    }
""", {
    f"{name}{path.replace('/', '-').rstrip('-')}": header + get(path) for name, header in HEADERS.items() for path in PATHS
    # nginx 1.22 does not wait for the rest of a header.
}, torn=False)

SITES = [PROXIED]
