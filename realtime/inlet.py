"""What a client has sent and no handler has taken yet.

Daphne keeps whatever a client sends until somebody takes it, and handlers take their time. So it
is taken at once, and kept here within bounds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from realtime.outlet import AsgiMessage

MAX_FRAMES = 1_000
MAX_BYTES = 1024 * 1024


class Inlet:
    """A bounded queue between the server and a consumer, which awaits `receive`.

    `admits` is asked about each frame; what it turns down, or what finds no room, goes to `refuse`.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[AsgiMessage]],
        admits: Callable[[], bool],
        refuse: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._receive = receive
        self._admits = admits
        self._refuse = refuse
        # Not an asyncio.Queue, which needs three times the memory, for each socket.
        self._messages: list[AsgiMessage] = []
        self._arrived = asyncio.Event()
        self._bytes = 0

    async def drain(self) -> None:
        """Takes what the client sends as fast as it comes, until it is gone."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.receive":
                await self._take_in(message)
                continue
            self._keep(message)
            if message["type"] == "websocket.disconnect":
                return

    async def receive(self) -> Any:
        await self._arrived.wait()
        message = self._messages.pop(0)
        if not self._messages:
            self._arrived.clear()
        self._bytes -= size(message)
        return message

    async def _take_in(self, message: AsgiMessage) -> None:
        if not self._admits() or self._is_full(message):
            return await self._refuse(message.get("text"))
        self._keep(message)

    def _keep(self, message: AsgiMessage) -> None:
        self._bytes += size(message)
        self._messages.append(message)
        self._arrived.set()

    def _is_full(self, message: AsgiMessage) -> bool:
        return len(self._messages) >= MAX_FRAMES or self._bytes + size(message) > MAX_BYTES


def size(message: AsgiMessage) -> int:
    return len(message.get("bytes") or (message.get("text") or "").encode(errors="surrogatepass"))
