"""A person with a script: says things, changes them, reads, goes away and comes back.

Right by construction: `View` decides what is held and asked for, `Outbox` what is said again. What
is here is the network and the dice.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.chaos.outbox import Outbox
from tests.chaos.world import HEARTBEAT
from tests.view import Event, Frame, View

PATHS = ("/ws/chat/", "/ws/chat/sync/")
PACE = 1.0  # seconds between two things a person does, on average
TICK = 0.2  # seconds, on average, until what did not work is tried again
OFTEN_AWAY = 1 / 40  # of the things a person does is going away
SILENCE = 2.5 * HEARTBEAT  # seconds without a heartbeat: the connection is taken for dead
LONGEST = 4.0  # seconds, at most, until the next attempt to connect
RECENT = 30  # messages of a room that somebody looks at
EMOJI = ("👍", "❤️", "🎉", "👀")
LOST = (OSError, EOFError, TimeoutError, WebSocketException)


class Person:
    def __init__(self, id: int, cookie: str, path: str, seed: str) -> None:
        self.id = id
        self.name = f"person {id} on {path}"
        self.view = View()
        self.outbox = Outbox(str(id))
        self.closes: Counter[int] = Counter()  # with which code the server closed, how often
        self.is_welcome = False  # connected, and the server said so
        self.gaps: list[float] = []  # seconds from a close by the server to the next welcome
        self.is_quiet = False  # writes nothing new
        self.breaks_off = ""  # as soon as the next frame is "sent", or as it is "answered"
        self.hears: Callable[[Event], None] | None = None  # every event, before the view does
        self.online, self.awake = asyncio.Event(), asyncio.Event()
        self.online.set()
        self.awake.set()
        self._cookie = cookie
        self._path = path
        self._dice = Random(f"{seed} {id}")
        self._socket: ClientConnection | None = None
        self._attempt = 0
        self._closed_at = 0.0

    async def live(self, url: str, **connection: Any) -> None:
        """Connects and writes, again and again, until it is cancelled.

        The url is that of the site, with the scheme of WebSockets; `connection` is what else
        `websockets` has to know.
        """
        await asyncio.gather(self._stay_connected(url, connection), self._write())

    @property
    def is_there(self) -> bool:
        """Neither offline nor asleep."""
        return self.online.is_set() and self.awake.is_set()

    def holds(self, heads: dict[int, int]) -> bool:
        """Whether this person is connected and holds every change up to these heads."""
        rooms = self.view.rooms.items()
        return self.is_welcome and all(room.number >= heads[id] for id, room in rooms)

    @property
    def is_settled(self) -> bool:
        """Nothing is on its way."""
        return self.is_welcome and self.view.level and not self.outbox

    def begin_anew(self) -> None:
        """What was counted so far has been told."""
        self.outbox.acknowledged = 0
        self.view.violations.clear()
        self.closes.clear()

    # What befalls a person.

    async def go_away(self, seconds: float) -> None:
        """Offline for a while; what is typed meanwhile waits."""
        self.online.clear()
        self.hang_up()
        self._think()
        await asyncio.sleep(seconds)
        self._attempt = 0
        self.online.set()

    def say(self, room_id: int, times: int) -> None:
        """Says several things at once."""
        for _ in range(times):
            self._send(room_id, [])

    async def sleep(self, seconds: float) -> None:
        """Neither reads nor writes, on an open connection."""
        self.awake.clear()
        await asyncio.sleep(seconds)
        self.awake.set()

    def hang_up(self) -> None:
        if self._socket:
            self._socket.transport.abort()

    # The connection.

    async def _stay_connected(self, url: str, options: dict[str, Any]) -> None:
        while True:
            await self.online.wait()
            with suppress(*LOST):
                await self._talk(url, options)
            self.is_welcome = False
            self.view.lost()
            self.outbox.lost()
            self._attempt += 1
            await asyncio.sleep(self._dice.uniform(0, min(LONGEST, 0.25 * 2**self._attempt)))

    async def _talk(self, url: str, options: dict[str, Any]) -> None:
        connection = connect(
            f"{url}{self._path}",
            additional_headers={"Cookie": self._cookie},
            origin=url.replace("ws", "http", 1),  # type: ignore[arg-type]
            subprotocols=["chat.v1"],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=None,
            proxy=None,
            **options,
        )
        async with connection as self._socket:
            if not self.online.is_set():
                return
            try:
                async with asyncio.timeout(10) as patience:
                    await self._hear(self._socket, patience)
            except ConnectionClosed as closed:
                self.closes[closed.rcvd.code if closed.rcvd else 1006] += 1
                if closed.rcvd:
                    self._closed_at = self._closed_at or time.monotonic()

    async def _hear(self, socket: ClientConnection, patience: asyncio.Timeout) -> None:
        async for text in socket:
            if not self.awake.is_set():
                patience.reschedule(None)
                await self.awake.wait()
            events = json.loads(text)
            if self.breaks_off == "answered" and any(map(self.outbox.is_answer, events)):
                self.breaks_off = ""
                return self.hang_up()
            for event in events:
                for frame in self._take(event):
                    await socket.send(json.dumps(frame))
                if event["type"] in ("welcome", "heartbeat"):
                    patience.reschedule(asyncio.get_running_loop().time() + SILENCE)
            if any(event["type"] in ("welcome", "ok") for event in events):
                await self._flush()

    def _take(self, event: Event) -> list[Frame]:
        if self.hears:
            self.hears(event)
        if self.outbox.is_answer(event):
            self.outbox.take(event)
        if event["type"] == "welcome":
            self.is_welcome = True
            if self._closed_at:
                self.gaps.append(time.monotonic() - self._closed_at)
                self._closed_at = 0.0
        if event["type"] == "heartbeat":
            self._attempt = 0
        return self.view.apply(event)

    async def _flush(self) -> None:
        if self._socket and self.is_welcome and (frame := self.outbox.next()):
            await self._socket.send(json.dumps(frame))
            if self.breaks_off == "sent":
                self.breaks_off = ""
                self.hang_up()

    # The dice.

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * TICK))
            await self.awake.wait()
            if not self.is_quiet and self._dice.random() < TICK / PACE:
                self._think()
                if self._dice.random() < OFTEN_AWAY:
                    await self.go_away(self._dice.uniform(1, 4))
            with suppress(*LOST):
                await self._flush()

    def _think(self) -> None:
        """Something to do, about something that was said lately."""
        if not self.view.rooms:
            return
        room_id = self._dice.choice(sorted(self.view.rooms))
        recent = self.view.timeline(room_id)[-RECENT:]
        alive = [message for message in recent if not message["deleted"]]
        mine = [message for message in alive if message["author"]["id"] == self.id]
        reactions = [
            (message, reaction["emoji"])
            for message in alive
            for reaction in message["reactions"]
            if self.id in reaction["users"]
        ]
        dice = self._dice.random()
        if dice < 0.15 and mine:
            self._edit(self._dice.choice(mine))
        elif dice < 0.22 and mine:
            self._delete(self._dice.choice(mine))
        elif dice < 0.34 and alive:
            self._react(self._dice.choice(alive), self._dice.choice(EMOJI), on=True)
        elif dice < 0.42 and reactions:
            self._react(*self._dice.choice(reactions), on=False)
        elif dice < 0.50 and recent:
            self._read(self._dice.choice(recent))
        else:
            self._send(room_id, alive)

    def _send(self, room_id: int, alive: list[Event]) -> None:
        client_id = str(UUID(int=self._dice.getrandbits(128), version=4))
        body = f"{self.name} says {client_id[:8]}"
        frame: dict[str, Any] = {"type": "send", "room": room_id, "id": client_id, "body": body}
        if alive and self._dice.random() < 0.2:
            frame["reply_to"] = self._dice.choice(alive)["id"]
        self.outbox.add(frame, ("body", client_id), body)

    def _edit(self, message: Event) -> None:
        body = f"{self.name} says **it better**, {self._dice.randrange(10_000)}"
        frame = {"type": "edit", "message": message["id"], "body": body}
        self.outbox.add(frame, ("body", message["client_id"]), body)

    def _delete(self, message: Event) -> None:
        frame = {"type": "delete", "message": message["id"]}
        self.outbox.add(frame, ("deleted", message["client_id"]), True)

    def _react(self, message: Event, emoji: str, on: bool) -> None:
        frame = {"type": "react", "message": message["id"], "emoji": emoji, "on": on}
        self.outbox.add(frame, ("reaction", message["id"], emoji), on)

    def _read(self, message: Event) -> None:
        room, position = message["room"], message["position"]
        frame = {"type": "read", "room": room, "position": position}
        self.outbox.add(frame, ("read", room), position)
