"""The table of docs/database-access.md: what happens to a query after the database was restarted.

The rows and columns of the document are the parameters here, its cells what is expected.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.db import aclose_old_connections, database_sync_to_async
from django.db import DatabaseError

from tests.docs.conftest import Connect
from tests.docs.page import PAGE, table
from tests.docs.probe import Database, Socket
from tests.docs.probe_consumers import Async, Sync, wake

TABLE = "## When the database was restarted"
POOL = {"pool": True}
SETTINGS: dict[str, dict[str, Any]] = {
    "`CONN_MAX_AGE=0`": {"CONN_MAX_AGE": 0},
    "`CONN_MAX_AGE=0`, checks": {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True},
    "`CONN_MAX_AGE=600`": {"CONN_MAX_AGE": 600},
    "`CONN_MAX_AGE=600`, checks": {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True},
    "`CONN_MAX_AGE=None`": {"CONN_MAX_AGE": None},
    "`CONN_MAX_AGE=None`, checks": {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True},
    "`pool`": {"OPTIONS": POOL},
    "`pool`, checks": {"OPTIONS": POOL, "CONN_HEALTH_CHECKS": True},
}
SLOW = "`pool`, checks"  # the pool waits longer and longer between its tries: 7 s
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
    """Where the query is asked, by the names of the columns."""
    wrapped = database_sync_to_async(database.ask)
    match place:
        case "sync handler":
            return Sync.as_asgi(work=answers(database.ask))
        case "async handler, `aget()`" | "woken handler, `aget()`":
            return Async.as_asgi(work=aanswers(database.aask))
        case "async handler, `database_sync_to_async`":
            return Async.as_asgi(work=aanswers(wrapped))
        case "task, `aclose_old_connections`, `aget()`":
            return Living.as_asgi(work=aanswers(database.aask, first=aclose_old_connections))
        case "task, `database_sync_to_async`":
            return Living.as_asgi(work=aanswers(wrapped))
        case "task, `aget()` alone":
            return Living.as_asgi(work=aanswers(database.aask))
    raise AssertionError(f"No test for the column {place!r}")


async def outcome(place: str, database: Database) -> str:
    async with Socket(application(place, database)) as socket:

        async def ask() -> str:
            if place.startswith("woken"):
                await wake()
                return await socket.hear()
            return await socket.ask()

        assert (await ask()).startswith("backend")
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


def cells() -> list[Any]:
    return [
        pytest.param(
            row["settings"],
            place,
            said,
            id=f"{row['settings']} {place}".replace("`", ""),
            marks=pytest.mark.once if row["settings"] == SLOW else (),
        )
        for row in table(TABLE)
        for place, said in row.items()
        if place != "settings"
    ]


def test_the_table_has_a_row_for_each_setting() -> None:
    assert [row["settings"] for row in table(TABLE)] == list(SETTINGS)


@pytest.mark.parametrize(("settings", "place", "said"), cells())
def test_the_table_says_what_happens(
    connect: Connect, settings: str, place: str, said: str
) -> None:
    database = connect(**SETTINGS[settings])
    measured = asyncio.run(outcome(place, database))
    assert measured == said, f"{PAGE.name} says that with {settings} a {place} {said}"
