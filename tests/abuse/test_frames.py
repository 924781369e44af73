"""Bytes that are no WebSocket close it, and nobody else notices. Frames are in test_protocol.py."""

import struct

import pytest

from chat.models import User
from tests.abuse.conftest import Talk
from tests.abuse.raw import Raw
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

MASK = b"\x00\x00\x00\x00"


def frame(opcode: int, payload: bytes = b"", *, mask: bytes = MASK) -> bytes:
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return (
        bytes([opcode])
        + (length if mask else bytes([length[0] & 0x7F]) + length[1:])
        + mask
        + payload
    )


BELOW = {
    "text that is no UTF-8": frame(0x81, b"\xff\xfe"),
    "half of a surrogate pair": frame(0x81, '{"ref": "\ud83d"}'.encode("utf-8", "surrogatepass")),
    "without a mask": frame(0x81, b"{}", mask=b""),
    "a kind nobody knows": frame(0x83, b"{}"),
    "a reserved bit": frame(0xC1, b"{}"),
    "a ping that is too long": frame(0x89, b"a" * 126),
    "a ping in parts": frame(0x09, b"a"),
    "the end of what never began": frame(0x80, b"a"),
    "a close with half a code": frame(0x88, b"\x03"),
    "a close with a code nobody may send": frame(0x88, struct.pack("!H", 1006)),
    "a length of more than there is room for": b"\x81\xff" + b"\x7f" + b"\xff" * 7 + MASK,
}


@pytest.mark.parametrize("data", BELOW.values(), ids=BELOW)
def test_what_is_no_websocket_is_closed_and_nobody_else_notices(
    server: Site, path: str, eve: User, talk: Talk, data: bytes
) -> None:
    with Raw(server) as raw:
        origin, cookie = f"Origin: {server.url}".encode(), f"Cookie: {cookie_of(eve)}".encode()
        assert raw.handshake(path, origin, cookie) == 101
        raw.send(data)
        raw.read_until(b"the end of the connection")
    talk()


def test_a_frame_that_never_ends_costs_nobody_else(
    server: Site, path: str, eve: User, talk: Talk
) -> None:
    with Raw(server) as raw:
        origin, cookie = f"Origin: {server.url}".encode(), f"Cookie: {cookie_of(eve)}".encode()
        assert raw.handshake(path, origin, cookie) == 101
        raw.send(frame(0x01, b'{"type": "pong"'))
        for _ in range(1_000):
            raw.send(frame(0x00, b" " * 100))
        talk()
