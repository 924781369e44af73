"""docs/database-access.md: each of its sentences, shown by real threads and real connections."""

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import channels.db
import django.db
import psycopg
import pytest
from asgiref.sync import sync_to_async
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User as StockUser
from django.core.asgi import get_asgi_application
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from websockets.sync.client import connect as open_socket

from tests.docs.conftest import Connect
from tests.docs.page import says
from tests.docs.probe import PATIENCE, ROWS, Meeting, Socket, sockets, until
from tests.docs.probe_consumers import (
    Async,
    LentAsync,
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
from tests.site import PROJECT, wait_until

LEFT_OPEN = "was deleted while still open"  # says psycopg of a connection
ALONE = 0.3  # seconds until a call finds that no other runs beside it


async def nothing() -> None:
    """What a handler does that does not touch the database."""


# --- the page, sentence by sentence --------------------------------------------------------------


@says("synchronous-orm")
def test_the_orm_refuses_to_run_on_the_event_loop(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    database = connect()

    async def work() -> object:
        return database.ask()

    async def look() -> None:
        async with Socket(Async.as_asgi(work=work)) as socket:
            with pytest.raises(SynchronousOnlyOperation):
                await socket.ask()

    asyncio.run(look())


@says("sync-consumers")
@pytest.mark.parametrize("event", ["a frame", "a wake"])
def test_a_sync_consumer_cleans_up_before_and_after_every_event(
    connect: Connect, event: str
) -> None:
    database = connect(CONN_MAX_AGE=0)

    def work() -> tuple[int | None, int]:
        return database.held(), database.ask()

    async def look() -> None:
        async with Socket(Sync.as_asgi(work=work)) as socket:
            await database.aask()
            assert await database.aheld()
            if event == "a frame":
                socket.say()
            else:
                await wake()
            assert (await socket.hear()).startswith("(None, ")
            await until(lambda: not database.backends(), "closed after the event")

    asyncio.run(look())


@says("safe-context")
def test_both_safe_ways_run_on_the_same_thread_and_connection(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)

    async def work() -> object:
        return {await database.aask(), await database_sync_to_async(database.ask)()}

    async def look() -> None:
        async with Socket(Async.as_asgi(work=work)) as socket:
            assert await socket.ask() == str(database.backends())

    asyncio.run(look())


@says("safe-context")
def test_an_a_method_leaves_its_connection_open(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        backend = await database.aask()
        assert await database.aheld() == backend
        assert database.backends() == {backend}

    asyncio.run(look())


@says("connection-per-thread")
@pytest.mark.parametrize("consumer", [sync, asynchronous])
def test_all_consumers_of_a_process_share_one_thread_and_one_connection(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database = connect(CONN_MAX_AGE=600)

    def work() -> str:
        return f"{threading.get_ident()} {database.ask()}"

    async def look() -> None:
        async with sockets(consumer(work), 8) as eight:
            places = await at_once(eight)
            assert len(set(places)) == 1
            assert len(database.backends()) == 1

    asyncio.run(look())


@says("connection-per-thread")
@pytest.mark.parametrize("consumer", [lent_sync, lent_async])
def test_on_the_orm_threads_there_are_as_many_connections_as_threads(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database, meeting = connect(CONN_MAX_AGE=600), Meeting(4)

    def work() -> str:
        backend = database.ask()
        assert meeting.attend()
        return f"{threading.get_ident()} {backend}"

    async def look() -> None:
        async with (
            orm_threads(consumer(work), 4, database) as threads,
            sockets(threads, 8) as eight,
        ):
            places = await at_once(eight)
            assert len(set(places)) == 4
            assert len(database.backends()) == 4

    asyncio.run(look())


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
def test_calls_that_are_not_thread_sensitive_have_as_many_threads_as_asyncio_gives(
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

    async def look() -> None:
        call = database_sync_to_async(work, thread_sensitive=False)
        calls = [asyncio.create_task(call()) for _ in range(cap + 3)]
        await until(lambda: len(inside) >= cap, "all threads have begun")
        go.set()
        await asyncio.gather(*calls)
        assert len(inside) == cap

    asyncio.run(look())


@says("dip-into-threads")
@pytest.mark.parametrize(("consumer", "met"), [("sync", False), ("async", True)])
def test_an_async_consumer_that_waits_for_something_else_holds_no_thread(
    connect: Connect, consumer: str, met: bool
) -> None:
    """Two sockets wait for each other, outside the ORM."""
    meeting = Meeting(2, ALONE)

    async def wait() -> bool:
        return await asyncio.to_thread(meeting.attend)

    app = Sync.as_asgi(work=meeting.attend) if consumer == "sync" else Async.as_asgi(work=wait)

    async def look() -> None:
        async with sockets(app, 2) as two:
            assert await at_once(two) == [str(met)] * 2

    asyncio.run(look())


@says("when-old-connections-are-closed")
@pytest.mark.parametrize("event", ["connect", "receive", "disconnect", "wake"])
def test_before_every_handler_of_an_async_consumer_old_connections_are_closed(
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

    async def look() -> None:
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

    asyncio.run(look())


@says("like-a-request")
def test_after_its_event_an_async_consumer_keeps_what_an_a_method_opened(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        async with Socket(Async.as_asgi(work=database.aask)) as socket:
            backend = int(await socket.ask())
            assert await database.aheld() == backend
            assert database.backends() == {backend}
            other = await socket.ask()  # before which it is closed
            assert int(other) != backend

    asyncio.run(look())


@says("sending")
@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_sending_closes_nothing(connect: Connect, consumer: str) -> None:
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

    async def look() -> None:
        async with Socket(app) as socket:
            assert await socket.ask() == await socket.hear()

    asyncio.run(look())


@says("periodic-call")
@pytest.mark.parametrize("place", ["in a task", "in a loop of one handler"])
@pytest.mark.parametrize("call", [True, False])
def test_what_outlives_an_event_needs_the_call(connect: Connect, place: str, call: bool) -> None:
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

    async def look() -> None:
        async with Socket(LongLived.as_asgi(work=nothing)) as socket:
            socket.say()
            outcomes = []
            for number in range(4):
                if number == 1:
                    database.terminate()
                step.set()
                outcomes.append(await socket.hear())
        assert outcomes == ["answered"] * 4 if call else ["answered", *["failed"] * 3]

    asyncio.run(look())


@says("periodic-call")
def test_the_event_of_another_closes_the_dead_connection_by_chance(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)

    async def look() -> None:
        async with Socket(Async.as_asgi(work=nothing)) as other:
            await database.aask()
            database.terminate()
            for _ in range(3):
                assert await outcome(database.aask) == "failed"
            await other.ask()
            assert await outcome(database.aask) == "answered"

    asyncio.run(look())


@says("cleans-up-on-exit")
def test_it_cleans_up_on_entry_and_on_exit(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        before = await database.aask()  # and leaves it open
        assert await database_sync_to_async(database.ask)() != before
        assert await database.aheld() is None

    asyncio.run(look())


@says("cleans-up-on-exit")
def test_it_cleans_up_on_the_thread_it_ran_on(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        shared = await database.aask()
        with ThreadPoolExecutor(1) as own:
            on_own = partial(database_sync_to_async, thread_sensitive=False, executor=own)
            assert await on_own(database.ask)() != shared
            assert await on_own(database.held)() is None
        assert await database.aheld() == shared

    asyncio.run(look())


@says("cleans-up-on-exit")
def test_it_keeps_a_connection_that_is_not_old(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=None)

    async def look() -> None:
        backend = await database_sync_to_async(database.ask)()
        assert await database_sync_to_async(database.ask)() == backend

    asyncio.run(look())


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
def test_the_example_of_a_call_needs_self(connect: Connect) -> None:
    database = connect()

    class Mended(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.send(await database_sync_to_async(self.get_name)())

        def get_name(self) -> str:
            return str(database.ask())

    async def look() -> None:
        await refuses(CallForm)
        async with Socket(Mended.as_asgi(work=nothing)) as socket:
            assert (await socket.ask()).isdigit()

    asyncio.run(look())


@says("call-form")
def test_django_s_user_has_no_name() -> None:
    assert not hasattr(StockUser(username="alice"), "name")


@says("decorator-form")
def test_the_example_of_the_decorator_needs_self(connect: Connect) -> None:
    database = connect()

    class Mended(Async):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.send(await self.get_name())

        @database_sync_to_async
        def get_name(self) -> str:
            return str(database.ask())

    async def look() -> None:
        await refuses(DecoratorForm)
        async with Socket(Mended.as_asgi(work=nothing)) as socket:
            assert (await socket.ask()).isdigit()

    asyncio.run(look())


@says("where-it-lives")
def test_it_is_channels_and_wraps_what_is_django_s(connect: Connect) -> None:
    assert not hasattr(django.db, "aclose_old_connections")
    assert channels.db.close_old_connections is django.db.close_old_connections
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        await database.aask()
        assert await database.aheld()
        await aclose_old_connections()
        assert await database.aheld() is None

    asyncio.run(look())


@says("before-the-first-query")
@pytest.mark.parametrize(
    ("age", "checks", "fail"),
    [(0, False, 0), (600, True, 0), (None, True, 0), (600, False, 1), (None, False, 1)],
)
def test_called_before_the_first_query_it_spares_the_failure_if_connections_are_checked_or_short(
    connect: Connect, age: int | None, checks: bool, fail: int
) -> None:
    database = connect(CONN_MAX_AGE=age, CONN_HEALTH_CHECKS=checks)

    async def look() -> None:
        await database.aask()
        database.terminate()
        outcomes = []
        for _ in range(3):
            await aclose_old_connections()
            outcomes.append(await outcome(database.aask))
        assert outcomes == ["failed"] * fail + ["answered"] * (3 - fail)

    asyncio.run(look())


@says("woken-by-the-channel-layer")
def test_a_handler_that_the_channel_layer_wakes_needs_no_call(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)

    async def look() -> None:
        async with Socket(Async.as_asgi(work=database.aask)) as socket:
            await wake()
            backend = await socket.hear()
            database.terminate()
            await wake()
            assert await socket.hear() != backend

    asyncio.run(look())


@says("a-small-penalty")
def test_the_call_waits_for_whoever_holds_the_thread(connect: Connect) -> None:
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

    async def look() -> None:
        async with Socket(sync(slow)) as socket:
            socket.say()
            await until(lambda: bool(database.backends()), "the slow handler runs")
            calling = asyncio.create_task(call())
            await asyncio.wait([calling], timeout=ALONE)
            go.set()
            await calling
            await socket.hear()
        assert order == ["another's slow query", "the call"]

    asyncio.run(look())


@says("a-small-penalty")
@pytest.mark.parametrize(("age", "connections"), [(0, 3), (600, 1)])
def test_with_conn_max_age_0_each_call_costs_a_connection(
    connect: Connect, age: int, connections: int
) -> None:
    database = connect(CONN_MAX_AGE=age)

    async def look() -> None:
        backends = set()
        for _ in range(3):
            await aclose_old_connections()
            backends.add(await database.aask())
        assert len(backends) == connections

    asyncio.run(look())


# --- what the page does not say ------------------------------------------------------------------


@says("options-of-the-decorator")
def test_the_decorator_takes_no_options() -> None:
    with pytest.raises(TypeError, match="func"):
        database_sync_to_async(thread_sensitive=False)  # type: ignore[call-arg]


@says("options-of-the-decorator")
def test_the_call_takes_options(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        thread = database_sync_to_async(threading.get_ident)
        own = database_sync_to_async(threading.get_ident, thread_sensitive=False)
        assert await own() != await thread()
        assert await database_sync_to_async(database.ask, thread_sensitive=False)()

    asyncio.run(look())


@says("other-threads")
def test_the_call_does_not_reach_the_connection_of_another_thread(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        with ThreadPoolExecutor(1) as own:
            on_own = partial(sync_to_async, thread_sensitive=False, executor=own)
            backend = await on_own(database.ask)()
            await aclose_old_connections()
            assert await on_own(database.held)() == backend
            assert database.backends() == {backend}
            await on_own(database.leave)()

    asyncio.run(look())


@says("other-threads")
def test_on_the_orm_threads_the_call_reaches_the_thread_of_its_own_block(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    async def look() -> None:
        async with orm_threads(None, 2, database) as threads, threads.lend():
            await database.aask()
            async with threads.lend():
                assert await database.aheld() is None  # it is another thread
                await database.aask()
                await aclose_old_connections()
                assert await database.aheld() is None
            assert await database.aheld()
            await aclose_old_connections()
            assert await database.aheld() is None

    asyncio.run(look())


@says("one-slow-handler")
@pytest.mark.parametrize("consumer", [sync, asynchronous])
def test_two_handlers_never_run_at_the_same_time(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database, meeting = connect(), Meeting(2, ALONE)

    def work() -> bool:
        database.ask()
        return meeting.attend()

    async def look() -> None:
        async with sockets(consumer(work), 2) as two:
            assert await at_once(two) == ["False", "False"]

    asyncio.run(look())


@says("one-slow-handler")
@pytest.mark.parametrize("consumer", [lent_sync, lent_async])
def test_on_the_orm_threads_they_do(connect: Connect, consumer: Callable[[Work], Any]) -> None:
    database, meeting = connect(), Meeting(2)

    def work() -> bool:
        database.ask()
        return meeting.attend()

    async def look() -> None:
        async with (
            orm_threads(consumer(work), 2, database) as threads,
            sockets(threads, 2) as two,
        ):
            assert await at_once(two) == ["True", "True"]

    asyncio.run(look())


REQUESTS = 20


@says("http-requests")
def test_each_request_has_a_thread_and_a_connection_of_its_own(connect: Connect) -> None:
    database, meeting = connect(CONN_MAX_AGE=0), Meeting(REQUESTS)
    seen: list[tuple[int, int]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((threading.get_ident(), database.ask()))
        assert meeting.attend()
        return HttpResponse()

    with override_settings(ROOT_URLCONF=(path("", view),), MIDDLEWARE=[]):
        asyncio.run(requests_at_once(get_asgi_application()))
    assert len({thread for thread, _ in seen}) == REQUESTS
    assert len({backend for _, backend in seen}) == REQUESTS


@says("http-requests")
def test_a_lasting_connection_ends_with_its_request_and_nobody_closes_it(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)
    backends: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        backends.append(database.ask())
        return HttpResponse()

    async def look() -> None:
        app = get_asgi_application()
        for _ in range(3):
            assert await status(app) == 200

    with (
        override_settings(ROOT_URLCONF=(path("", view),), MIDDLEWARE=[]),
        pytest.warns(ResourceWarning) as warned,
    ):
        asyncio.run(look())
        gc.collect()
    left_open = [warning for warning in warned if LEFT_OPEN in str(warning.message)]
    assert len(set(backends)) == len(left_open) == 3


@says("http-requests")
def test_the_pool_bounds_the_connections_of_requests(connect: Connect) -> None:
    database = connect(OPTIONS={"pool": {"min_size": 1, "max_size": 2}})
    backends: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        backends.append(database.ask())
        return HttpResponse()

    with override_settings(ROOT_URLCONF=(path("", view),), MIDDLEWARE=[]):
        asyncio.run(requests_at_once(get_asgi_application()))
    assert len(backends) == REQUESTS
    assert len(set(backends)) <= 2


@says("http-requests")
def test_on_the_orm_threads_requests_have_no_more_connections_than_threads(
    connect: Connect,
) -> None:
    database = connect(CONN_MAX_AGE=600)
    backends: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        backends.append(database.ask())
        return HttpResponse()

    async def look() -> None:
        async with orm_threads(get_asgi_application(), 3, database) as threads:
            await requests_at_once(threads)

    with override_settings(ROOT_URLCONF=(path("", view),), MIDDLEWARE=[]):
        asyncio.run(look())
    assert len(backends) == REQUESTS
    assert len(set(backends)) <= 3


async def requests_at_once(app: Any) -> None:
    """So many requests, each answered with 200."""
    statuses = await asyncio.gather(*(status(app) for _ in range(REQUESTS)))
    assert statuses == [200] * REQUESTS


async def status(app: Any) -> int:
    received: asyncio.Queue[Any] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()
    received.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    await asyncio.wait_for(app(scope, received.get, sent.put), PATIENCE)
    return int(sent.get_nowait()["status"])


@says("iterating-across-events")
@pytest.mark.parametrize(
    ("age", "how", "arrived"), [(0, "aiterator", 5), (0, "all", 20), (600, "aiterator", 20)]
)
def test_the_event_of_another_ends_an_iteration_of_chunks(
    connect: Connect, age: int, how: str, arrived: int
) -> None:
    """The other has nothing to do with the database; its event alone closes what is old."""
    database = connect(CONN_MAX_AGE=age)
    rows = []

    async def look() -> None:
        async with Socket(Async.as_asgi(work=nothing)) as other:
            chosen = database.rows.aiterator(chunk_size=5) if how == "aiterator" else database.rows
            async for row in chosen:
                rows.append(row)
                await other.ask()

    if arrived == ROWS:
        asyncio.run(look())
    else:
        with pytest.raises(OperationalError):
            asyncio.run(look())
    assert len(rows) == arrived


@says("iterating-across-events")
@pytest.mark.parametrize(("threads", "arrived"), [(1, 5), (2, ROWS)])
def test_on_the_orm_threads_it_goes_on_while_the_other_has_a_thread_of_its_own(
    connect: Connect, threads: int, arrived: int
) -> None:
    database = connect(CONN_MAX_AGE=0)
    rows = []

    async def look() -> None:
        async with (
            orm_threads(LentAsync.as_asgi(work=nothing), threads, database) as app,
            Socket(app) as other,
            app.lend(),
        ):
            with suppress(OperationalError):
                async for row in database.rows.aiterator(chunk_size=5):
                    rows.append(row)
                    await other.ask()

    asyncio.run(look())
    assert len(rows) == arrived


@says("transactions-across-awaits")
@pytest.mark.parametrize("then", ["nothing", "an event", "an event and a query"])
def test_the_event_of_another_undoes_a_transaction_held_across_an_await(
    connect: Connect, then: str
) -> None:
    """Young connections too are closed; and nobody is told, unless a query follows."""
    database = connect(CONN_MAX_AGE=600)

    async def look() -> None:
        async with Socket(Async.as_asgi(work=nothing)) as other:
            atomic = transaction.atomic(using=database.alias)
            await sync_to_async(atomic.__enter__)()
            assert await database.rows.filter(pk="1").aupdate(session_data="changed") == 1
            if then != "nothing":
                await other.ask()
            if then == "an event and a query":
                assert await outcome(database.aask) == "failed"
            await sync_to_async(atomic.__exit__)(None, None, None)
            row = await database.rows.aget(pk="1")
            assert row.session_data == ("changed" if then == "nothing" else "")
            await database.rows.filter(pk="1").aupdate(session_data="")

    asyncio.run(look())


@says("transactions-across-awaits")
def test_inside_one_synchronous_function_it_is_whole(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)
    go = threading.Event()

    def work() -> None:
        with transaction.atomic(using=database.alias):
            database.rows.filter(pk="1").update(session_data="half")
            assert go.wait(PATIENCE)
            database.rows.filter(pk="1").update(session_data="")

    async def look() -> None:
        async with Socket(Async.as_asgi(work=nothing)) as other:
            working = asyncio.create_task(database_sync_to_async(work)())
            await until(lambda: bool(database.backends()), "it has begun")
            other.say()
            go.set()
            await working
            await other.hear()
            assert (await database.rows.aget(pk="1")).session_data == ""

    asyncio.run(look())


@says("communicators")
def test_while_a_communicator_waits_nobody_closes_old_connections(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)
    app = Async.as_asgi(work=database.aask)

    async def in_a_test() -> set[str]:
        communicator = WebsocketCommunicator(app, "/")
        await communicator.connect(timeout=PATIENCE)
        backends = set()
        for _ in range(3):
            await communicator.send_to(text_data="?")
            backends.add(await communicator.receive_from(timeout=PATIENCE))
        await communicator.disconnect(timeout=PATIENCE)
        return backends

    async def on_a_server() -> set[str]:
        async with Socket(app) as socket:
            return {await socket.ask() for _ in range(3)}

    assert len(asyncio.run(in_a_test())) == 1
    assert len(asyncio.run(on_a_server())) == 3


@says("communicators")
def test_two_communicators_that_wait_at_once_leave_it_so(connect: Connect) -> None:
    app = Async.as_asgi(work=connect(CONN_MAX_AGE=0).aask)

    async def in_a_test() -> None:
        first, second = (WebsocketCommunicator(app, "/") for _ in range(2))
        await asyncio.gather(first.connect(timeout=PATIENCE), second.connect(timeout=PATIENCE))
        for communicator in (first, second):
            await communicator.disconnect(timeout=PATIENCE)

    assert channels.db.close_old_connections is django.db.close_old_connections
    asyncio.run(in_a_test())
    assert channels.db.close_old_connections is not django.db.close_old_connections


@says("tasks-on-a-lent-thread")
def test_a_task_that_outlives_the_block_it_began_in_is_refused(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        await database.aask()

    async def look() -> None:
        async with orm_threads(None, 1, database) as threads:
            async with threads.lend():
                task = asyncio.create_task(later())
            over.set()
            with pytest.raises(RuntimeError, match="ThreadSensitiveContext has exited"):
                await task

    asyncio.run(look())


# --- the tools -----------------------------------------------------------------------------------


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
