"""Every frame of the sub-protocol `chat.v1`, in both directions, and what goes back for which.

A client sends one JSON object a text frame; the server sends one JSON array of events a text
frame. Each frame is a struct below; what is not described there is refused. The prose is in
docs/protocol.md.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

SUBPROTOCOL = "chat.v1"
MAX_FRAME = 64 * 1024  # bytes in one client frame
MAX_BODY = 10_000  # characters in one message
MAX_PARTS = 10  # what apps add to one message when it is sent
MAX_ROUND = 128 * 1024  # characters of events that travel together; many clients take 1 MiB
MAX_UNREAD = 100  # unread messages are counted up to here

CLOSE_CODES = SIGNED_OUT, FORBIDDEN, TOO_SLOW, TOO_MUCH, LEAVING = 4401, 4403, 4408, 4429, 4503

type_tag = "type"
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # a place in a room's count of changes
Text = Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]  # PostgreSQL stores no NUL
Ref = Annotated[str, Meta(max_length=64)]
Part = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,29}\Z")]  # the name of an app
Parts = Annotated[dict[Part, Any], Meta(max_length=MAX_PARTS)]
Code = Literal["invalid", "forbidden", "not_found", "too_large", "rate_limited", "unavailable"]


class Refusal(Exception):
    """What was asked will not be done: a code of the wire and a sentence for a person."""

    code: Code

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(Refusal):
    code = "invalid"


class Forbidden(Refusal):
    code = "forbidden"


class NotFound(Refusal):
    code = "not_found"


class TooLarge(Refusal):
    code = "too_large"


class RateLimited(Refusal):
    code = "rate_limited"


# --- client to server ---------------------------------------------------------------------------


class Frame(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field=type_tag,
    tag=str.lower,
):
    """What a client asks. `ref` comes back on the answer, so that it can be told apart."""

    ref: Ref | None = None

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


class Send(Frame, frozen=True, kw_only=True):
    room: Id
    id: UUID
    body: Text
    reply_to: Id | None = None
    parts: Parts = {}

    def __post_init__(self) -> None:
        if _holds_nul(self.parts):
            raise ValueError("Expected no NUL - at `$.parts`")


class Edit(Frame, frozen=True, kw_only=True):
    message: Id
    body: Text


class Delete(Frame, frozen=True, kw_only=True):
    message: Id


class React(Frame, frozen=True, kw_only=True):
    message: Id
    emoji: Text
    on: bool


class Sync(Frame, frozen=True, kw_only=True):
    room: Id
    since: Number


class History(Frame, frozen=True, kw_only=True):
    room: Id
    before: Number | UnsetType = UNSET
    after: Number | UnsetType = UNSET
    around: Number | UnsetType = UNSET

    def __post_init__(self) -> None:
        if len(self.where) != 1:
            raise ValueError("Expected one of `before`, `after` and `around`")

    @property
    def where(self) -> dict[str, int]:
        """The one of the three that is given."""
        places = {"before": self.before, "after": self.after, "around": self.around}
        return {side: number for side, number in places.items() if number is not UNSET}


class Read(Frame, frozen=True, kw_only=True):
    room: Id
    position: Number


class Typing(Frame, frozen=True, kw_only=True):
    room: Id


class Pong(Frame, frozen=True, kw_only=True):
    n: Number


class _OnlyRef(Struct):
    ref: Ref | None = None


_frames = msgspec.json.Decoder(
    Send | Edit | Delete | React | Sync | History | Read | Typing | Pong, strict=True
)
_refs = msgspec.json.Decoder(_OnlyRef)


def decode(text: str | None) -> Frame:
    """The frame that a client sent, None if it was binary. Raises Invalid or TooLarge."""
    if text is None:
        raise Invalid("A frame is JSON text, not binary.")
    try:
        frame: Frame = _frames.decode(_measured(text))
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None
    except (msgspec.DecodeError, RecursionError):
        raise Invalid("The frame is not JSON.") from None
    return frame


def ref_of(text: str | None) -> str | None:
    """The `ref` of a frame that may be wrong in every other way; its refusal carries it."""
    try:
        return _refs.decode(_measured(text or "")).ref
    except (Refusal, msgspec.DecodeError, RecursionError):
        return None


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(map(_holds_nul, value))
        case dict():
            return any(_holds_nul(key) or _holds_nul(each) for key, each in value.items())
    return False


def _measured(text: str) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Invalid("The frame holds half of a surrogate pair.") from None
    if len(raw) > MAX_FRAME:
        raise TooLarge(f"A frame has at most {MAX_FRAME} bytes.")
    return raw


# --- server to client ---------------------------------------------------------------------------


class Event(Struct, frozen=True, kw_only=True, tag_field=type_tag, tag=str.lower):
    """What the server says."""


class Person(Struct, frozen=True, kw_only=True):
    id: int
    username: str
    name: str
    initials: str
    color: int  # 0 to 11, a place in the palette


class RoomState(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    kind: str
    role: str
    head: int
    read: int
    unread: int  # counted up to MAX_UNREAD


class Room(RoomState, Event, frozen=True, kw_only=True, tag="room"):
    """A room of this user, new or changed."""


class Limits(Struct, frozen=True, kw_only=True):
    frame: int = MAX_FRAME
    body: int = MAX_BODY
    unread: int = MAX_UNREAD


class Welcome(Event, frozen=True, kw_only=True):
    protocol: str = SUBPROTOCOL
    consumer: Literal["sync", "async"]
    user: Person
    rooms: list[RoomState]
    limits: Limits = Limits()
    heartbeat: float  # seconds


class Reaction(Struct, frozen=True, kw_only=True):
    emoji: str
    users: list[int]


class Message(Event, frozen=True, kw_only=True):
    room: int
    id: int
    client_id: UUID
    position: int
    version: int
    author: Person
    body: str
    html: str
    created: datetime
    edited: bool
    deleted: bool
    reactions: list[Reaction]
    reply_to: int | None
    parts: dict[str, Any]  # what apps add, a key for each


class Ok(Event, frozen=True, kw_only=True):
    """Done. The fields after `ref` answer a `send` only."""

    ref: str | None
    id: UUID | UnsetType = UNSET
    message: int | UnsetType = UNSET
    room: int | UnsetType = UNSET
    position: int | UnsetType = UNSET
    version: int | UnsetType = UNSET


class Synced(Event, frozen=True, kw_only=True, tag="sync"):
    room: int
    messages: list[Message]
    head: int
    more: bool


class Older(Event, frozen=True, kw_only=True, tag="history"):
    room: int
    messages: list[Message]
    more: bool


class Heartbeat(Event, frozen=True, kw_only=True):
    n: int
    heads: dict[int, int]


class Left(Event, frozen=True, kw_only=True):
    room: int


class ReadElsewhere(Event, frozen=True, kw_only=True, tag="read"):
    room: int
    position: int


class TypingNow(Event, frozen=True, kw_only=True, tag="typing"):
    room: int
    user: Person


class Presence(Event, frozen=True, kw_only=True):
    """Who came to a room and who went, by user id, since the last such event."""

    room: int
    here: list[int]
    gone: list[int]


class Error(Event, frozen=True, kw_only=True):
    code: Code
    detail: str
    ref: str | None


def answers(frame: Frame, event: Event | None) -> list[Event]:
    """What goes back for a frame that was carried out.

    Every frame is answered with `ok`, or with an event of its own, or with nothing worth a frame
    (`typing`, `pong`); where it carried a `ref`, always with an `ok` that carries it back.
    """
    if isinstance(event, Ok):
        return [event]
    events = [event] if event else []
    if frame.ref is None and isinstance(frame, Sync | History | Typing | Pong):
        return events
    return [*events, Ok(ref=frame.ref)]


_encoder = msgspec.json.Encoder()


def encode(event: Event) -> str:
    """One event as JSON, ready to be framed for any number of sockets."""
    return _encoder.encode(event).decode()


def frame(*events: str) -> str:
    """Encoded events as the one text frame in which they travel together."""
    return f"[{','.join(events)}]"


def frames(events: list[str]) -> Iterator[str]:
    """The same in as few frames as a client takes, each of MAX_ROUND characters or one event."""
    together: list[str] = []
    size = 0
    for event in events:
        if together and size + len(event) > MAX_ROUND:
            yield frame(*together)
            together, size = [], 0
        together.append(event)
        size += len(event)
    if together:
        yield frame(*together)


def to_frame(events: list[Event]) -> str:
    """Events as one text frame, for a single socket."""
    return _encoder.encode(events).decode()
