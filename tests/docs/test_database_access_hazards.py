"""What the page on database access does not say, and docs/database-access.md does."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import channels.db
import django.db
import pytest
from asgiref.sync import sync_to_async
from channels.db import aclose_old_connections, database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.core.asgi import get_asgi_application
from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from tests.docs.conftest import Connect
from tests.docs.page import says
from tests.docs.probe import (
    ALONE,
    PATIENCE,
    ROWS,
    Database,
    Meeting,
    Socket,
    at_once,
    nothing,
    outcome,
    sockets,
)
from tests.docs.probe_consumers import (
    Async,
    LentAsync,
    Work,
    asynchronous,
    lent_async,
    lent_sync,
    orm_threads,
    sync,
)
from tests.site import until

LEFT_OPEN = "was deleted while still open"  # says psycopg of a connection


@says("options-of-the-decorator")
def test_the_decorator_takes_no_options() -> None:
    with pytest.raises(TypeError, match="func"):
        database_sync_to_async(thread_sensitive=False)  # type: ignore[call-arg]


@says("options-of-the-decorator")
async def test_the_call_takes_options(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    thread = database_sync_to_async(threading.get_ident)
    own = database_sync_to_async(threading.get_ident, thread_sensitive=False)
    assert await own() != await thread()
    assert await database_sync_to_async(database.ask, thread_sensitive=False)()


@says("other-threads")
async def test_the_call_does_not_reach_the_connection_of_another_thread(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)

    with ThreadPoolExecutor(1) as own:
        on_own = partial(sync_to_async, thread_sensitive=False, executor=own)
        backend = await on_own(database.ask)()
        await aclose_old_connections()
        assert await on_own(database.held)() == backend
        assert database.backends() == {backend}
        await on_own(database.leave)()


@says("other-threads")
async def test_on_the_orm_threads_the_call_reaches_the_thread_of_its_own_block(
    connect: Connect,
) -> None:
    database = connect(CONN_MAX_AGE=0)

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


@says("one-slow-handler")
@pytest.mark.parametrize("consumer", [sync, asynchronous])
async def test_two_handlers_never_run_at_the_same_time(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database, meeting = connect(), Meeting(2, ALONE)

    def work() -> bool:
        database.ask()
        return meeting.attend()

    async with sockets(consumer(work), 2) as two:
        assert await at_once(two) == ["False", "False"]


@says("one-slow-handler")
@pytest.mark.parametrize("consumer", [lent_sync, lent_async])
async def test_on_the_orm_threads_they_do(
    connect: Connect, consumer: Callable[[Work], Any]
) -> None:
    database, meeting = connect(), Meeting(2)

    def work() -> bool:
        database.ask()
        return meeting.attend()

    async with (
        orm_threads(consumer(work), 2, database) as threads,
        sockets(threads, 2) as two,
    ):
        assert await at_once(two) == ["True", "True"]


REQUESTS = 20
Asked = list[tuple[int, int]]


@contextmanager
def answering(database: Database, attend: Callable[[], bool] = lambda: True) -> Iterator[Asked]:
    """A site of one page, which asks the database. Yields the thread and the backend of each."""
    asked: Asked = []

    def view(request: HttpRequest) -> HttpResponse:
        asked.append((threading.get_ident(), database.ask()))
        assert attend()
        return HttpResponse()

    with override_settings(ROOT_URLCONF=(path("", view),), MIDDLEWARE=[]):
        yield asked


def backends(asked: Asked) -> set[int]:
    return {backend for _, backend in asked}


@says("http-requests")
async def test_each_request_has_a_thread_and_a_connection_of_its_own(connect: Connect) -> None:
    with answering(connect(CONN_MAX_AGE=0), Meeting(REQUESTS).attend) as asked:
        await requests_at_once(get_asgi_application())
    assert len({thread for thread, _ in asked}) == len(backends(asked)) == REQUESTS


@says("http-requests")
def test_a_lasting_connection_ends_with_its_request_and_nobody_closes_it(connect: Connect) -> None:
    async def look() -> None:
        app = get_asgi_application()
        for _ in range(3):
            assert await status(app) == 200

    with answering(connect(CONN_MAX_AGE=600)) as asked, pytest.warns(ResourceWarning) as warned:
        asyncio.run(look())
        gc.collect()
    left_open = [warning for warning in warned if LEFT_OPEN in str(warning.message)]
    assert len(backends(asked)) == len(left_open) == 3


@says("http-requests")
async def test_the_pool_bounds_the_connections_of_requests(connect: Connect) -> None:
    with answering(connect(OPTIONS={"pool": {"min_size": 1, "max_size": 2}})) as asked:
        await requests_at_once(get_asgi_application())
    assert len(asked) == REQUESTS
    assert len(backends(asked)) <= 2


@says("http-requests")
async def test_on_the_orm_threads_requests_have_no_more_connections_than_threads(
    connect: Connect,
) -> None:
    database = connect(CONN_MAX_AGE=600)
    with answering(database) as asked:
        async with orm_threads(get_asgi_application(), 3, database) as threads:
            await requests_at_once(threads)
    assert len(asked) == REQUESTS
    assert len(backends(asked)) <= 3


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
async def test_the_event_of_another_ends_an_iteration_of_chunks(
    connect: Connect, age: int, how: str, arrived: int
) -> None:
    """The other has nothing to do with the database; its event alone closes what is old."""
    database = connect(CONN_MAX_AGE=age)
    rows = []

    async with Socket(Async.as_asgi(work=nothing)) as other:
        chosen = database.rows.aiterator(chunk_size=5) if how == "aiterator" else database.rows
        with nullcontext() if arrived == ROWS else pytest.raises(OperationalError):
            async for row in chosen:
                rows.append(row)
                await other.ask()
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
async def test_the_event_of_another_undoes_a_transaction_held_across_an_await(
    connect: Connect, then: str
) -> None:
    """Young connections too are closed; and nobody is told, unless a query follows."""
    database = connect(CONN_MAX_AGE=600)

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


@says("transactions-across-awaits")
async def test_inside_one_synchronous_function_it_is_whole(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=0)
    go = threading.Event()

    def work() -> None:
        with transaction.atomic(using=database.alias):
            database.rows.filter(pk="1").update(session_data="half")
            assert go.wait(PATIENCE)
            database.rows.filter(pk="1").update(session_data="")

    async with Socket(Async.as_asgi(work=nothing)) as other:
        working = asyncio.create_task(database_sync_to_async(work)())
        await until(lambda: bool(database.backends()), "it has begun")
        other.say()
        go.set()
        await working
        await other.hear()
        assert (await database.rows.aget(pk="1")).session_data == ""


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
async def test_a_task_that_outlives_the_block_it_began_in_is_refused(connect: Connect) -> None:
    database = connect(CONN_MAX_AGE=600)
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        await database.aask()

    async with orm_threads(None, 1, database) as threads:
        async with threads.lend():
            task = asyncio.create_task(later())
        over.set()
        with pytest.raises(RuntimeError, match="ThreadSensitiveContext has exited"):
            await task
