"""N threads for the ORM: every socket and every request is pinned to one of them.

Left alone, all consumers of a process share one thread, and one slow query stalls every socket
(https://github.com/django/channels/issues/2132), while each HTTP request opens a thread and a
database connection of its own. With the threads below both are bounded: N threads, and because
Django keeps a connection for each thread, N database connections.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

# Seconds that a thread may keep the interpreter from the others. With Python's 5 ms, one that the
# database has answered waits as long for the event loop, and keeps the lock of a room meanwhile.
SWITCH_INTERVAL = 0.0005


class OrmThread:
    """One thread, and how many sockets and requests are pinned to it."""

    def __init__(self, name: str) -> None:
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self.pinned = 0


class OrmThreads:
    """ASGI middleware that runs all thread-sensitive code of a scope on one of `size` threads."""

    def __init__(self, app: ASGI3Application, size: int) -> None:
        self.app = app
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.threads = [OrmThread(f"orm-{number}") for number in range(size)]

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        thread = min(self.threads, key=lambda thread: thread.pinned)
        thread.pinned += 1
        try:
            async with ThreadSensitiveContext(executor=thread.executor):
                await self.app(scope, receive, send)
        finally:
            thread.pinned -= 1
