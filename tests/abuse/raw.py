"""A connection written by hand, byte after byte, as no library would let one."""

import socket
from contextlib import suppress

from tests.site import Site

UPGRADE = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Protocol: chat.v1",
)


class Raw:
    """One TCP connection to a site."""

    def __init__(self, site: Site) -> None:
        self.connection = socket.create_connection(("127.0.0.1", site.port), timeout=10)
        self.host = f"127.0.0.1:{site.port}".encode()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, data: bytes) -> None:
        """Sends as much as is taken: a server that has heard enough closes meanwhile."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(data)

    def get(self, path: str, *headers: bytes) -> int:
        """Asks for a page. Returns the status of the answer, 0 for a closed connection."""
        lines = [f"GET {path} HTTP/1.1".encode(), b"Host: " + self.host, *headers]
        self.send(b"\r\n".join([*lines, b"", b""]))
        return self.status()

    def handshake(self, path: str, *headers: bytes) -> int:
        """Asks for a WebSocket. Returns the status of the answer, 101 if it is open."""
        return self.get(path, *UPGRADE, *headers)

    def status(self) -> int:
        head = self.read_until(b"\r\n")
        return int(head.split()[1]) if head else 0

    def read_until(self, end: bytes) -> bytes:
        """What comes up to and with these bytes; all there was if the connection ends before."""
        data = b""
        with suppress(ConnectionResetError):
            while not data.endswith(end) and (byte := self.connection.recv(1)):
                data += byte
        return data
