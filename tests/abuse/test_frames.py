"""A malformed frame is answered with an error, the socket lives, and nothing has happened."""

import json
import struct
from typing import Any
from uuid import uuid4

import pytest

from chat import protocol
from chat.models import Membership, Message, Reaction, Room, User
from realtime import wire
from tests.abuse.conftest import Connect, Talk
from tests.abuse.raw import Raw
from tests.client import ChatClient
from tests.factories import say
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

# A right frame of each type; {room} and {message} are filled in by the tests.
RIGHT: dict[str, dict[str, Any]] = {
    "send": {
        "room": "{room}",
        "id": str(uuid4()),
        "body": "Hello",
        "reply_to": "{message}",
        "parts": {},
    },
    "edit": {"message": "{message}", "body": "Changed"},
    "delete": {"message": "{message}"},
    "react": {"message": "{message}", "emoji": "👍", "on": True},
    "sync": {"room": "{room}", "since": 0},
    "history": {"room": "{room}", "before": 1},
    "read": {"room": "{room}", "position": 1},
    "typing": {"room": "{room}"},
    "pong": {"n": 1},
}
OPTIONAL = {"reply_to", "parts", "ref"}
INSTEAD = {"history": {"after", "around"}}  # of `before`, which is tried for all three

TEXTS = ["", "1", "\\u0000", "\\ud83d", "x\\u0000y", "\\udc00\\ud800"]
NUMBERS = ["-1", "0.5", "1e2", "1e400", "-0", "NaN", "-NaN", "Infinity", "-Infinity", "0x10", "01"]
NUMBERS += [str(2**63), str(-(2**63) - 1), str(2**64), "1" + "0" * 5_000]
OTHERS = ["null", "true", "false", "[]", "[1]", "{}", '{"a": 1}', "undefined", "'a'", "[" * 30_000]
WRONG = [f'"{text}"' for text in TEXTS] + NUMBERS + OTHERS

# What is right in a field, though it may look odd; the rest of WRONG is not.
NUMBER = {"-0"}  # is 0
ALLOWED = {
    "since": NUMBER,
    "before": NUMBER,
    "position": NUMBER,
    "n": NUMBER,
    "body": {'"1"', '""'},  # what an empty body means, the chat decides, not the wire
    "emoji": {'"1"', '""'},
    "on": {"true", "false"},
    "reply_to": {"null"},
    "parts": {"{}"},
    "ref": {"null", '""', '"1"', '"\\u0000"', '"x\\u0000y"'},
}


def wrong_for(field: str) -> list[str]:
    return [value for value in WRONG if value not in ALLOWED.get(field, set())]


def test_every_frame_is_tried_here() -> None:
    ours = (protocol.__name__, wire.__name__)
    frames = [each for each in wire.Frame.__subclasses__() if each.__module__ in ours]
    types = {frame.__struct_config__.tag: frame for frame in frames}
    assert types.keys() == RIGHT.keys()
    for name, frame in types.items():
        tried = RIGHT[name].keys() | INSTEAD.get(name, set())
        assert set(frame.__struct_fields__) == tried | {"ref"}


class Fiddler:
    """Somebody who knows what is right, and sends everything else."""

    def __init__(self, client: ChatClient, room: Room, message: Message) -> None:
        self.client = client
        self.numbers = {"{room}": room.pk, "{message}": message.pk}

    def right(self, type: str) -> dict[str, str]:
        """The fields of a right frame, each as JSON."""
        fields = {"type": type, **RIGHT[type]}
        return {
            name: json.dumps(self.numbers.get(value, value) if isinstance(value, str) else value)
            for name, value in fields.items()
        }

    def is_invalid(self, frame: str | bytes) -> bool:
        self.client.raw(frame)
        answer = self.client.expect("error", "ok", "sync", "history")
        return answer["type"] == "error" and answer["code"] == "invalid"


def text(fields: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


@pytest.fixture
def fiddler(connect: Connect, alice: User, garden: Room) -> Fiddler:
    return Fiddler(connect(alice), garden, say(alice, garden, "Untouched"))


@pytest.fixture(autouse=True)
def nothing_has_happened(request: pytest.FixtureRequest) -> Any:
    if "fiddler" not in request.fixturenames:
        yield
        return
    fiddler: Fiddler = request.getfixturevalue("fiddler")
    yield
    assert fiddler.client.ask("pong", n=1)["type"] == "ok"
    message = Message.objects.get()
    assert (message.body, message.version) == ("Untouched", 1)
    assert not Reaction.objects.exists()
    assert not Membership.objects.filter(read__gt=1).exists()


@pytest.mark.parametrize("type", RIGHT)
def test_every_field_is_of_its_type(fiddler: Fiddler, type: str) -> None:
    for field in [*RIGHT[type], "ref"]:
        for value in wrong_for(field):
            assert fiddler.is_invalid(text(fiddler.right(type) | {field: value})), (
                field,
                value[:50],
            )


@pytest.mark.parametrize("type", RIGHT)
def test_no_field_is_left_out_and_none_is_added(fiddler: Fiddler, type: str) -> None:
    right = fiddler.right(type)
    for field in right.keys() - OPTIONAL:
        without = {name: value for name, value in right.items() if name != field}
        assert fiddler.is_invalid(text(without)), field
    for field in ("", "Room", "room ", "user", "__proto__", "constructor", "type\\u0000", "räum"):
        assert fiddler.is_invalid(text(right | {field: "1"})), field


TYPES = [
    "shout",
    "",
    "Send",
    "SEND",
    "send ",
    "ok",
    "welcome",
    "user.session",
    "heartbeat",
    "__init__",
]
NO_TYPES = ["null", "1", "true", '["send"]', '{"send": 1}', "NaN"]


@pytest.mark.parametrize("type", [json.dumps(name) for name in TYPES] + NO_TYPES)
def test_an_unknown_type_is_invalid(fiddler: Fiddler, type: str) -> None:
    assert fiddler.is_invalid(text(fiddler.right("send") | {"type": type}))


NO_FRAMES: dict[str, str | bytes] = {
    "space": " ",
    "not JSON": "hello",
    "half an object": '{"type": "pong", "n": 1',
    "an object and more": '{"type": "pong", "n": 1} {"type": "pong", "n": 2}',
    "a comma too many": '{"type": "pong", "n": 1,}',
    "single quotes": "{'type': 'pong', 'n': 1}",
    "a comment": '{"type": "pong", /* hello */ "n": 1}',
    "a mark of the byte order": '\ufeff{"type": "pong", "n": 1}',
    "a control character in a string": '{"type": "pong", "n": 1, "ref": "a\nb"}',
    "an unknown escape": '{"type": "pong", "n": 1, "ref": "\\x41"}',
    "an array": "[]",
    "an array of frames": '[{"type": "pong", "n": 1}]',
    "a string": '"pong"',
    "a number": "7",
    "a very long number": "7" * 60_000,
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "null": "null",
    "nothing in an object": "{}",
    "arrays in arrays": "[" * 60_000,
    "objects in objects": '{"a":' * 10_000,
    "binary": b'{"type": "pong", "n": 1}',
    "binary that is no text": bytes(range(256)),
    "nothing, in binary": b"\x00",
}


@pytest.mark.parametrize("frame", NO_FRAMES.values(), ids=NO_FRAMES)
def test_what_is_no_frame_is_invalid(fiddler: Fiddler, frame: str | bytes) -> None:
    assert fiddler.is_invalid(frame)


@pytest.mark.parametrize("type", sorted(RIGHT.keys() - {"pong"}))
def test_a_field_that_is_said_twice_opens_no_second_door(
    connect: Connect, eve: User, alice: User, garden: Room, type: str
) -> None:
    """Whichever of the two the server takes: it is the one whose owner it asks."""
    own = Fiddler(connect(eve), garden, say(alice, garden, "Untouched"))
    frame = text(own.right(type))
    for field in ("room", "message"):
        value = own.numbers["{" + field + "}"]
        for twice in (f'"{field}": 999, "{field}": {value}', f'"{field}": {value}, "{field}": 999'):
            client = own.client
            client.raw(frame.replace(f'"{field}": {value}', twice))
            assert client.expect("error", "ok", "sync", "history")["type"] == "error"
    assert Message.objects.get().body == "Untouched"


def test_an_empty_frame_is_overlooked(fiddler: Fiddler) -> None:
    """Daphne drops it before anybody could answer."""
    fiddler.client.raw("")
    fiddler.client.raw(b"")
    assert fiddler.client.settle()[-1]["type"] == "ok"


@pytest.mark.parametrize("filler", ["a", "é", "😀", "\\u00e9", " ", "["])
def test_a_frame_over_64_kib_is_too_large_in_bytes(fiddler: Fiddler, filler: str) -> None:
    size = len(filler.encode())
    fiddler.client.raw('{"type": "pong", "ref": "' + filler * (wire.MAX_FRAME // size + 1))
    assert fiddler.client.expect("error")["code"] == "too_large"


def test_a_body_of_more_than_10_000_characters_is_too_large(
    connect: Connect, alice: User, garden: Room
) -> None:
    client = connect(alice)
    client.say(garden.pk, "é" * protocol.MAX_BODY, ref="fits")
    assert client.expect("ok", "error", ref="fits")["type"] == "ok"
    client.say(garden.pk, "é" * (protocol.MAX_BODY + 1), ref="more")
    assert client.expect("ok", "error", ref="more")["code"] == "too_large"


# --- below the frames ----------------------------------------------------------------------------

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
