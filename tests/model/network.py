"""What lies between the pages and the server, and how time passes there."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from django.conf import settings

from tests.model.client import Client
from tests.model.connection import Connection
from tests.model.world import World


class Network:
    """After each call all is quiet: what may arrive has arrived, and what follows from it.

    On a slow line nothing arrives by itself.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages: list[Client] = []

    @property
    def slow(self) -> list[Client]:
        return [page for page in self.pages if page.slow and page.connection]

    @property
    def offline(self) -> list[Client]:
        return [page for page in self.pages if not page.connection]

    def settle(self) -> None:
        """One page after the other: the same steps lead to the same numbers."""

        async def exchange() -> None:
            while any([await page.exchange() for page in self.pages]):
                pass

        self.world.run(exchange())

    def connect(self, *pages: Client) -> None:
        self._together(page.connect(self.world.application) for page in pages)
        self.settle()

    def lose(self, *pages: Client) -> None:
        self._together(page.lose_connection() for page in pages)

    def lose_and_find(self, page: Client) -> None:
        self.lose(page)
        page.slow = False
        self.connect(page)

    def beat(self) -> None:
        """A heartbeat's time passes, and whoever is connected gets one."""
        awaited = [(connection, connection.beats) for connection in self._connections()]
        self.world.pass_time(settings.HEARTBEAT)
        self._together(connection.beat(before) for connection, before in awaited)
        self.settle()

    def release(self, *hints: Callable[[], None]) -> None:
        """Lets hints arrive, in this order."""

        async def tell() -> None:
            for hint in hints:
                hint()

        self.world.run(tell())
        for _ in range(2):  # whoever was woken begins before the first answer, and is through
            self._together(connection.settle() for connection in self._connections())
        self.settle()

    def _together(self, works: Iterable[Coroutine[Any, Any, None]]) -> None:
        async def work() -> None:
            await asyncio.gather(*works)

        self.world.run(work())

    def _connections(self) -> list[Connection]:
        return [page.connection for page in self.pages if page.connection]
