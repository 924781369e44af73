"""How each chat is spoken to: what a load client has to know of its wire, and no more."""

import json
import re
import time
from dataclasses import dataclass
from uuid import uuid4

STAMP = re.compile(rb'"at (\d{16}) ')  # microseconds since 1970, at the beginning of each message
STAMP_LENGTH = 21
FILLER = "and then we went down to the river to look at the boats"

TEXT, PONG = 0x81, 0x8A  # the first byte of a whole frame: RFC 6455, section 5.2
SERVER_PING = re.compile(rb"\x89([\x00-\x7d])")  # not in a text of ASCII letters


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """A frame from a client. Its mask is zero, so that masking costs nothing."""
    size = len(payload)
    head = bytes([kind, 0x80 | size]) if size < 126 else bytes([kind, 0xFE]) + size.to_bytes(2)
    return head + bytes(4) + payload


def stamped() -> str:
    return f"at {time.time_ns() // 1000:016} {FILLER}"


@dataclass(frozen=True)
class Wire:
    """The parts of a wire. `{room}` in the path is the room's name or number.

    `asks` finds what has to be answered, and `answer` is the frame that does, with the first group
    in place of `{}`.
    """

    path: str
    subprotocol: str = ""
    hello: bytes = b""  # sent once the socket is open
    ready: bytes = b""  # comes when the socket is in the room; empty: at once
    asks: re.Pattern[bytes] = SERVER_PING
    answer: str = ""

    def message(self, room: str) -> bytes:
        """A message that carries the time, to be sent."""
        return frame(json.dumps({"message": stamped()}).encode())


@dataclass(frozen=True)
class OurWire(Wire):
    def message(self, room: str) -> bytes:
        fields = f'"room":{room},"id":"{uuid4()}","body":"{stamped()}"'
        return frame(f'{{"type":"send",{fields}}}'.encode())


@dataclass(frozen=True)
class SocketIoWire(Wire):
    def message(self, room: str) -> bytes:
        return frame(f'42["message","{stamped()}"]'.encode())


@dataclass(frozen=True)
class BareWire(Wire):
    def message(self, room: str) -> bytes:
        return frame(f'"{stamped()}"'.encode())


OURS = OurWire(
    path="/ws/chat/",
    subprotocol="chat.v1",
    ready=b'"type":"welcome"',
    asks=re.compile(rb'"type":"heartbeat","n":(\d+)'),
    answer='{{"type":"pong","n":{}}}',
)
WIRES = {
    "ours": OURS,
    "ours-sync": OurWire(**(vars(OURS) | {"path": "/ws/chat/sync/"})),
    "tutorial": Wire(path="/ws/chat/{room}/"),
    "socket.io": SocketIoWire(
        path="/socket.io/?EIO=4&transport=websocket&room={room}",
        hello=frame(b"40"),
        ready=b"40{",
        asks=re.compile(rb"\x81\x01(2)"),
        answer="3",
    ),
    "ws": BareWire(path="/{room}"),
}
