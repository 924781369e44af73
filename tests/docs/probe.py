"""Consumers run as a server runs them, on a PostgreSQL whose connections are counted.

Not by Channels' communicators: while one of these waits, nobody closes an old connection, which is
what is to be seen here.
"""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import psycopg
from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.sessions.models import Session
from django.db import ConnectionHandler, DatabaseError, connections
from django.db.models import Func, IntegerField
from django.utils import timezone
from environ import Env

from tests.site import until, wait_until

PATIENCE = 20.0  # seconds
ALONE = 0.3  # seconds until a call finds that no other runs beside it
ROWS = 20
ALIASES = count(1)


class Database:
    """One PostgreSQL, as a database of Django's with the settings under test."""

    def __init__(self, url: str, **config: Any) -> None:
        self.url = url
        self.alias = f"probe-{next(ALIASES)}"
        options = {"application_name": self.alias, **config.pop("OPTIONS", {})}
        entry = Env.db_url_config(url) | config | {"OPTIONS": options}
        connections.settings[self.alias] = ConnectionHandler({"default": entry}).settings["default"]
        backend = Func(function="pg_backend_pid", output_field=IntegerField())
        self.rows = Session.objects.using(self.alias).annotate(backend=backend)

    # A query, in both spellings. It returns the process id of the backend that answered it.

    def ask(self) -> int:
        return int(self.rows.get(pk="0").backend)

    async def aask(self) -> int:
        row = await self.rows.aget(pk="0")
        return int(row.backend)

    def held(self) -> int | None:
        """The backend to which this thread holds a connection; asks nobody."""
        connection = connections[self.alias].connection
        return connection.info.backend_pid if connection else None

    async def aheld(self) -> int | None:
        """The same of the thread on which the ORM runs for this task."""
        return await sync_to_async(self.held)()

    def backends(self) -> set[int]:
        """Its connections, as PostgreSQL counts them."""
        with psycopg.connect(self.url) as admin:
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
            return {pid for (pid,) in admin.execute(query, [self.alias])}

    async def all_open(self) -> None:
        """Returns once a pool has opened its connections, which it does in the background."""
        if pool := connections[self.alias].pool:
            idle = pool.min_size - (await self.aheld() is not None)
            await until(lambda: pool.get_stats()["pool_available"] == idle, "the pool is full")

    def terminate(self) -> None:
        """Ends its connections as a restart does. Whoever holds one does not know."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            query = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            )
            admin.execute(query, [self.alias])
        wait_until(lambda: not self.backends(), "the connections have ended")

    def leave(self) -> None:
        """Closes the connection of this thread, whatever its age."""
        connections[self.alias].close()
        del connections[self.alias]

    def forget(self) -> None:
        """Ends with the test: on the one thread that all tests share, and in Django's settings."""
        SyncToAsync.single_thread_executor.submit(self.leave).result()
        connections[self.alias].close_pool()
        del connections[self.alias]
        del connections.settings[self.alias]


def create_rows(url: str) -> None:
    """What the queries ask for."""
    database = Database(url)
    with connections[database.alias].schema_editor() as editor:
        editor.create_model(Session)
    now = timezone.now()
    database.rows.bulk_create(Session(pk=str(row), expire_date=now) for row in range(ROWS))
    database.leave()
    database.forget()


class Socket:
    """A client of an ASGI application: the two queues that a server keeps for it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._in: asyncio.Queue[Any] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> "Socket":
        scope = {"type": "websocket", "path": "/", "headers": [], "subprotocols": []}
        self._task = asyncio.create_task(
            self._app(scope, self._in.get, self._out.put), context=contextvars.Context()
        )
        self.tell("websocket.connect")
        assert (await self.message())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._task.done():  # what it ended with, somebody has been told
            self.tell("websocket.disconnect", code=1000)
            await asyncio.wait_for(self._task, PATIENCE)

    def tell(self, type: str, **fields: Any) -> None:
        self._in.put_nowait({"type": type, **fields})

    def say(self, text: str = "") -> None:
        self.tell("websocket.receive", text=text or "?")

    async def message(self) -> Any:
        """What the application sends next. Raises what it ends with."""
        sent = asyncio.ensure_future(self._out.get())
        done, _ = await asyncio.wait(
            [sent, self._task], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        if sent in done:
            return sent.result()
        sent.cancel()
        assert self._task in done, "The application sends nothing"
        raise self._task.exception() or AssertionError("The application has ended")

    async def hear(self) -> str:
        return str((await self.message())["text"])

    async def ask(self, text: str = "") -> str:
        self.say(text)
        return await self.hear()


@asynccontextmanager
async def sockets(app: Any, number: int) -> AsyncIterator[list[Socket]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Socket(app)) for _ in range(number)]


class Meeting:
    """Where calls wait until so many are there; or find out that no other comes."""

    def __init__(self, size: int, seconds: float = PATIENCE) -> None:
        self._barrier = threading.Barrier(size)
        self._seconds = seconds

    def attend(self) -> bool:
        """Whether all came."""
        try:
            self._barrier.wait(self._seconds)
        except threading.BrokenBarrierError:
            return False
        return True


async def nothing() -> None:
    """What a handler does that does not touch the database."""


async def at_once(asked: list[Socket]) -> list[str]:
    """What they answer that are all asked before one has answered."""
    for one in asked:
        one.say()
    return [await one.hear() for one in asked]


async def outcome(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        await ask()
    except DatabaseError:
        return "failed"
    return "answered"
