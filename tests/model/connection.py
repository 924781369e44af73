"""A WebSocket as its server sees it: ASGI messages in, and what is written waits to be heard."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextvars import Context
from itertools import count
from typing import Any

from tests.view import Event, Frame

DEADLINE = 30.0  # seconds for whatever is waited for here
SETTLED = "settled "


class Connection:
    """One open socket. `coming` holds the frames that were written and have not arrived yet."""

    def __init__(self, application: Any, path: str, cookie: str) -> None:
        self.coming: deque[list[Event]] = deque()
        self.closed: int | None = None
        self.beats = 0
        self.unanswered = False
        self._numbers = count(1)
        self._settled = 0
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Event()
        self._running = asyncio.create_task(
            application(scope(path, cookie), self._incoming.get, self._write), context=Context()
        )
        self._running.add_done_callback(lambda _: self._news.set())

    async def open(self) -> None:
        self._incoming.put_nowait({"type": "websocket.connect"})
        await self.settle()

    def say(self, frame: Frame) -> None:
        self.unanswered = True
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def settle(self) -> None:
        """Waits until everything that was said has been answered: that happens in order."""
        number = next(self._numbers)
        self.say({"type": "pong", "n": 0, "ref": f"{SETTLED}{number}"})
        await self._until(lambda: self._settled >= number)
        self.unanswered = False

    async def beat(self, before: int) -> None:
        """Waits for a heartbeat after so many, and for one that names what there is."""
        await self._until(lambda: self.beats > before)

    async def close(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(DEADLINE):
            await self._running

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not (holds() or self._running.done() or self.closed):
                self._news.clear()
                await self._news.wait()

    async def _write(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.closed = message.get("code", 1000)
        elif message["type"] == "websocket.send":
            self._take(json.loads(message["text"]))
        self._news.set()

    def _take(self, events: list[Event]) -> None:
        self.beats += sum(event["type"] == "heartbeat" and bool(event["heads"]) for event in events)
        if events := [event for event in events if not self._is_settled(event)]:
            self.coming.append(events)

    def _is_settled(self, event: Event) -> bool:
        ref = str(event.get("ref"))
        if event["type"] != "ok" or not ref.startswith(SETTLED):
            return False
        self._settled = int(ref.removeprefix(SETTLED))
        return True


def scope(path: str, cookie: str) -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"origin", b"http://localhost"),
            (b"cookie", cookie.encode()),
        ],
        "subprotocols": ["chat.v1"],
    }
