"""N threads for the ORM, lent to requests and to the events of sockets: N bounds the connections.

Left alone, all consumers of a process share one thread, and one slow query stalls every socket
(https://github.com/django/channels/issues/2132), while each HTTP request opens a thread and a
database connection of its own. With the threads below both are bounded: N threads, and because
Django keeps a connection for each thread, N database connections.
"""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

# Seconds that a thread may keep the interpreter from the others. With Python's 5 ms, one that the
# database has answered waits as long for the event loop, and keeps the lock of a room meanwhile.
SWITCH_INTERVAL = 0.0005


class OrmThread(ThreadPoolExecutor):
    """One thread, and how busy it is."""

    def __init__(self, name: str) -> None:
        super().__init__(max_workers=1, thread_name_prefix=name)
        self._submitted = 0  # counted by the event loop,
        self._done = 0  # and this by the thread
        self._began = 0.0

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._submitted += 1
        return super().submit(self._run, partial(call, *args, **kwargs))

    def _run(self, call: Callable[[], Any]) -> Any:
        self._began = time.monotonic()
        try:
            return call()
        finally:
            self._done += 1

    @property
    def calls(self) -> int:
        """How many run or wait here."""
        return self._submitted - self._done

    @property
    def busyness(self) -> tuple[int, float]:
        """Of those with as many calls the one that began last: another's query may be slow."""
        return self.calls, -self._began


class Borrowed(Executor):
    """The thread that is least busy at the first call. Thread-sensitive as asgiref means it: all
    further calls run there too, one after another."""

    def __init__(self, threads: Sequence[OrmThread]) -> None:
        self._threads = threads
        self._thread: OrmThread | None = None

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = min(self._threads, key=lambda thread: thread.busyness)
        return self._thread.submit(call, *args, **kwargs)


class OrmThreads:
    """ASGI middleware that runs all thread-sensitive code on one of `size` threads.

    A request borrows a thread to its end, a socket for its handshake. What comes after may take
    days: a consumer borrows one for each event, by `async with scope["orm_thread"]()`, so that no
    socket is tied to the thread of another that is slow.
    """

    def __init__(self, app: ASGI3Application, size: int) -> None:
        self.app = app
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.threads = [OrmThread(f"orm-{number}") for number in range(size)]

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async with self.borrow():
            extended: Any = {**scope, "orm_thread": self.borrow}
            await self.app(extended, receive, send)

    def borrow(self) -> ThreadSensitiveContext:
        return ThreadSensitiveContext(executor=Borrowed(self.threads))
