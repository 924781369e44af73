"""The smallest consumers there are: each answers a frame with what its `work` returns."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import get_channel_layer

from realtime.orm_threads import OrmThreads
from tests.docs.probe import Database

GROUP = "probes"
Work = Callable[[], object]


async def wake() -> None:
    """A channel-layer event to all of them."""
    await get_channel_layer().group_send(GROUP, {"type": "wake"})


class Sync(WebsocketConsumer):
    groups = [GROUP]

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(str(self.work()))

    def wake(self, event: dict[str, Any]) -> None:
        self.receive()


class Async(AsyncWebsocketConsumer):
    groups = [GROUP]

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.work = work

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(str(await self.work()))

    async def wake(self, event: dict[str, Any]) -> None:
        await self.receive()


class Lent(AsyncConsumer):
    """Runs each event on a thread that the site's middleware lends, as its consumers do."""

    async def dispatch(self, message: Any) -> None:
        async with self.scope["orm_thread"]():
            await super().dispatch(message)


class LentSync(Lent, Sync):
    pass


class LentAsync(Lent, Async):
    pass


# The same synchronous work, done by either kind of consumer.


def sync(work: Work) -> Any:
    return Sync.as_asgi(work=work)


def asynchronous(work: Work) -> Any:
    return Async.as_asgi(work=database_sync_to_async(work))


def lent_sync(work: Work) -> Any:
    return LentSync.as_asgi(work=work)


def lent_async(work: Work) -> Any:
    return LentAsync.as_asgi(work=database_sync_to_async(work))


@asynccontextmanager
async def orm_threads(app: Any, size: int, database: Database) -> AsyncIterator[OrmThreads]:
    """The site's threads, for an application of the tests."""
    middleware = OrmThreads(app, size=size)
    yield middleware
    for thread in middleware.threads:
        thread.submit(database.leave).result()
        thread.shutdown()
