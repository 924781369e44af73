"""docs/database-access.md: each of its sentences, shown by real threads and real connections."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import channels.db
import django.db
import psycopg
import pytest
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import User as StockUser
from django.core.exceptions import SynchronousOnlyOperation
from websockets.sync.client import connect as open_socket

from tests.docs.conftest import Connect
from tests.docs.page import says
from tests.docs.probe import (
    ALONE,
    PATIENCE,
    Meeting,
    Socket,
    at_once,
    nothing,
    outcome,
    sockets,
)
from tests.docs.probe_consumers import (
    Async,
    Sync,
    Work,
    asynchronous,
    lent_async,
    lent_sync,
    orm_threads,
    sync,
    wake,
)
from tests.services import free_port
from tests.site import PROJECT, until, wait_until


@says("synchronous-orm")
async def test_the_orm_refuses_to_run_on_the_event_loop(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    database = connect()

    async def work() -> object:
        return database.ask()

    async with Socket(Async.as_asgi(work=work)) as socket:
        with pytest.raises(SynchronousOnlyOperation):
            await socket.ask()


@says("sync-consumers")
@pytest.mark.parametrize("event", ["a frame", "a wake"])
async def test_a_sync_consumer_cleans_up_before_and_after_every_event(
    connect: Connect, event: str
) -> None:
    database = connect(CONN_MAX_AGE=0)

    def work() -> tuple[int | None, int]:
        return database.held(), database.ask()

    async with Socket(Sync.as_asgi(work=work)) as socket:
        await database.aask()
        assert await database.aheld()
        if event == "a frame":
            socket.say()
        else:
            await wake()
        assert (await socket.hear()).startswith("(None, ")
        await until(lambda: not database.backends(), "closed after the event")


@says("safe-context")
async def test_both_safe_ways_run_on_the_same_thread_and_connection(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)

    async def work() -> object:
        return {await database.aask(), await database_sync_to_async(database.ask)()}

    async with Socket(Async.as_asgi(work=work)) as socket:
        assert await socket.ask() == str(database.backends())


@says("safe-context")
async def test_an_a_method_leaves_its_connection_open(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    backend = await database.aask()
    assert await database.aheld() == backend
    assert database.backends() == {backend}


@says("connection-per-thread")
@pytest.mark.parametrize("consumer", [sync, asynchronous])
async def test_all_consumers_of_a_process_share_one_thread_and_one_connection(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database = connect(CONN_MAX_AGE=600)

    def work() -> str:
        return f"{threading.get_ident()} {database.ask()}"

    async with sockets(consumer(work), 8) as eight:
        places = await at_once(eight)
        assert len(set(places)) == 1
        assert len(database.backends()) == 1


@says("connection-per-thread")
@pytest.mark.parametrize("consumer", [lent_sync, lent_async])
async def test_on_the_orm_threads_there_are_as_many_connections_as_threads(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database, meeting = connect(CONN_MAX_AGE=600), Meeting(4)

    def work() -> str:
        backend = database.ask()
        assert meeting.attend()
        return f"{threading.get_ident()} {backend}"

    async with (
        orm_threads(consumer(work), 4, database) as threads,
        sockets(threads, 8) as eight,
    ):
        places = await at_once(eight)
        assert len(set(places)) == 4
        assert len(database.backends()) == 4


@says("cap-on-threads")
@pytest.mark.parametrize(
    ("server", "way", "connections"),
    [("daphne", "own", 2), ("uvicorn", "own", 4), ("daphne", "shared", 1)],
)
def test_asgi_threads_bounds_the_calls_of_daphne_that_are_not_thread_sensitive(
    postgres_url: str, connect: Connect, server: str, way: str, connections: int
) -> None:
    """ASGI_THREADS is 2, and four sockets ask at once."""
    database = connect()
    with (
        serving(server, postgres_url, database.alias) as address,
        psycopg.connect(postgres_url) as lock,
        ExitStack() as stack,
    ):
        lock.execute("SELECT pg_advisory_lock(1)")
        four = [stack.enter_context(open_socket(address)) for _ in range(4)]
        for socket in four:
            socket.send(way)
        wait_until(lambda: len(database.backends()) == connections, "all that may ask do")
        lock.execute("SELECT pg_advisory_unlock(1)")
        asked = {socket.recv(timeout=PATIENCE) for socket in four}
    assert len(asked) == connections


@contextmanager
def serving(server: str, url: str, name: str) -> Iterator[str]:
    """A real server with ASGI_THREADS=2. Yields the address of its sockets."""
    port = free_port()
    environment = {"ASGI_THREADS": "2", "DATABASE_URL": url, "APPLICATION_NAME": name}
    command = [sys.executable, "-m", server, "tests.docs.served:application", "--port", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment) as process:
        try:
            wait_until(lambda: answers(port), f"{server} answers")
            yield f"ws://127.0.0.1:{port}/"
        finally:
            process.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@says("default-cap")
async def test_calls_that_are_not_thread_sensitive_have_as_many_threads_as_asyncio_gives(
    connect: Connect,
) -> None:
    database = connect(CONN_MAX_AGE=0)
    cpus = getattr(os, "process_cpu_count", os.cpu_count)() or 1  # the first since Python 3.13
    cap = min(32, cpus + 4)
    inside: set[int] = set()
    go = threading.Event()

    def work() -> int:
        backend = database.ask()
        inside.add(threading.get_ident())
        assert go.wait(PATIENCE)
        return backend

    call = database_sync_to_async(work, thread_sensitive=False)
    calls = [asyncio.create_task(call()) for _ in range(cap + 3)]
    await until(lambda: len(inside) >= cap, "all threads have begun")
    go.set()
    await asyncio.gather(*calls)
    assert len(inside) == cap


@says("dip-into-threads")
@pytest.mark.parametrize(("consumer", "met"), [("sync", False), ("async", True)])
async def test_an_async_consumer_that_waits_for_something_else_holds_no_thread(
    connect: Connect, consumer: str, met: bool
) -> None:
    """Two sockets wait for each other, outside the ORM."""
    meeting = Meeting(2, PATIENCE if met else ALONE)

    async def wait() -> bool:
        return await asyncio.to_thread(meeting.attend)

    app = Sync.as_asgi(work=meeting.attend) if consumer == "sync" else Async.as_asgi(work=wait)

    async with sockets(app, 2) as two:
        assert await at_once(two) == [str(met)] * 2


@says("when-old-connections-are-closed")
@pytest.mark.parametrize("event", ["connect", "receive", "disconnect", "wake"])
async def test_before_every_handler_of_an_async_consumer_old_connections_are_closed(
    connect: Connect, event: str
) -> None:
    database = connect(CONN_MAX_AGE=0)
    seen = {}

    class Looking(Async):
        async def connect(self) -> None:
            seen["connect"] = await database.aheld()
            await self.accept()

        async def disconnect(self, code: int) -> None:
            seen["disconnect"] = await database.aheld()

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            seen["receive"] = await database.aheld()
            await self.send("seen")

        async def wake(self, event: Any) -> None:
            seen["wake"] = await database.aheld()
            await self.send("seen")

    async def leave_open() -> None:
        await database.aask()
        assert await database.aheld()
        seen.clear()

    await leave_open()
    async with Socket(Looking.as_asgi(work=nothing)) as socket:
        if event == "receive":
            await leave_open()
            await socket.ask()
        if event == "wake":
            await leave_open()
            await wake()
            await socket.hear()
        if event == "disconnect":
            await leave_open()
    assert seen[event] is None


@says("like-a-request")
async def test_after_its_event_an_async_consumer_keeps_what_an_a_method_opened(
    connect: Connect,
) -> None:
    database = connect(CONN_MAX_AGE=0)

    async with Socket(Async.as_asgi(work=database.aask)) as socket:
        backend = int(await socket.ask())
        assert await database.aheld() == backend
        assert database.backends() == {backend}
        other = await socket.ask()  # before which it is closed
        assert int(other) != backend


@says("sending")
@pytest.mark.parametrize("consumer", ["sync", "async"])
async def test_sending_closes_nothing(connect: Connect, consumer: str) -> None:
    database = connect(CONN_MAX_AGE=0)

    class Sending(Sync):
        def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            self.send(str(database.ask()))
            self.send(str(database.ask()))

    class SendingAsync(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.send(str(await database.aask()))
            await self.send(str(await database.aask()))

    app = {"sync": Sending, "async": SendingAsync}[consumer].as_asgi(work=nothing)

    async with Socket(app) as socket:
        assert await socket.ask() == await socket.hear()


@says("periodic-call")
@pytest.mark.parametrize("place", ["in a task", "in a loop of one handler"])
@pytest.mark.parametrize("call", [True, False])
async def test_what_outlives_an_event_needs_the_call(
    connect: Connect, place: str, call: bool
) -> None:
    database = connect(CONN_MAX_AGE=0)
    step = asyncio.Event()

    class LongLived(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            if place == "in a task":
                self.task = asyncio.create_task(self.rounds())
            else:
                await self.rounds()

        async def rounds(self) -> None:
            for _ in range(4):
                await step.wait()
                step.clear()
                if call:
                    await aclose_old_connections()
                await self.send(await outcome(database.aask))

    async with Socket(LongLived.as_asgi(work=nothing)) as socket:
        socket.say()
        outcomes = []
        for number in range(4):
            if number == 1:
                database.terminate()
            step.set()
            outcomes.append(await socket.hear())
    assert outcomes == ["answered"] * 4 if call else ["answered", *["failed"] * 3]


@says("periodic-call")
async def test_the_event_of_another_closes_the_dead_connection_by_chance(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)

    async with Socket(Async.as_asgi(work=nothing)) as other:
        await database.aask()
        database.terminate()
        for _ in range(3):
            assert await outcome(database.aask) == "failed"
        await other.ask()
        assert await outcome(database.aask) == "answered"


@says("cleans-up-on-exit")
async def test_it_cleans_up_on_entry_and_on_exit(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    before = await database.aask()  # and leaves it open
    assert await database_sync_to_async(database.ask)() != before
    assert await database.aheld() is None


@says("cleans-up-on-exit")
async def test_it_cleans_up_on_the_thread_it_ran_on(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    shared = await database.aask()
    with ThreadPoolExecutor(1) as own:
        on_own = partial(database_sync_to_async, thread_sensitive=False, executor=own)
        assert await on_own(database.ask)() != shared
        assert await on_own(database.held)() is None
    assert await database.aheld() == shared


@says("cleans-up-on-exit")
async def test_it_keeps_a_connection_that_is_not_old(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=None)

    backend = await database_sync_to_async(database.ask)()
    assert await database_sync_to_async(database.ask)() == backend


# The two examples of the page, letter by letter.


class CallForm(AsyncWebsocketConsumer):
    async def connect(self):  # type: ignore[no-untyped-def]
        self.username = await database_sync_to_async(get_name)()  # noqa: F821

    def get_name(self):  # type: ignore[no-untyped-def]
        return User.objects.all()[0].name  # noqa: F821


class DecoratorForm(AsyncWebsocketConsumer):
    async def connect(self):  # type: ignore[no-untyped-def]
        self.username = await get_name()  # noqa: F821

    @database_sync_to_async
    def get_name(self):  # type: ignore[no-untyped-def]
        return User.objects.all()[0].name  # noqa: F821


async def refuses(consumer: Any) -> None:
    with pytest.raises(NameError, match="'get_name' is not defined"):
        await Socket(consumer.as_asgi()).__aenter__()


@says("call-form")
async def test_the_example_of_a_call_needs_self(connect: Connect) -> None:
    database = connect()

    class Mended(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.send(await database_sync_to_async(self.get_name)())

        def get_name(self) -> str:
            return str(database.ask())

    await refuses(CallForm)
    async with Socket(Mended.as_asgi(work=nothing)) as socket:
        assert (await socket.ask()).isdigit()


@says("call-form")
def test_django_s_user_has_no_name() -> None:
    assert not hasattr(StockUser(username="alice"), "name")


@says("decorator-form")
async def test_the_example_of_the_decorator_needs_self(connect: Connect) -> None:
    database = connect()

    class Mended(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.send(await self.get_name())

        @database_sync_to_async
        def get_name(self) -> str:
            return str(database.ask())

    await refuses(DecoratorForm)
    async with Socket(Mended.as_asgi(work=nothing)) as socket:
        assert (await socket.ask()).isdigit()


@says("where-it-lives")
async def test_it_is_channels_and_wraps_what_is_django_s(connect: Connect) -> None:
    assert not hasattr(django.db, "aclose_old_connections")
    assert channels.db.close_old_connections is django.db.close_old_connections
    database = connect(CONN_MAX_AGE=0)

    await database.aask()
    assert await database.aheld()
    await aclose_old_connections()
    assert await database.aheld() is None


@says("before-the-first-query")
@pytest.mark.parametrize(
    ("age", "checks", "fail"),
    [(0, False, 0), (600, True, 0), (None, True, 0), (600, False, 1), (None, False, 1)],
)
async def test_before_the_first_query_the_call_spares_the_failure_if_connections_are_checked(
    connect: Connect, age: int | None, checks: bool, fail: int
) -> None:
    database = connect(CONN_MAX_AGE=age, CONN_HEALTH_CHECKS=checks)

    await database.aask()
    database.terminate()
    outcomes = []
    for _ in range(3):
        await aclose_old_connections()
        outcomes.append(await outcome(database.aask))
    assert outcomes == ["failed"] * fail + ["answered"] * (3 - fail)


@says("woken-by-the-channel-layer")
async def test_a_handler_that_the_channel_layer_wakes_needs_no_call(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)

    async with Socket(Async.as_asgi(work=database.aask)) as socket:
        await wake()
        backend = await socket.hear()
        database.terminate()
        await wake()
        assert await socket.hear() != backend


@says("a-small-penalty")
async def test_the_call_waits_for_whoever_holds_the_thread(connect: Connect) -> None:
    database = connect()
    go = threading.Event()
    order: list[str] = []

    def slow() -> None:
        database.ask()
        assert go.wait(PATIENCE)
        order.append("another's slow query")

    async def call() -> None:
        await aclose_old_connections()
        order.append("the call")

    async with Socket(sync(slow)) as socket:
        socket.say()
        await until(lambda: bool(database.backends()), "the slow handler runs")
        calling = asyncio.create_task(call())
        await asyncio.wait([calling], timeout=ALONE)
        go.set()
        await calling
        await socket.hear()
    assert order == ["another's slow query", "the call"]


@says("a-small-penalty")
@pytest.mark.parametrize(("age", "connections"), [(0, 3), (600, 1)])
async def test_with_conn_max_age_0_each_call_costs_a_connection(
    connect: Connect, age: int, connections: int
) -> None:
    database = connect(CONN_MAX_AGE=age)

    backends = set()
    for _ in range(3):
        await aclose_old_connections()
        backends.add(await database.aask())
    assert len(backends) == connections
