"""N threads run the ORM, for sockets and requests alike, and N bounds the connections."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.typing import ASGI3Application
from channels.db import database_sync_to_async
from channels.testing import HttpCommunicator, WebsocketCommunicator
from django.core.asgi import get_asgi_application
from django.db import connection, connections
from django.test import override_settings
from prometheus_client import REGISTRY

from chat.consumers import AsyncChatConsumer, ChatConsumer
from chat.models import User
from realtime import admission
from realtime import orm_threads as orm_threads_module
from realtime.orm_threads import AT_ONCE, OrmThreads
from realtime.wire import Pong
from tests.factories import person
from tests.plugin import session_of
from tests.site import until

pytestmark = pytest.mark.django_db(transaction=True)
EVERYBODY = 8
NEVER = 3_600.0  # seconds


class Meeting:
    """A query that ends when as many others run at the same time."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size)
        self.threads: set[str] = set()
        self.connections: set[int] = set()

    def attend(self) -> None:
        self.threads.add(threading.current_thread().name)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            self.connections.add(id(connection.connection))
            self.barrier.wait(timeout=10)


def slow(consumer: str, meeting: Meeting) -> ASGI3Application:
    """One of the pair, whose answer to `pong` is a slow query."""

    class SlowChatConsumer(ChatConsumer):
        def on_pong(self, frame: Pong) -> None:
            meeting.attend()

    class SlowAsyncChatConsumer(AsyncChatConsumer):
        async def on_pong(self, frame: Pong) -> None:
            await database_sync_to_async(meeting.attend)()

    return {"sync": SlowChatConsumer, "async": SlowAsyncChatConsumer}[consumer].as_asgi()  # type: ignore[return-value]


@asynccontextmanager
async def orm_threads(app: ASGI3Application, size: int) -> AsyncIterator[OrmThreads]:
    middleware = OrmThreads(app, size=size)
    yield middleware
    for thread in middleware.threads:
        thread.submit(connections.close_all).result()
        thread.shutdown()


async def open_socket(app: Any, user: User, session: Any) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(app, "/ws/chat/", subprotocols=["chat.v1"])
    socket.scope |= {"user": user, "session": session}
    connected, _ = await socket.connect(timeout=10)
    assert connected
    await socket.receive_from(timeout=10)
    return socket


async def idle(app: OrmThreads, threads: int) -> None:
    """Returns once so many threads have nothing to do."""
    await until(lambda: sum(thread.calls == 0 for thread in app.threads) >= threads, "they rest")


async def busy(app: OrmThreads, threads: int) -> None:
    """Returns once so many threads have something to do."""
    await until(lambda: sum(thread.calls > 0 for thread in app.threads) >= threads, "they work")


async def answer(socket: WebsocketCommunicator) -> None:
    while '"ref":"done"' not in await socket.receive_from(timeout=20):
        pass


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_eight_slow_handlers_run_side_by_side(consumer: str) -> None:
    """Each waits in its query until all eight are in theirs: on one thread none would end."""
    user, meeting = person("alice"), Meeting(EVERYBODY)
    session = session_of(user)

    async def meet() -> None:
        async with orm_threads(slow(consumer, meeting), size=EVERYBODY) as app:
            sockets = [await open_socket(app, user, session) for _ in range(EVERYBODY)]
            for socket in sockets:
                await socket.send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
            await asyncio.gather(*(answer(socket) for socket in sockets))
            for socket in sockets:
                await socket.disconnect(timeout=10)

    asyncio.run(meet())
    assert len(meeting.threads) == len(meeting.connections) == EVERYBODY


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_an_action_takes_as_long_as_it_waits_for_a_thread(consumer: str) -> None:
    user, meeting = person("alice"), Meeting(2)
    session = session_of(user)

    async def wait() -> float:
        async with orm_threads(slow(consumer, meeting), size=1) as app:
            sockets = [await open_socket(app, user, session) for _ in range(2)]
            await idle(app, threads=1)
            await sockets[0].send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
            await busy(app, threads=1)
            await sockets[1].send_to(text_data='{"type": "typing", "room": 1, "ref": "done"}')
            await until(lambda: app.threads[0].calls == 2, "both are there")
            began = time.monotonic()
            await asyncio.sleep(0.2)
            waited = time.monotonic() - began
            await asyncio.to_thread(meeting.barrier.wait, timeout=10)
            for socket in sockets:
                await answer(socket)
                await socket.disconnect(timeout=10)
            return waited

    before = seconds_of("typing")
    assert asyncio.run(wait()) <= seconds_of("typing") - before


def seconds_of(action: str) -> float:
    return REGISTRY.get_sample_value("chat_action_seconds_sum", {"action": action}) or 0


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_nobody_waits_behind_a_slow_query_while_a_thread_is_free(consumer: str) -> None:
    """However many sockets there are: none is tied to the thread of one that is slow."""
    user, meeting = person("alice"), Meeting(3)
    session = session_of(user)

    async def meet() -> None:
        async with orm_threads(slow(consumer, meeting), size=3) as app:
            sockets = [await open_socket(app, user, session) for _ in range(20)]
            for slow_ones, socket in enumerate(sockets[:2]):
                await idle(app, threads=3 - slow_ones)
                await socket.send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
            for socket in sockets[2:]:
                await idle(app, threads=1)
                await socket.send_to(text_data='{"type": "typing", "room": 0, "ref": "done"}')
                await answer(socket)
            await idle(app, threads=1)
            await sockets[2].send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
            await asyncio.gather(*(answer(socket) for socket in sockets[:3]))
            for socket in sockets:
                await socket.disconnect(timeout=10)

    asyncio.run(meet())
    assert len(meeting.threads) == 3


def test_who_has_borrowed_a_thread_meets_no_other_s_slow_query_there() -> None:
    async def borrow_twice() -> None:
        slow_one = threading.Event()
        async with orm_threads(get_asgi_application(), size=3) as app, app.lend():  # type: ignore[arg-type]
            mine = await sync_to_async(threading.current_thread)()
            async with app.lend():
                slow_query = asyncio.create_task(sync_to_async(slow_one.wait)(10))
                await busy(app, threads=1)
            assert await sync_to_async(threading.current_thread)() is mine
            assert not slow_query.done()
            slow_one.set()
            assert await slow_query

    asyncio.run(borrow_twice())


def test_a_call_that_is_given_up_before_its_turn_is_not_counted_for_ever() -> None:
    async def give_up() -> None:
        slow_one = threading.Event()
        async with orm_threads(get_asgi_application(), size=1) as app, app.lend():  # type: ignore[arg-type]
            slow_query = asyncio.create_task(sync_to_async(slow_one.wait)(10))
            await busy(app, threads=1)
            waiting = asyncio.create_task(sync_to_async(threading.current_thread)())
            await asyncio.sleep(0)
            assert app.threads[0].calls == 2
            waiting.cancel()
            slow_one.set()
            assert await slow_query
            await asyncio.wait([waiting])
            await idle(app, threads=1)
            assert app.threads[0].borrowers == 1
        assert app.threads[0].borrowers == 0

    asyncio.run(give_up())


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_who_has_left_is_not_welcomed(consumer: str) -> None:
    user = person("alice")
    session = session_of(user)
    welcomed = 0

    async def leave() -> None:
        nonlocal welcomed
        async with orm_threads(slow(consumer, Meeting(1)), size=2) as app:
            guest = WebsocketCommunicator(app, "/ws/chat/", subprotocols=["chat.v1"])
            guest.scope |= {"user": user, "session": session}
            async with app.turn:  # the only one of two threads
                connected, _ = await guest.connect(timeout=10)
                assert connected
                assert not admission.admit(user.pk)
                await guest.send_input({"type": "websocket.disconnect", "code": 1001})
                await asyncio.sleep(0)
            await guest.wait(timeout=10)
            welcomed = guest.output_queue.qsize()

    with override_settings(SOCKETS_PER_USER=1):
        asyncio.run(leave())
    assert welcomed == 0


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_sockets_and_requests_share_no_more_connections_than_threads(consumer: str) -> None:
    user, meeting = person("alice"), Meeting(1)
    session = session_of(user)
    pages = get_asgi_application()
    before = most = 0

    async def visit(app: Any) -> None:
        page = HttpCommunicator(app, "GET", "/accounts/login/", headers=[(b"host", b"localhost")])
        answer = await page.get_response(timeout=20)
        assert answer["status"] == 200

    async def crowd() -> None:
        nonlocal before, most
        before = await asyncio.to_thread(open_connections)
        socket_app = slow(consumer, meeting)

        async def both(scope: Any, receive: Any, send: Any) -> None:
            await (pages if scope["type"] == "http" else socket_app)(scope, receive, send)

        async with orm_threads(both, size=3) as app:
            sockets = [await open_socket(app, user, session) for _ in range(20)]
            for socket in sockets:
                await socket.send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
            await asyncio.gather(*(visit(app) for _ in range(20)))
            await asyncio.gather(*(answer(socket) for socket in sockets))
            most = await asyncio.to_thread(open_connections, before + 3)
            for socket in sockets:
                await socket.disconnect(timeout=10)

    asyncio.run(crowd())
    assert len(meeting.threads) == 3
    assert most - before <= 3


def open_connections(bound: int | None = None) -> int:
    """Connections to this database beside the asking one. SQLite does not count them. Those that
    were closed may take a moment to go: as long as there are more than a bound, it looks again."""
    if connection.vendor != "postgresql":
        return 0
    deadline = time.monotonic() + 10
    try:
        while (count := count_connections()) > (count if bound is None else bound):
            if time.monotonic() > deadline:
                break
        return count
    finally:
        connection.close()


def count_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


class Desk:
    """An application whose requests end when they may."""

    def __init__(self) -> None:
        self.inside = 0
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        await self.may_end.wait()
        self.inside -= 1

    async def is_at(self, inside: int) -> bool:
        """Whether so many are inside, and once all that can happen has, still."""
        await until(lambda: self.inside == inside, f"{inside} are inside")
        for _ in range(20):
            await asyncio.sleep(0)
        return self.inside == inside


@pytest.mark.parametrize(("patience", "inside"), [(NEVER, AT_ONCE), (0.01, 2 * AT_ONCE)])
def test_requests_compute_a_few_at_a_time_and_wait_behind_no_slow_one(
    monkeypatch: pytest.MonkeyPatch, patience: float, inside: int
) -> None:
    async def crowd(app: OrmThreads, desk: Desk, inside: int) -> None:
        scope: Any = {"type": "http"}
        unused: Any = None
        requests = [asyncio.create_task(app(scope, unused, unused)) for _ in range(2 * AT_ONCE)]
        assert await desk.is_at(inside)
        desk.may_end.set()
        await asyncio.gather(*requests)
        desk.may_end.clear()

    async def scenario() -> None:
        desk = Desk()
        async with orm_threads(desk, size=1) as app:
            monkeypatch.setattr(orm_threads_module, "PATIENCE", patience)
            await crowd(app, desk, inside)
            monkeypatch.setattr(orm_threads_module, "PATIENCE", NEVER)
            await crowd(app, desk, AT_ONCE)  # no turn was lost, and none given back twice

    asyncio.run(scenario())
