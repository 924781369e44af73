"""Who does the jobs: `manage.py runworker jobs`.

A message to a worker is delivered at most once: it is lost when no worker runs, when Redis is away,
or when the worker dies over it. So it says nothing but: look. What is to be done stands in the
database, and the worker looks there at its start and now and then by itself.
"""

import asyncio
from typing import Any

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.worker import Worker

from realtime import outage
from realtime.jobs import queue

LOOK = 10.0  # seconds


class JobConsumer(AsyncConsumer):
    """Hands one synchronous function to a thread, which closes old connections around it."""

    async def look(self, event: dict[str, Any]) -> None:
        try:
            await database_sync_to_async(queue.work)()
        except Exception as error:  # the worker outlives it, as a socket does
            outage.log_fault(error)


class PunctualWorker(Worker):
    """Channels' worker, and a clock that tells it to look, so that no message has to arrive."""

    async def handle(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().handle())
            tasks.create_task(self.remind())

    async def remind(self) -> None:
        while True:
            for channel in self.channels:
                scope = {"type": "channel", "channel": channel}
                waiting = self.get_or_create_application_instance(channel, scope)
                if waiting.empty():  # else it is going to look anyway
                    waiting.put_nowait({"type": "look"})
            await asyncio.sleep(LOOK)


class Lifespan:
    """The start and the end of a server, as ASGI has it: a worker lives that long, if there is one.
    https://asgi.readthedocs.io/en/stable/specs/lifespan.html"""

    def __init__(self, worker: Worker | None) -> None:
        self.worker = worker

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        working = asyncio.create_task(self.work())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        working.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def work(self) -> None:
        """What ends by a fault begins anew, as a supervisor would have `runworker` do."""
        while self.worker:
            try:
                await self.worker.arun()
            except Exception as error:  # nobody looks at the result of this task
                outage.log_fault(error)
            await asyncio.sleep(LOOK)
