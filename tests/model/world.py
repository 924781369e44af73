"""The server that is tested: the real application on an event loop whose clock can be put on."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from django.db import connections

from chat import queries
from chatsite.asgi import websocket
from realtime.orm_threads import OrmThreads
from tests.model.hints import Hints

T = TypeVar("T")

# Small pages, so that a walk soon comes to a second one. And what the server would hold back for a
# moment, to spare its clients a gap, they get at once: they bear it when it lasts longer.
SMALL = {"chat.queries.PAGE": 3, "realtime.sequence.PATIENCE": 0.0, "realtime.relay.BREATH": 0.0}

# So that some client is far behind now and then, and hears nothing but heartbeats.
STRICT = {
    "realtime.outlet.PROBE": 1_000,
    "realtime.outlet.HEADS_ONLY": 3_000,
    "realtime.outlet.TOO_SLOW": 60_000,
}


class Clock(asyncio.SelectorEventLoop):
    """An event loop on which time may pass at once."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class World:
    """Runs the application, a moment at a time, on a thread of its own as a server does."""

    def __init__(self) -> None:
        self.hints = Hints()
        # On one thread everything happens in the same order again.
        self.application = OrmThreads(websocket, size=1)  # type: ignore[arg-type]
        self._clock = Clock()
        self._runner = asyncio.Runner(loop_factory=lambda: self._clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="server")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()

    def pass_time(self, seconds: float) -> None:
        self._clock.ahead += seconds

    def end(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()
        for thread in self.application.threads:
            thread.submit(connections.close_all).result()
            thread.shutdown()


@contextmanager
def world(**differs: float) -> Iterator[World]:
    """A server on which some constants, given by their full names, are others."""
    made = World()
    queries.changes.cache_clear()
    with made.hints.withheld(), ExitStack() as stack:
        stack.callback(made.end)
        for name, value in (SMALL | differs).items():
            stack.enter_context(patch(name, value))
        yield made
