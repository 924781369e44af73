"""What is measured: each case is done to one server at a time, and gives figures."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from bench.load import Load, Outcome
from bench.servers import (
    BARE_WS,
    OURS_ON_DAPHNE,
    OURS_ON_UVICORN,
    PROJECT,
    SOCKET_IO,
    SYNC_ON_DAPHNE,
    TUTORIAL_ON_DAPHNE,
    TUTORIAL_ON_UVICORN,
    Running,
    Server,
)

T = TypeVar("T")
Figures = dict[str, float]

OURS = (OURS_ON_DAPHNE, OURS_ON_UVICORN)
NODE = (SOCKET_IO, BARE_WS)
TUTORIAL = (TUTORIAL_ON_DAPHNE, TUTORIAL_ON_UVICORN)


@dataclass(frozen=True)
class Case:
    """Something that is done to servers in turn, so that they can be compared."""

    name: str
    title: str
    servers: tuple[Server, ...]
    measure: Callable[[Running, float], Figures]  # is given the seconds it may take


def ask(module: str, what: msgspec.Struct, answer: type[T]) -> T:
    """Has a client do something, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}"],
        input=msgspec.json.encode(what),
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=answer)


def talk(running: Running, sockets: int, rate: float, seconds: float) -> Outcome:
    load = Load(
        wire=running.server.wire,
        port=running.port,
        room="1",
        cookies=running.cookies,
        sockets=sockets,
        rate=rate,
        seconds=seconds,
        pids=running.pids,
    )
    return ask("load", load, Outcome)


def fan_out(sockets: int, rate: float) -> Callable[[Running, float], Figures]:
    """A room in which each person sends in turn."""

    def measure(running: Running, seconds: float) -> Figures:
        outcome = talk(running, sockets, rate, seconds)
        return {
            "µs/event": outcome.server_cpu / max(1, outcome.delivered) * 1e6,
            "p50 ms": outcome.p50 * 1e3,
            "p99 ms": outcome.p99 * 1e3,
            "max ms": outcome.max * 1e3,
            "lost": outcome.expected - outcome.delivered,
            "server %": outcome.server_cpu / outcome.took * 100,
            "client %": outcome.client_cpu / outcome.took * 100,
        }

    return measure


def saturation(running: Running, seconds: float) -> Figures:
    """More and more, until not everything is there two seconds after it was sent."""
    sockets, rate, best = 200, 100.0, 0.0
    while True:
        outcome = talk(running, sockets, rate, seconds / 3)
        if outcome.delivered < outcome.expected:
            return {"events/s": best}
        best = outcome.delivered / (seconds / 3)
        rate *= 1.25


CASES = [
    Case("quiet", "A quiet room: 200 sockets, 5 messages/s", OURS + NODE, fan_out(200, 5)),
    Case(
        "tutorial",
        "What the tutorial's chat bears: 200 sockets, 10 messages/s",
        OURS + TUTORIAL,
        fan_out(200, 10),
    ),
    Case(
        "talk",
        "200 sockets, 100 messages/s",
        (*OURS, SYNC_ON_DAPHNE, *NODE),
        fan_out(200, 100),
    ),
    Case("busy", "200 sockets, 400 messages/s", OURS + NODE, fan_out(200, 400)),
    Case("crowd", "1,000 sockets, 100 messages/s", OURS + NODE, fan_out(1_000, 100)),
    Case("saturation", "As much as it bears: 200 sockets", OURS + NODE, saturation),
]
