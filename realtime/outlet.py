"""An open WebSocket as the fan-out sees it: whose it is, and how much it may be behind.

A server that writes without waiting, as Daphne does, keeps in memory whatever a client does not
read. So each frame counts against the client until it answers a heartbeat that was sent after it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from contextlib import suppress
from random import randint, uniform
from typing import Any, Protocol

from realtime import wire

AsgiMessage = dict[str, Any]  # https://asgi.readthedocs.io/en/latest/specs/www.html

OVERHEAD = 100  # bytes that a frame costs besides its text
PROBE = 512 * 1024  # unanswered bytes after which a heartbeat goes out early
HEADS_ONLY = 6 * 1024 * 1024  # unanswered bytes after which what topics say is left out
TOO_SLOW = 8 * 1024 * 1024  # unanswered bytes after which the socket is closed
PATIENCE = 2  # heartbeats for which a client may be far behind
MAX_STEP = 2**16  # from the number of one heartbeat to that of the next
MAX_HELD = 1_000  # frames kept until `welcome` is out
MAX_BEATS = 100  # the newest of those that a client has not answered


class Relay(Protocol):
    """What writes a topic to its sockets (realtime/relay.py), as far as a socket knows it."""

    topic: int

    def drop(self, outlet: "Outlet") -> None: ...


class Outlet:
    """Writes to a client, as long as it reads. What sends belongs to the event loop."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        self.user_id = 0
        self.relays: set[Relay] = set()  # those that write to it
        self.shown: set[int] = set()  # the topics that the client was told of
        self._send = send
        self._held: list[str] | None = []
        self.over = False
        self.code = 0  # it was closed with
        self.stalled_at: int | None = None  # the last heartbeat before it took nothing any more
        self._stirred = asyncio.Event()
        self._sent = self._marked = self._answered = 0  # bytes: all, to the last heartbeat, read
        self._beat = 0
        self._beats: list[tuple[int, int]] = []  # unanswered: number, and bytes sent before it
        self._beats_behind = 0

    def strays(self, topics: Set[int]) -> set[int]:
        """Where the client or its relays are not in step with the topics it is in by now."""
        return (self.shown ^ topics) | ({relay.topic for relay in self.relays} ^ topics)

    @property
    def behind(self) -> int:
        """Bytes that the client has not said it has read."""
        return self._sent - self._answered

    async def send(self, message: Any) -> None:
        """Sends, unless the client is gone; then `websocket.disconnect` is on its way to us."""
        if self.over:
            return
        if frame := message.get("text"):
            self._sent += OVERHEAD + len(frame) * (1 if frame.isascii() else 3)
            if self._sent - self._marked > PROBE:  # no look at the clock: alarms may ring early
                self._stirred.set()
        if self.behind > TOO_SLOW:
            message = closing(wire.TOO_SLOW)
        if message["type"] == "websocket.close":
            self.code = message["code"]
            self.end()
        # For a closed socket ASGI asks servers to raise the first; Autobahn raises the second.
        with suppress(OSError, RuntimeError):
            await self._send(message)

    async def write(self, frame: str) -> None:
        """Passes on what a topic says. A client that is far behind is left to ask for it: the
        heartbeats, which it still gets, name each topic's newest number."""
        if self._held is not None:
            if len(self._held) < MAX_HELD:
                self._held.append(frame)
        elif self.behind < HEADS_ONLY and self.stalled_at is None:
            await self.send(text(frame))

    def stall(self) -> None:
        """A topic has waited for the client in vain. None does any more, until it has answered a
        heartbeat that goes out as soon as it takes one."""
        self.stalled_at = self._beat
        self._marked = self._sent - PROBE - 1
        self._stirred.set()

    async def release(self) -> None:
        """Lets through what was held since the socket joined its topics: `welcome` goes first."""
        while self._held:
            await self.send(text(self._held.pop(0)))
        self._held = None

    async def accept(self, subprotocol: str | None) -> None:
        await self.send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def close(self, code: int) -> None:
        await self.send(closing(code))

    def end(self) -> None:
        """The socket is closed: nothing more is sent, and the heartbeats end."""
        self.over = True
        self._stirred.set()
        for relay in tuple(self.relays):
            relay.drop(self)

    async def beats(self, interval: float) -> AsyncIterator[int]:
        """Numbers of heartbeats, one every `interval` seconds, from `welcome` to the end.

        Ends by itself and is not cancelled: that would leave the query of a heartbeat running on
        its ORM thread, with nobody waiting for it.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + interval * uniform(0.5, 1)  # all came at once after a restart
        while True:
            alarm = loop.call_at(due, self._stirred.set)
            await self._stirred.wait()
            alarm.cancel()
            self._stirred.clear()
            if self.over:
                return
            if self._sent - self._marked > PROBE:  # no look at the clock: alarms may ring early
                await self.probe()
                continue
            due = loop.time() + interval
            if self._held is None and await self._keeps_up():
                yield self._next_beat()

    async def say(self, *events: wire.Event) -> None:
        await self.send(text(wire.encode_array(list(events))))

    async def probe(self) -> None:
        """A heartbeat that only asks whether the client is there, and costs no query."""
        await self.say(wire.Heartbeat(n=self._next_beat(), heads={}))

    def answered(self, beat: int) -> None:
        """The client has read all that was sent before this heartbeat."""
        if beat not in [number for number, _ in tuple(self._beats)]:
            return
        while self._beats and self._beats[0][0] <= beat:
            _, self._answered = self._beats.pop(0)
        if self.stalled_at is not None and beat > self.stalled_at:
            self.stalled_at = None

    def _next_beat(self) -> int:
        self._beat += randint(1, MAX_STEP)  # who has not read it cannot answer it
        self._marked = self._sent
        self._beats.append((self._beat, self._sent))
        del self._beats[:-MAX_BEATS]
        return self._beat

    async def _keeps_up(self) -> bool:
        """False, and the socket closed, if the client has been far behind for too long."""
        self._beats_behind = self._beats_behind + 1 if self.behind >= HEADS_ONLY else 0
        if self._beats_behind > PATIENCE:
            await self.close(wire.TOO_SLOW)
        return not self.over


def text(frame: str) -> AsgiMessage:
    return {"type": "websocket.send", "bytes": None, "text": frame}


def closing(code: int) -> AsgiMessage:
    return {"type": "websocket.close", "code": code}
