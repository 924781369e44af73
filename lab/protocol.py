"""Every frame of the lab's sockets; what is not described here is refused.

A client sends one JSON object a text frame; the server sends one JSON array of events a text frame.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chat.protocol import Event, Frame, Invalid

MAX_SECONDS = 3.0  # of a slow query
MAX_FRAME = 1024  # characters in one client frame

Kind = Literal["sync", "async"]
Threads = Literal["one", "many"]
Cause = Literal["client", "layer", "heartbeat"]


class Slow(Frame, frozen=True, kw_only=True):
    """Asks for a query that takes as long as that."""

    seconds: Annotated[float, Meta(ge=0.05, le=MAX_SECONDS)]


class Heartbeats(Frame, frozen=True, kw_only=True):
    """Says whether heartbeats close old connections before they query."""

    close_old: bool


_frames = msgspec.json.Decoder(Slow | Heartbeats, strict=True)


def decode(text: str | None) -> Slow | Heartbeats:
    """The frame that a client sent, None if it was binary. Raises Invalid."""
    if text is None:
        raise Invalid("A frame is JSON text, not binary.")
    if len(text) > MAX_FRAME:
        raise Invalid(f"A frame has at most {MAX_FRAME} characters.")
    try:
        frame: Slow | Heartbeats = _frames.decode(text)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise Invalid("The frame is not JSON.") from None
    return frame


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """The database connection that served an event."""

    name: str  # on PostgreSQL the process id of its backend, else a running number
    age: float  # seconds, when the event began
    new: bool  # opened for this event
    before: str | None  # and the one that the thread had before that


class Ready(Event, frozen=True, kw_only=True):
    """The socket is open, and served like this."""

    consumer: Kind
    socket: int
    threads: Threads
    now: float  # the server's clock; all times are milliseconds since 1970


class Measured(Event, frozen=True, kw_only=True):
    """An event that was served."""

    consumer: Kind
    socket: int
    cause: Cause
    thread: str
    thread_id: int
    connection: Used | None  # None: it could not be opened
    open: int | None  # connections to this database; None: nobody could be asked
    asked: float
    began: float
    ended: float
    error: str  # empty if it worked
