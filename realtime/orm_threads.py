"""N threads for the ORM, lent to requests and to the events of sockets: N bounds the connections.

Left alone, all consumers of a process share one thread, and one slow query stalls every socket
(https://github.com/django/channels/issues/2132), while each HTTP request opens a thread and a
database connection of its own. With the threads below both are bounded: N threads, and because
Django keeps a connection for each thread, N database connections.
"""

import sys
import time
from asyncio import Semaphore, get_running_loop
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from threading import Lock
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

# Seconds that a thread may keep the interpreter from the others. With Python's 5 ms, one that the
# database has answered waits as long for the event loop, and keeps the lock of a row meanwhile.
SWITCH_INTERVAL = 0.002
# Requests that compute at the same time. Only one thread does, and the others that want to ask for
# it every SWITCH_INTERVAL: with sixteen a page costs almost twice as much as alone.
AT_ONCE = 3
# Seconds after which a request is thought to wait for the database, and another may begin. Of such
# requests AT_ONCE / PATIENCE may begin in a second, and no more run than there are threads.
PATIENCE = 0.05


class OrmThread(ThreadPoolExecutor):
    """One thread, and how busy it is."""

    def __init__(self, name: str) -> None:
        super().__init__(max_workers=1, thread_name_prefix=name)
        self.calls = 0  # that run or wait here
        self.borrowers = 0  # that may call again
        self._began = 0.0  # the last call
        self._is_running = False
        self._busy_seconds = 0.0  # all calls that have ended
        self._counting = Lock()

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._count(1)
        future = super().submit(self._run, partial(call, *args, **kwargs))
        future.add_done_callback(lambda _: self._count(-1))  # or cancelled before its turn
        return future

    def _run(self, call: Callable[[], Any]) -> Any:
        self._began, self._is_running = time.monotonic(), True
        try:
            return call()
        finally:
            with self._counting:
                self._busy_seconds += time.monotonic() - self._began
                self._is_running = False

    def _count(self, calls: int) -> None:
        with self._counting:  # the event loop and the thread both do
            self.calls += calls

    @property
    def busy_seconds(self) -> float:
        """All calls together, with the one that runs: it may be one that never ends."""
        with self._counting:
            running = time.monotonic() - self._began if self._is_running else 0
            return self._busy_seconds + running

    @property
    def busyness(self) -> tuple[int, int, float]:
        """Of those with as many calls the one that began last: another's query may be slow."""
        return self.calls, self.borrowers, -self._began


class Borrowed(Executor):
    """The thread that is least busy at the first call. Thread-sensitive as asgiref means it: all
    further calls run there too, one after another."""

    def __init__(self, threads: Sequence[OrmThread], weight: int = 1) -> None:
        self._threads = threads
        self._weight = weight  # 0 for whom it may have for days, and hardly uses it
        self._thread: OrmThread | None = None

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = min(self._threads, key=lambda thread: thread.busyness)
            self._thread.borrowers += self._weight
        return self._thread.submit(call, *args, **kwargs)

    def give_back(self) -> None:
        if self._thread:
            self._thread.borrowers -= self._weight


class OrmThreads:
    """ASGI middleware that runs all thread-sensitive code on one of `size` threads.

    A request borrows a thread to its end, a socket for its handshake. What comes after may take
    days: a consumer borrows one for each event, by `async with scope["orm_thread"]()`, so that no
    socket is tied to the thread of another that is slow. What all sockets do at once, when a server
    was killed and is back, they do `async with scope["turn"]`: half as many as there are threads.

    `scope["send"]` is the server's own, past whatever middleware inside of this one wraps `send`.
    Of those Channels brings, that of sessions does: it looks at each message it passes on, for an
    HTTP response with which to save the session, and a socket sends none.
    """

    def __init__(self, app: ASGI3Application, size: int) -> None:
        self.app = app
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.threads = [OrmThread(f"orm-{number}") for number in range(size)]
        self.turn = Semaphore(max(1, size // 2))
        self.computing = Semaphore(AT_ONCE)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "websocket":
            async with self.compute(), self.lend():
                return await self.app(scope, receive, send)
        extended: Any = {**scope, "orm_thread": self.lend, "turn": self.turn, "send": send}
        async with ThreadSensitiveContext(executor=Borrowed(self.threads, weight=0)):
            await self.app(extended, receive, send)

    @asynccontextmanager
    async def compute(self) -> AsyncIterator[None]:
        """A few at a time. One whose query is slow keeps its place for PATIENCE only."""
        await self.computing.acquire()
        with ExitStack() as held:
            held.callback(self.computing.release)
            held.callback(get_running_loop().call_later(PATIENCE, held.close).cancel)
            yield

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[None]:
        """A thread for what is awaited in the block."""
        borrowed = Borrowed(self.threads)
        try:
            async with ThreadSensitiveContext(executor=borrowed):
                yield
        finally:
            borrowed.give_back()
