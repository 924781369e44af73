"""Every frame of the sub-protocol `chat.v1`, in both directions; the prose is in docs/protocol.md.

A frame that is not described here is refused.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from realtime.wire import MAX_FRAME, Event, Frame, FrameDecoder, Id, Number, Ok, Pong, Text

SUBPROTOCOL = "chat.v1"
MAX_BODY = 10_000  # characters in one message
MAX_PARTS = 10  # what apps add to one message when it is sent
MAX_LEVELS = 20  # of lists and objects within one another in them
MAX_UNREAD = 100  # unread messages are counted up to here

Part = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,29}\Z")]  # the name of an app
Parts = Annotated[dict[Part, Any], Meta(max_length=MAX_PARTS)]


# --- client to server ---------------------------------------------------------------------------


class Send(Frame, frozen=True, kw_only=True):
    room: Id
    id: UUID
    body: Text
    reply_to: Id | None = None
    parts: Parts = {}

    def __post_init__(self) -> None:
        _check_part(self.parts, levels=MAX_LEVELS)


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
    speaks_for_itself = True

    room: Id
    since: Number


class History(Frame, frozen=True, kw_only=True):
    speaks_for_itself = True

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
    speaks_for_itself = True

    room: Id


def _check_part(value: Any, levels: int) -> None:
    """Raises ValueError for what PostgreSQL cannot store, or what nobody could walk through."""
    if not levels:
        raise ValueError(f"Expected at most {MAX_LEVELS} levels - at `$.parts`")
    match value:
        case str():
            if "\0" in value:
                raise ValueError("Expected no NUL - at `$.parts`")
        case list():
            for each in value:
                _check_part(each, levels - 1)
        case dict():
            for key, each in value.items():
                _check_part(key, levels - 1)
                _check_part(each, levels - 1)


FRAMES = (Send, Edit, Delete, React, Sync, History, Read, Typing, Pong)

decode: FrameDecoder[Frame] = FrameDecoder(FRAMES)


# --- server to client ---------------------------------------------------------------------------


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


class Sent(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to a `send`."""

    id: UUID
    message: int
    room: int
    position: int
    version: int


class Synced(Event, frozen=True, kw_only=True, tag="sync"):
    room: int
    messages: list[Message]
    head: int
    more: bool


class Older(Event, frozen=True, kw_only=True, tag="history"):
    room: int
    messages: list[Message]
    more: bool


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
