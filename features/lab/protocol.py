"""Every frame of the lab's sockets; what is not described here is refused.

A client sends one JSON object a text frame; the server sends one JSON array of events a text frame.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from realtime.wire import Event, Frame, FrameDecoder

MAX_SECONDS = 3.0  # of a slow query
MAX_FRAME = 1024  # bytes in one client frame

Kind = Literal["sync", "async"]
Threads = Literal["one", "many"]
Cause = Literal["client", "layer", "heartbeat"]


class Slow(Frame, frozen=True, kw_only=True):
    """Asks for a query that takes as long as that."""

    seconds: Annotated[float, Meta(ge=0.05, le=MAX_SECONDS)]


class Heartbeats(Frame, frozen=True, kw_only=True):
    """Says whether heartbeats close old connections before they query."""

    close_old: bool


decode: FrameDecoder[Slow | Heartbeats] = FrameDecoder((Slow, Heartbeats), MAX_FRAME)


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
