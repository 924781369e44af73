"""Handlers that take a second, beside the ordinary talk of others: PostgreSQL."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from statistics import median
from threading import Event, Thread

import psycopg

from bench.case import Figures, Trial
from bench.cases.talk import talk
from bench.database import watched
from bench.rounds import DEADLINE, rounds
from bench.servers import People, Running
from tests.services import postgres_server

SLOW = 8  # people; the others talk
SOCKETS, RATE = 50, 20
PEOPLE = People(people=SLOW + SOCKETS, messages=1_000)

# The database sleeps, so that a real handler keeps its thread and its connection for a second.
DAWDLE = f"""
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(1); RETURN NEW; END';
    UPDATE chat_membership SET read = 0 WHERE user_id <= {SLOW};
    CREATE TRIGGER dawdle BEFORE UPDATE ON chat_membership
        FOR EACH ROW WHEN (NEW.user_id <= {SLOW}) EXECUTE FUNCTION dawdle();"""
READ = '{"type":"read","room":1,"position":{n},"ref":"{n}"}'


def slow_handlers(trial: Trial) -> Figures:
    with (
        postgres_server() as database,
        trial.running(PEOPLE, DATABASE_URL=database) as running,
        watched(database) as connections,
    ):
        slow, others = running.cookies[:SLOW], running.cookies[SLOW:]
        ordinary = partial(
            talk,
            running,
            sockets=trial.some(SOCKETS),
            rate=RATE,
            seconds=trial.seconds,
            cookies=others,
        )
        before = ordinary()
        with psycopg.connect(database) as admin:
            admin.execute(DAWDLE)
        with asking(running, slow) as times:
            during = ordinary()
    return {
        "all done s": median(times),
        "at most s": max(times),
        "p99 ms before": before.p99 * 1e3,
        "p99 ms": during.p99 * 1e3,
        "p50 ms": during.p50 * 1e3,
        "connections": connections.most,
        "lost": during.expected - during.delivered,
    }


@contextmanager
def asking(running: Running, cookies: list[str]) -> Iterator[list[float]]:
    """These people read on, all at the same time, again and again. Yields how long each took."""
    times: list[float] = []
    begun, end = Event(), Event()

    async def ask() -> None:
        async with aclosing(rounds(running, cookies, READ)) as took:
            async for seconds in took:
                times.append(seconds)
                begun.set()
                if end.is_set():
                    return

    thread = Thread(target=asyncio.run, args=[ask()])
    thread.start()
    if not begun.wait(DEADLINE):
        raise RuntimeError("The slow handlers do not answer")
    try:
        yield times
    finally:
        end.set()
        thread.join()
