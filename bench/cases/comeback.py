"""A server that is killed and started again while many have its pages open: PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bench.case import Figures, Trial
from bench.comeback import Load, Outcome
from bench.database import watched
from bench.servers import PROJECT, People
from tests.services import postgres_server

SOCKETS = 2_000
BEHIND = 20  # changes that each has missed


def coming_back(trial: Trial) -> Figures:
    sockets = trial.some(SOCKETS)
    people = People(rooms=20, people=sockets, each=1, messages=100)
    with (
        postgres_server() as database,
        trial.running(people, DATABASE_URL=database) as running,
        watched(database) as connections,
    ):
        load = Load(
            port=running.port,
            cookies=running.cookies,
            sockets=sockets,
            behind=BEHIND,
        )
        with open_pages(load) as pages:
            running.kill()
            pages.tell("killed")
            running.start()
            pages.tell("back")
            outcome = pages.outcome()
    return {
        "all back s": outcome.after_return,
        "p50 s": outcome.p50,
        "p99 s": outcome.p99,
        "turned away": sum(outcome.turned_away.values()),
        "lost": outcome.missing,
        "connections": connections.most,
        "client s": outcome.client_cpu,
    }


class Pages:
    """The client, which has to be told what happens to the server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        self._in, self._out = process.stdin, process.stdout

    def tell(self, what: str) -> None:
        self._in.write(f"{what}\n".encode())
        self._in.flush()

    def hear(self, what: str) -> None:
        line = self._out.readline()
        if line != f"{what}\n".encode():
            raise RuntimeError(f"The client says {line!r}, not {what!r}")

    def outcome(self) -> Outcome:
        return msgspec.json.decode(self._out.read(), type=Outcome)


@contextmanager
def open_pages(load: Load) -> Iterator[Pages]:
    """All of them open, and level with the database."""
    command = [sys.executable, "-m", "bench.comeback"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        pages = Pages(process)
        pages.tell(msgspec.json.encode(load).decode())
        pages.hear("ready")
        try:
            yield pages
        finally:
            process.kill()
