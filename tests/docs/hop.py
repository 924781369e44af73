"""What it costs to go to the ORM's thread and back: `python -m tests.docs.hop`.

Prints microseconds a call, of the best of fifteen rounds, because what else runs only adds to them:
on the clock, and of this process's CPU. The calls take turns in each round, so that a busy moment
of the machine meets all of them.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ["DEBUG"] = "0"  # with it Django remembers every query
os.environ.setdefault("SECRET_KEY", "of no use")
django.setup()  # before what imports a model

from channels.db import aclose_old_connections, database_sync_to_async

from tests.docs.probe import Database, create_rows
from tests.services import postgres_server

ROUNDS = 15
CALLS = 100
Call = Callable[[], Awaitable[object]]


async def measure(call: Call) -> tuple[float, float]:
    began, cpu_began = time.perf_counter(), time.process_time()
    for _ in range(CALLS):
        await call()
    clock, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return clock / CALLS * 1e6, cpu / CALLS * 1e6


async def compare(calls: dict[str, Call]) -> None:
    rounds = [[await measure(call) for call in calls.values()] for _ in range(ROUNDS)]
    print("| | µs | of them CPU |\n| :-- | --: | --: |")
    for name, measured in zip(calls, zip(*rounds, strict=True), strict=True):
        clock, cpu = (min(figures) for figures in zip(*measured, strict=True))
        print(f"| {name} | {clock:,.0f} | {cpu:,.0f} |")


async def main(url: str) -> None:
    await asyncio.to_thread(create_rows, url)
    kept, short = Database(url, CONN_MAX_AGE=600), Database(url, CONN_MAX_AGE=0)

    def three() -> None:
        for _ in range(3):
            kept.ask()

    async def athree() -> None:
        for _ in range(3):
            await kept.aask()

    async def reconnecting() -> None:
        await aclose_old_connections()
        await short.aask()

    await compare(
        {
            "`aclose_old_connections()`, nothing to close": aclose_old_connections,
            "`aget()`": kept.aask,
            "`database_sync_to_async` of one query": database_sync_to_async(kept.ask),
            "three times `aget()`": athree,
            "`database_sync_to_async` of three queries": database_sync_to_async(three),
            "`aclose_old_connections()` and `aget()`, `CONN_MAX_AGE=0`: a new connection": (
                reconnecting
            ),
        }
    )
    for database in kept, short:
        await asyncio.to_thread(database.forget)


if __name__ == "__main__":
    with postgres_server() as address:
        asyncio.run(main(address))
