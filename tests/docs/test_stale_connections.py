"""The table of docs/database-access.md: what happens to a query after the database was restarted.

The rows and columns of the document are the parameters here, its cells what is expected.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from channels.db import aclose_old_connections, database_sync_to_async
from django.db import DatabaseError

from tests.docs.conftest import Connect
from tests.docs.page import PAGE, table
from tests.docs.probe import Database, Socket
from tests.docs.probe_consumers import Async, Sync, wake

TABLE = "## When the database was restarted"
POOL = {"OPTIONS": {"pool": True}}
CHECKS = {"CONN_HEALTH_CHECKS": True}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "`0`, checks or not": [{"CONN_MAX_AGE": 0}, {"CONN_MAX_AGE": 0, **CHECKS}],
    "`600`, `None`": [{"CONN_MAX_AGE": 600}, {"CONN_MAX_AGE": None}],
    "`600`, `None` with checks": [
        {"CONN_MAX_AGE": 600, **CHECKS},
        {"CONN_MAX_AGE": None, **CHECKS},
    ],
    "`pool`": [POOL],
    "`pool` with checks": [POOL | CHECKS],
}
SLOW = "`pool` with checks"  # the pool waits longer and longer between its tries: 7 s
ROUNDS = 6
Asks = Callable[[], Awaitable[object]]


class Living(Async):
    """Asks in a task that lives as long as the socket, whenever a frame comes. Handles nothing."""

    async def connect(self) -> None:
        self.asked: asyncio.Queue[bool] = asyncio.Queue()
        self.living = asyncio.create_task(self.live())
        await self.accept()

    async def dispatch(self, message: Any) -> None:
        # Past Channels, which would close old connections on behalf of the task.
        if message["type"] == "websocket.receive":
            self.asked.put_nowait(True)
        else:
            await super().dispatch(message)

    async def disconnect(self, code: int) -> None:
        self.asked.put_nowait(False)
        await self.living

    async def live(self) -> None:
        while await self.asked.get():
            await super().receive()


def answers(ask: Callable[[], object]) -> Callable[[], str]:
    def work() -> str:
        try:
            return f"backend {ask()}"
        except DatabaseError:
            return "failed"

    return work


def aanswers(ask: Asks, first: Asks | None = None) -> Asks:
    async def work() -> str:
        try:
            if first:
                await first()
            return f"backend {await ask()}"
        except DatabaseError:
            return "failed"

    return work


def application(place: str, database: Database) -> Any:
    """Where the query is asked, by the names of the rows."""
    wrapped = database_sync_to_async(database.ask)
    match place:
        case "a sync handler":
            return Sync.as_asgi(work=answers(database.ask))
        case "an async handler: `aget()`" | "a woken handler: `aget()`":
            return Async.as_asgi(work=aanswers(database.aask))
        case "an async handler: `database_sync_to_async`":
            return Async.as_asgi(work=aanswers(wrapped))
        case "a task: `aclose_old_connections`, `aget()`":
            return Living.as_asgi(work=aanswers(database.aask, first=aclose_old_connections))
        case "a task: `database_sync_to_async`":
            return Living.as_asgi(work=aanswers(wrapped))
        case "a task: `aget()` alone":
            return Living.as_asgi(work=aanswers(database.aask))
    raise AssertionError(f"No test for the row {place!r}")


async def outcome(place: str, database: Database) -> str:
    async with Socket(application(place, database)) as socket:

        async def ask() -> str:
            if place.startswith("a woken"):
                await wake()
                return await socket.hear()
            return await socket.ask()

        assert (await ask()).startswith("backend")
        await database.all_open()
        database.terminate()
        failed = [await ask() == "failed" for _ in range(ROUNDS)]
    failures = sum(failed)
    assert failed == sorted(failed, reverse=True), failed  # what goes on goes on
    match failures:
        case 0:
            return "goes on"
        case 1:
            return "fails once"
        case _ if failures == ROUNDS:
            return "fails for ever"
    return f"fails {failures} times"


def cells() -> Iterator[Any]:
    for row in table(TABLE):
        for column, said in row.items():
            for config in SETTINGS.get(column, ()):
                yield pytest.param(
                    config,
                    row["asked in"],
                    said,
                    id=f"{row['asked in']} {config}".replace("`", ""),
                    marks=pytest.mark.long if column == SLOW else (),
                )


def test_the_table_has_a_column_for_each_setting() -> None:
    for row in table(TABLE):
        assert list(row) == ["asked in", *SETTINGS]


@pytest.mark.parametrize(("config", "place", "said"), list(cells()))
def test_the_table_says_what_happens(
    connect: Connect, config: dict[str, Any], place: str, said: str
) -> None:
    measured = asyncio.run(outcome(place, connect(**config)))
    assert measured == said, f"{PAGE.name} says that with {config} {place} {said}"
