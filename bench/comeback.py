"""What the open pages do when their server is killed: come back, and catch up.

`python -m bench.comeback` takes a `Load` as a line of JSON on its standard input, opens its sockets
and says `ready`. It is then told when the server was `killed` and when another is `back`, each in a
line, and writes an `Outcome` as soon as all sockets are welcomed and hold what they missed.
"""

import asyncio
import json
import random
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Any, NoReturn

import msgspec
import numpy
import uvloop
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bench.load import DEADLINE, OPENING

# As in static/chat/socket.js and static/chat/backoff.js, in seconds.
FIRST, LONGEST = 1.0, 30.0
LATER = {"4429": 3, "4503": 2}
OPENS_IN, WELCOMES_IN = 10.0, 30.0
PATIENCE = 2.5  # heartbeats

NOBODY_THERE = ConnectionRefusedError.__name__
GIVE_UP = 60.0  # seconds after the server's return
LOST = (OSError, EOFError, TimeoutError, WebSocketException)


class Load(Struct, kw_only=True):
    port: int
    cookies: list[str]  # sockets take them in turn
    sockets: int
    behind: int = 0  # changes that each has missed of each of its rooms, when it comes back


class Outcome(Struct, kw_only=True):
    """Times are in seconds, and of the sockets that are back."""

    missing: int  # sockets that were not, when it gave up
    after_kill: float  # until the last socket was back and had caught up
    after_return: float  # the same, from when the server was back
    p50: float  # of all sockets, from when the server was back
    p99: float
    unanswered: int  # attempts while no server was there
    turned_away: dict[str, int]  # attempts that came to nothing, by close code or exception
    synced: int  # messages
    client_cpu: float


class Page:
    """A socket that stays connected as the page's does, and asks each room what it missed."""

    def __init__(self, load: Load, number: int) -> None:
        self.level = asyncio.Event()
        self.level_at = 0.0
        self.synced = 0
        self.failures: Counter[str] = Counter()
        self._load = load
        self._cookie = load.cookies[number % len(load.cookies)]
        self._attempt = 0
        self._asked: set[int] = set()

    async def live(self) -> None:
        while True:
            try:
                await self._talk()
            except LOST as error:
                why = reason(error)
            if not self.level.is_set():
                self.failures[why] += 1
            self.level.clear()
            self._attempt = max(self._attempt, LATER.get(why, 0))
            await asyncio.sleep(random.random() * min(LONGEST, FIRST * 2**self._attempt))
            self._attempt += 1

    async def _talk(self) -> NoReturn:
        """Until the connection is lost, which raises an exception."""
        connection = connect(
            f"ws://127.0.0.1:{self._load.port}/ws/chat/",
            additional_headers={"Cookie": self._cookie},
            origin=f"http://127.0.0.1:{self._load.port}",  # type: ignore[arg-type]
            subprotocols=["chat.v1"],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
            open_timeout=None,
            close_timeout=1,
            max_size=None,
            proxy=None,
        )
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(OPENS_IN) as patience, connection as socket:
            patience.reschedule(now() + WELCOMES_IN)
            heartbeat = 0.0
            while True:
                for event in json.loads(await socket.recv()):
                    heartbeat = event.get("heartbeat", heartbeat)
                    await self._hear(socket, event)
                if heartbeat:
                    patience.reschedule(now() + PATIENCE * heartbeat)

    async def _hear(self, socket: ClientConnection, event: dict[str, Any]) -> None:
        match event:
            case {"type": "welcome", "rooms": rooms}:
                self._asked = {room["id"] for room in rooms}
                for room in rooms:
                    await self._ask(socket, room["id"], max(0, room["head"] - self._load.behind))
                self._check_level()
            case {"type": "sync", "room": room, "messages": messages, "more": True}:
                self.synced += len(messages)
                await self._ask(socket, room, messages[-1]["version"])
            case {"type": "sync", "room": room, "messages": messages}:
                self.synced += len(messages)
                self._asked.discard(room)
                self._check_level()
            case {"type": "heartbeat", "n": n}:
                self._attempt = 0
                await socket.send(json.dumps({"type": "pong", "n": n}))
            case {"type": "error", "code": code}:
                raise ConnectionError(code)  # what it asked for will not come on this one

    async def _ask(self, socket: ClientConnection, room: int, since: int) -> None:
        await socket.send(json.dumps({"type": "sync", "room": room, "since": since}))

    def _check_level(self) -> None:
        if not self._asked and not self.level.is_set():
            self.level.set()
            self.level_at = time.monotonic()


def reason(error: BaseException) -> str:
    """The close code, or what else ended it."""
    if isinstance(error, ConnectionClosed):
        return str(error.rcvd.code if error.rcvd else 1006)
    return type(error).__name__


async def level(pages: list[Page], deadline: float = DEADLINE) -> None:
    async with asyncio.timeout(deadline):
        for page in pages:
            await page.level.wait()


async def told(word: str) -> float:
    """When the parent said this."""
    line = await asyncio.to_thread(sys.stdin.readline)
    assert line.strip() == word, f"{line!r} is not {word}"
    return time.monotonic()


async def run(load: Load) -> Outcome:
    pages = [Page(load, number) for number in range(load.sockets)]
    async with asyncio.TaskGroup() as group:
        lives = []
        for begin in range(0, load.sockets, OPENING):
            some = pages[begin : begin + OPENING]
            lives += [group.create_task(page.live()) for page in some]
            await level(some)
        for page in pages:
            page.failures.clear()
            page.synced = 0
        print("ready", flush=True)
        killed, own_before = await told("killed"), time.process_time()
        back = await told("back")
        with suppress(TimeoutError):
            await level(pages, GIVE_UP)
        for life in lives:
            life.cancel()
    failures = sum((page.failures for page in pages), Counter[str]())
    times = [page.level_at for page in pages if page.level.is_set()] or [back]
    p50, p99 = numpy.percentile(times, [50, 99]) - back
    return Outcome(
        missing=sum(not page.level.is_set() for page in pages),
        after_kill=max(times) - killed,
        after_return=max(times) - back,
        p50=float(p50),
        p99=float(p99),
        unanswered=failures.pop(NOBODY_THERE, 0),
        turned_away=dict(failures),
        synced=sum(page.synced for page in pages),
        client_cpu=time.process_time() - own_before,
    )


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = msgspec.json.decode(sys.stdin.readline(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(load))))


if __name__ == "__main__":
    main()
