"""What is done to servers in turn, so that they can be compared."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.servers import PROJECT, People, Running, Server
from tests.services import redis_server

T = TypeVar("T")
Figures = dict[str, float]


class Died(Exception):
    """A server did, of what was asked of it."""


@dataclass(frozen=True)
class Trial:
    """One server, and what may be asked of it."""

    server: Server
    seconds: float
    size: int = 0  # how much there is of what grows
    most: int = sys.maxsize  # of anything: little for a smoke test

    def some(self, count: int) -> int:
        return min(count, self.most)

    @contextmanager
    def running(self, people: People | None = None, **changes: str) -> Iterator[Running]:
        """The server with a Redis, and files, of its own."""
        with (
            redis_server() as redis,
            tempfile.TemporaryDirectory(prefix="chat-bench-") as folder,
            self.server.running(Path(folder), redis, people or People(), **changes) as running,
        ):
            try:
                yield running
            except subprocess.CalledProcessError as error:  # a client could not go on
                if running.is_alive:
                    raise
                raise Died(self.server.name) from error


@dataclass(frozen=True)
class Case:
    """A trial that gives the same figures of every server.

    Each gives `lost`, which has to be 0: how much of what was asked for never came.
    """

    name: str
    title: str
    servers: tuple[Server, ...]
    measure: Callable[[Trial], Figures]
    seconds: float = 4.0  # for each server, and each size
    rivals: Mapping[Server, Server] = field(default_factory=dict)  # who is compared with whom
    plotted: tuple[str, ...] = ()  # of the figures; none: the first
    grows: str = ""
    sizes: tuple[int, ...] = (0,)  # of what grows


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
