"""Every frame of the wire: what is understood, what is refused, and how events are spelled."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import protocol
from chat.protocol import (
    MAX_PARTS,
    Delete,
    Edit,
    History,
    Left,
    Message,
    Older,
    Person,
    Presence,
    React,
    Reaction,
    Read,
    ReadElsewhere,
    Room,
    RoomState,
    Send,
    Sent,
    Sync,
    Synced,
    Typing,
    TypingNow,
    Welcome,
)
from realtime import wire
from realtime.wire import (
    MAX_FRAME,
    Error,
    Event,
    Frame,
    Heartbeat,
    Invalid,
    Ok,
    Pong,
    Refusal,
    TooLarge,
)

CLIENT_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
LARGEST = 2**63 - 1

FRAMES: dict[str, tuple[dict[str, Any], Frame]] = {
    "send": (
        {"room": 1, "id": str(CLIENT_ID), "body": "", "reply_to": 2, "parts": {"files": [7]}},
        Send(room=1, id=CLIENT_ID, body="", reply_to=2, parts={"files": [7]}),
    ),
    "edit": ({"message": 1, "body": "Hi"}, Edit(message=1, body="Hi")),
    "delete": ({"message": 1}, Delete(message=1)),
    "react": (
        {"message": 1, "emoji": "🎉", "on": True},
        React(message=1, emoji="🎉", on=True),
    ),
    "sync": ({"room": 1, "since": 0}, Sync(room=1, since=0)),
    "history": ({"room": 1, "before": LARGEST}, History(room=1, before=LARGEST)),
    "read": ({"room": 1, "position": 3}, Read(room=1, position=3)),
    "typing": ({"room": 1}, Typing(room=1)),
    "pong": ({"n": 1}, Pong(n=1)),
}


def spelled(frame: str, **changes: Any) -> str:
    """A right frame of this type, but for some changes."""
    fields, _ = FRAMES[frame]
    return json.dumps({"type": frame} | fields | changes)


def without(type: str, field: str) -> str:
    frame = json.loads(spelled(type))
    del frame[field]
    return json.dumps(frame)


# --- what is understood --------------------------------------------------------------------------


@pytest.mark.parametrize("type", FRAMES)
def test_a_frame_is_understood(type: str) -> None:
    _, frame = FRAMES[type]
    assert protocol.decode(spelled(type)) == frame
    assert frame.type == type


def test_every_frame_is_among_those() -> None:
    understood = {type(frame): fields.keys() for fields, frame in FRAMES.values()}
    assert understood.keys() == set(protocol.FRAMES)
    for frame, fields in understood.items():
        directions = {"after", "around"} if frame is History else set()
        assert set(frame.__struct_fields__) == fields | {"ref"} | directions


@pytest.mark.parametrize("type", FRAMES)
def test_any_frame_may_carry_a_ref(type: str) -> None:
    assert protocol.decode(spelled(type, ref="r" * 64)).ref == "r" * 64


def test_a_message_need_not_answer_another() -> None:
    frame = protocol.decode(without("send", "reply_to"))
    assert isinstance(frame, Send) and frame.reply_to is None


def test_a_message_need_not_have_parts() -> None:
    frame = protocol.decode(without("send", "parts"))
    assert isinstance(frame, Send) and frame.parts == {}


@pytest.mark.parametrize("side", ["before", "after", "around"])
def test_history_has_three_directions(side: str) -> None:
    frame = protocol.decode(json.dumps({"type": "history", "room": 1, side: 0}))
    assert isinstance(frame, History) and frame.where == {side: 0}


def test_escapes_and_surrogate_pairs_are_understood() -> None:
    frame = protocol.decode('{"type":"edit","message":1,"body":"\\u00e4 \\ud83c\\udf89 \\n"}')
    assert frame == Edit(message=1, body="ä 🎉 \n")


def test_of_a_field_that_is_said_twice_one_is_understood() -> None:
    assert protocol.decode('{"type":"typing","room":1,"room":2}') == Typing(room=2)


# --- what is refused -----------------------------------------------------------------------------

NOT_JSON = {
    "empty": "",
    "space": " ",
    "a word": "hello",
    "cut off": spelled("pong")[:-1],
    "two frames": spelled("pong") * 2,
    "single quotes": "{'type': 'pong', 'n': 1}",
    "a comma too many": '{"type":"pong","n":1,}',
    "a comment": '{"type":"pong",/* hello */"n":1}',
    "a mark of the byte order": "\ufeff" + spelled("pong"),
    "an unknown escape": '{"type":"pong","n":1,"ref":"\\x41"}',
    "NaN in an unknown field": '{"type":"pong","n":1,"x":NaN}',
    "half a surrogate pair": '{"type":"edit","message":1,"body":"\ud800"}',
    "a raw NUL": '{"type":"edit","message":1,"body":"\x00"}',
    "a raw line break in a string": '{"type":"edit","message":1,"body":"\n"}',
    "deep objects": '{"type":"pong","n":' + '{"n":' * 10_000,
    "deep and closed": '{"type":"pong","n":' + "[" * 30_000 + "]" * 30_000 + "}",
    "deep from the start": "[" * 60_000,
}
WRONG = {
    "an array": "[]",
    "an array of frames": f"[{spelled('pong')}]",
    "a number": "1",
    "a very long number": "7" * 60_000,
    "a string": '"pong"',
    "true": "true",
    "null": "null",
    "no fields": "{}",
    "an unknown type": spelled("pong", type="ping"),
    "a type of the server": spelled("pong", type="welcome"),
    "a type in capitals": spelled("pong", type="Pong"),
    "a type and space": spelled("pong", type="pong "),
    "a field of another frame": spelled("pong", room=1),
    "a part without a name": spelled("send", parts={"": 1}),
    "a part in capitals": spelled("send", parts={"Files": 1}),
    "a part with a long name": spelled("send", parts={"f" * 31: 1}),
    "too many parts": spelled("send", parts={f"app_{n}": n for n in range(MAX_PARTS + 1)}),
    "NUL in a part": spelled("send", parts={"files": [{"name": "\x00"}]}),
    "NUL in a key of a part": spelled("send", parts={"files": [{"\x00": 1}]}),
    "a deep part": spelled("send").replace("[7]", "[" * 30 + "]" * 30),
    "a very deep part": spelled("send").replace("[7]", "[" * 900 + "]" * 900),
    "a negative after": '{"type":"history","room":1,"after":-1}',
    "null around": '{"type":"history","room":1,"around":null}',
    "before and after": spelled("history", after=1),
    "before and nothing after": spelled("history", after=None),
    "all three at once": spelled("history", after=1, around=1),
    "a ref that is too long": spelled("pong", ref="r" * 65),
}


@pytest.mark.parametrize("text", (NOT_JSON | WRONG).values(), ids=NOT_JSON | WRONG)
def test_what_is_not_described_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        protocol.decode(text)


# What a field may be given, as JSON or nearly so, and where it is right though it looks odd.
TEXTS = ["", "1", "\\u0000", "\\ud83d", "x\\u0000y", "\\udc00\\ud800"]
NUMBERS = ["-1", "0.5", "1e2", "1e400", "-0", "NaN", "-NaN", "Infinity", "-Infinity", "0x10", "01"]
NUMBERS += [str(2**63), str(-(2**63) - 1), str(2**64), "1" + "0" * 5_000]
OTHERS = ["null", "true", "false", "[]", "[1]", "{}", '{"a": 1}', "undefined", "'a'", "[" * 30_000]
ODD = [f'"{text}"' for text in TEXTS] + NUMBERS + OTHERS
RIGHT = {
    **{field: {"-0"} for field in ("since", "before", "position", "n")},  # is 0
    **{field: {'"1"', '""'} for field in ("body", "emoji")},  # the chat decides, not the wire
    "on": {"true", "false"},
    "reply_to": {"null"},
    "parts": {"{}", '{"a": 1}'},
    "ref": {"null", '""', '"1"', '"\\u0000"', '"x\\u0000y"'},
}
FIELDS = [(type, field) for type, (fields, _) in FRAMES.items() for field in fields]


@pytest.mark.parametrize(("type", "field"), FIELDS + [(type, "type") for type in FRAMES])
def test_every_field_is_of_its_type(type: str, field: str) -> None:
    for value in ODD:
        text = spelled(type, **{field: "odd"}).replace('"odd"', value)
        if value in RIGHT.get(field, ()):
            protocol.decode(text)
        else:
            with pytest.raises(Invalid):
                protocol.decode(text)


@pytest.mark.parametrize("type", FRAMES)
def test_a_ref_is_text_and_no_field_is_added(type: str) -> None:
    for value in set(ODD) - RIGHT["ref"]:
        with pytest.raises(Invalid):
            protocol.decode(spelled(type, ref="odd").replace('"odd"', value))
    for field in ("", "author", "user", "created", "version", "html", "Room", "__class__", "räum"):
        with pytest.raises(Invalid):
            protocol.decode(spelled(type, **{field: 1}))


@pytest.mark.parametrize(
    ("type", "field"),
    [(type, field) for type, field in FIELDS if field not in ("reply_to", "parts")]
    + [("pong", "type")],
)
def test_a_frame_without_one_of_its_fields_is_invalid(type: str, field: str) -> None:
    with pytest.raises(Invalid):
        protocol.decode(without(type, field))


def test_a_binary_frame_is_invalid() -> None:
    with pytest.raises(Invalid):
        protocol.decode(None)


def sized(size: int, letter: str = "x") -> str:
    """A right frame of so many bytes."""
    empty = len(spelled("edit", body=""))
    letters, rest = divmod(size - empty, len(letter.encode()))
    return spelled("edit", body="").replace('""', f'"{letter * letters}{"x" * rest}"')


@pytest.mark.parametrize("letter", ["x", "ä", "🎉"])
def test_a_frame_of_the_greatest_size_is_understood(letter: str) -> None:
    text = sized(MAX_FRAME, letter)
    assert len(text.encode()) == MAX_FRAME
    assert protocol.decode(text).type == "edit"


@pytest.mark.parametrize("letter", ["x", "ä", "🎉"])
def test_one_byte_more_is_too_large_however_few_its_characters(letter: str) -> None:
    text = sized(MAX_FRAME + 1, letter)
    assert len(text.encode()) == MAX_FRAME + 1
    with pytest.raises(TooLarge):
        protocol.decode(text)


def test_what_is_deeper_than_a_frame_is_long_is_too_large() -> None:
    with pytest.raises(TooLarge):
        protocol.decode("[" * 100_000 + "]" * 100_000)


@given(st.text())
def test_whatever_comes_is_refused_if_it_is_not_understood(text: str) -> None:
    with pytest.raises(Refusal):
        protocol.decode(text)
    assert wire.ref_of(text) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(sorted(FRAMES)),
    st.sampled_from(
        ["type", "ref", "room", "id", "body", "parts", "message", "emoji", "on", "n", "x"]
    ),
    anything,
)
def test_whatever_a_field_says_the_frame_is_understood_or_refused(
    type: str, field: str, value: Any
) -> None:
    text = spelled(type, **{field: value})
    try:
        frame = protocol.decode(text)
    except Refusal as refusal:
        assert refusal.code in ("invalid", "too_large")
        assert refusal.detail
    else:
        assert frame.type in FRAMES


# --- the ref of what is refused ------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"type": "ping"}, {"x": 1}, {"n": "1"}, {"n": LARGEST + 1}])
def test_a_refused_frame_still_has_its_ref(fields: dict[str, Any]) -> None:
    text = spelled("pong", ref="r1", **fields)
    with pytest.raises(Invalid):
        protocol.decode(text)
    assert wire.ref_of(text) == "r1"


def test_a_frame_with_nul_in_its_body_still_has_its_ref() -> None:
    assert wire.ref_of(spelled("edit", body="\x00", ref="r1")) == "r1"


@pytest.mark.parametrize("ref", [1, None, True, ["r1"], "r" * 65])
def test_a_ref_that_is_none_is_not_carried_back(ref: Any) -> None:
    assert wire.ref_of(spelled("pong", ref=ref)) is None


@pytest.mark.parametrize("text", [None, "[]", "1", sized(MAX_FRAME + 1), *NOT_JSON.values()])
def test_what_cannot_be_read_has_no_ref(text: str | None) -> None:
    assert wire.ref_of(text) is None


# --- refusals ------------------------------------------------------------------------------------


def test_each_refusal_has_a_code_of_the_wire_and_a_sentence() -> None:
    codes = {refusal.code for refusal in Refusal.__subclasses__()}
    assert codes == {"invalid", "forbidden", "not_found", "too_large", "rate_limited"}
    assert str(Invalid("No.")) == Invalid("No.").detail == "No."


# --- what the server says ------------------------------------------------------------------------

PERSON = Person(id=1, username="bob", name="Bob", initials="B", color=3)
AS_PERSON = {"id": 1, "username": "bob", "name": "Bob", "initials": "B", "color": 3}
ROOM: dict[str, Any] = {
    "id": 1,
    "name": "Garden",
    "kind": "open",
    "role": "owner",
    "head": 9,
    "read": 8,
}
ROOM |= {"unread": 1}
MESSAGE = Message(
    room=1,
    id=2,
    client_id=CLIENT_ID,
    position=3,
    version=4,
    author=PERSON,
    body="*Hello*",
    html="<p><em>Hello</em></p>",
    created=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
    edited=True,
    deleted=False,
    reactions=[Reaction(emoji="🎉", users=[1, 2])],
    reply_to=None,
    parts={"files": [{"id": 7}]},
)
AS_MESSAGE = {
    "type": "message",
    "room": 1,
    "id": 2,
    "client_id": str(CLIENT_ID),
    "position": 3,
    "version": 4,
    "author": AS_PERSON,
    "body": "*Hello*",
    "html": "<p><em>Hello</em></p>",
    "created": "2026-11-22T10:30:00Z",
    "edited": True,
    "deleted": False,
    "reactions": [{"emoji": "🎉", "users": [1, 2]}],
    "reply_to": None,
    "parts": {"files": [{"id": 7}]},
}
EVENTS: list[tuple[Event, dict[str, Any]]] = [
    (
        Welcome(consumer="sync", user=PERSON, rooms=[RoomState(**ROOM)], heartbeat=25.0),
        {
            "type": "welcome",
            "protocol": "chat.v1",
            "consumer": "sync",
            "user": AS_PERSON,
            "rooms": [ROOM],
            "limits": {"frame": 65536, "body": 10000, "unread": 100},
            "heartbeat": 25.0,
        },
    ),
    (MESSAGE, AS_MESSAGE),
    (Ok(ref="r1"), {"type": "ok", "ref": "r1"}),
    (
        Sent(ref=None, id=CLIENT_ID, message=2, room=1, position=3, version=4),
        {
            "type": "ok",
            "ref": None,
            "id": str(CLIENT_ID),
            "message": 2,
            "room": 1,
            "position": 3,
            "version": 4,
        },
    ),
    (
        Synced(room=1, messages=[MESSAGE], head=9, more=True),
        {"type": "sync", "room": 1, "messages": [AS_MESSAGE], "head": 9, "more": True},
    ),
    (
        Older(room=1, messages=[MESSAGE], more=False),
        {"type": "history", "room": 1, "messages": [AS_MESSAGE], "more": False},
    ),
    (
        Heartbeat(n=1, heads={7: 9, 12: LARGEST}),
        {"type": "heartbeat", "n": 1, "heads": {"7": 9, "12": LARGEST}},
    ),
    (Room(**ROOM), {"type": "room", **ROOM}),
    (Left(room=1), {"type": "left", "room": 1}),
    (ReadElsewhere(room=1, position=3), {"type": "read", "room": 1, "position": 3}),
    (TypingNow(room=1, user=PERSON), {"type": "typing", "room": 1, "user": AS_PERSON}),
    (
        Presence(room=1, here=[1, 2], gone=[3]),
        {"type": "presence", "room": 1, "here": [1, 2], "gone": [3]},
    ),
    (
        Error(code="invalid", detail="No.", ref="r1"),
        {"type": "error", "code": "invalid", "detail": "No.", "ref": "r1"},
    ),
]


@pytest.mark.parametrize(("event", "spelled"), EVENTS, ids=lambda value: type(value).__name__)
def test_an_event_is_spelled_as_documented(event: Event, spelled: dict[str, Any]) -> None:
    assert json.loads(wire.encode(event)) == spelled


def test_every_event_is_among_those() -> None:
    events = {
        *Event.__subclasses__(),
        *Ok.__subclasses__(),
    }
    events = {each for each in events if each.__module__ in (protocol.__name__, wire.__name__)}
    assert {type(event) for event, _ in EVENTS} == events - {RoomState}


def test_events_travel_together_in_one_array() -> None:
    frame = wire.encode_array([event for event, _ in EVENTS])
    assert json.loads(frame) == [spelled for _, spelled in EVENTS]


def test_events_that_were_encoded_once_are_framed_without_encoding_them_again() -> None:
    events = [event for event, _ in EVENTS]
    assert wire.array(*map(wire.encode, events)) == wire.encode_array(events)


def test_an_event_is_valid_json_whatever_was_said() -> None:
    event = msgspec.structs.replace(MESSAGE, body='"\\\n\u2028</script>\x7fé🎉')
    assert json.loads(wire.encode(event))["body"] == event.body


# --- what is answered ----------------------------------------------------------------------------

ASKED = [
    Send(room=1, id=CLIENT_ID, body="Hello"),
    Edit(message=1, body="Hi"),
    Delete(message=1),
    React(message=1, emoji="🎉", on=True),
    Read(room=1, position=3),
]
NOT_WORTH_A_FRAME = [Typing(room=1), Pong(n=1)]


@pytest.mark.parametrize("frame", ASKED, ids=lambda frame: frame.type)
def test_what_was_done_is_answered_with_ok(frame: Frame) -> None:
    assert wire.answers(frame, None) == [Ok(ref=None)]


@pytest.mark.parametrize("frame", NOT_WORTH_A_FRAME, ids=lambda frame: frame.type)
def test_what_is_not_worth_a_frame_is_not_answered(frame: Frame) -> None:
    assert wire.answers(frame, None) == []


def test_a_question_is_answered_with_its_answer() -> None:
    page = Synced(room=1, messages=[], head=0, more=False)
    assert wire.answers(Sync(room=1, since=0), page) == [page]


@pytest.mark.parametrize("frame", [frame for _, frame in FRAMES.values()], ids=FRAMES)
def test_a_ref_always_comes_back_and_last(frame: Frame) -> None:
    asked = msgspec.structs.replace(frame, ref="r1")
    page = Older(room=1, messages=[], more=False)
    assert wire.answers(asked, None) == [Ok(ref="r1")]
    assert wire.answers(asked, page) == [page, Ok(ref="r1")]


def test_a_send_is_answered_with_one_ok() -> None:
    ok = Sent(ref="r1", id=CLIENT_ID, message=2, room=1, position=3, version=4)
    assert wire.answers(Send(room=1, id=CLIENT_ID, body="Hello", ref="r1"), ok) == [ok]
