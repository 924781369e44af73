"""What it costs to go to the ORM's thread and back: `python -m tests.docs.hop`.

Prints microseconds a call, of the best of fifteen rounds, because what else runs only adds to them:
on the clock, and of this process's CPU.
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


async def measure(name: str, call: Callable[[], Awaitable[object]]) -> None:
    clock, cpu = [], []
    for _ in range(ROUNDS):
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in range(CALLS):
            await call()
        clock.append((time.perf_counter() - began) / CALLS * 1e6)
        cpu.append((time.process_time() - cpu_began) / CALLS * 1e6)
    print(f"| {name} | {min(clock):,.0f} | {min(cpu):,.0f} |")


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

    print("| | µs | of them CPU |\n| :-- | --: | --: |")
    await measure("`aclose_old_connections()`, nothing to close", aclose_old_connections)
    await measure("`aget()`", kept.aask)
    await measure("`database_sync_to_async` of one query", database_sync_to_async(kept.ask))
    await measure("three times `aget()`", athree)
    await measure("`database_sync_to_async` of three queries", database_sync_to_async(three))
    await measure(
        "`aclose_old_connections()` and `aget()`, `CONN_MAX_AGE=0`: a new connection", reconnecting
    )
    for database in kept, short:
        await asyncio.to_thread(database.forget)


if __name__ == "__main__":
    with postgres_server() as address:
        asyncio.run(main(address))
