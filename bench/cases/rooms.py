"""Rooms that grow, and people who are in more and more of them."""

import asyncio
import json
from contextlib import aclosing
from statistics import median

from bench.case import Figures, Trial, ask
from bench.database import log_of_statements
from bench.pages import Load, Outcome
from bench.rounds import Times, rounds, welcomes
from bench.servers import People, static_files
from tests.services import postgres_server

# A full page, each time another: the same one the server remembers for a moment.
SYNC = '{"type":"sync","room":1,"since":{n},"ref":"{n}"}'


def long_history(trial: Trial) -> Figures:
    """One reader at a time opens the room, leafs back to its middle, and catches up."""
    messages = trial.size
    older = {"type": "history", "room": 1, "before": messages // 2, "ref": "{n}"}
    people = People(people=20, messages=messages)
    with trial.running(people, STATIC_ROOT=static_files()) as running:
        reader = running.cookies[:1]
        load = Load(
            port=running.port,
            path="/rooms/1/",
            cookies=reader,
            seconds=trial.seconds,
            connections=1,
        )
        page = ask("pages", load, Outcome)
        history = typical(rounds(running, reader, json.dumps(older)), trial.seconds)
        sync = typical(rounds(running, reader, SYNC), trial.seconds)
    return {
        "page p50 ms": page.p50 * 1e3,
        "history p50 ms": history * 1e3,
        "sync p50 ms": sync * 1e3,
        "lost": sum(count for status, count in page.statuses.items() if status != 200),
    }


def many_rooms(trial: Trial) -> Figures:
    """Somebody comes who is in all of them."""
    people = People(rooms=trial.size, people=2, messages=10)
    with postgres_server() as database, trial.running(people, DATABASE_URL=database) as running:
        person = running.cookies[0]
        welcome = typical(welcomes(running, person), trial.seconds)
        with log_of_statements(database) as statements:
            before = statements()
            typical(welcomes(running, person), seconds=0)
            asked = statements() - before
    return {"queries": asked, "welcome p50 ms": welcome * 1e3, "lost": 0}


def typical(times: Times, seconds: float) -> float:
    """The median of what these take, for so long; of one at least."""
    return median(asyncio.run(taken(times, seconds)))


async def taken(times: Times, seconds: float) -> list[float]:
    took: list[float] = []
    async with aclosing(times):
        async for each in times:
            took.append(each)
            if sum(took) >= seconds:
                break
    return took
