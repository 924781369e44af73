"""Pages: a few connections that are kept open, each asking again as soon as it has its answer.

`python -m bench.pages` takes a `Load` as JSON on its standard input and writes an `Outcome`.
"""

import asyncio
import re
import sys
import time
from collections import Counter
from functools import partial
from typing import cast

import msgspec
import numpy
import uvloop
from msgspec import Struct

from bench.load import WARM_UP

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ETAG = re.compile(rb"(?i)\r\netag: *([^\r]+)")
BODILESS = (204, 304)


class Load(Struct, kw_only=True):
    port: int
    path: str
    cookies: list[str]  # connections take them in turn
    seconds: float
    connections: int = 16
    etag: bool = False  # asks only for what is not what the last answer was


class Outcome(Struct, kw_only=True):
    """Times are in seconds, from a request to the end of its answer."""

    per_second: float
    statuses: dict[int, int]  # how many answers of each
    bytes: float  # of an answer, on average
    p50: float
    p99: float
    client_cpu: float
    took: float


class Reader(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, load: Load, cookie: str) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.forget()
        self._asks_for_news = load.etag
        self._head = f"GET {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n".encode()
        self._head += f"Cookie: {cookie}\r\n".encode()
        self._condition = b""

    def forget(self) -> None:
        self.delays: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # which uvloop's does not inherit from
        self._ask()

    def _ask(self) -> None:
        self._seen, self._size = bytearray(), 0
        self._asked = time.perf_counter()
        self.transport.write(self._head + self._condition + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._size and HEAD_END in self._seen:
            self._read_head(bytes(self._seen.partition(HEAD_END)[0]))
        if self._size and len(self._seen) >= self._size:
            self.delays.append(time.perf_counter() - self._asked)
            self.bytes += len(self._seen)
            self._ask()

    def _read_head(self, head: bytes) -> None:
        status = int(head[9:12])
        self.statuses[status] += 1
        self._size = len(head) + len(HEAD_END)
        if length := LENGTH.search(head):
            self._size += int(length[1])
        elif status not in BODILESS:
            self.failed.set_exception(ValueError(f"No Content-Length: {head!r}"))
        if self._asks_for_news and (etag := ETAG.search(head)):
            self._condition = b"If-None-Match: %b\r\n" % etag[1]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.failed.done():
            self.failed.set_exception(error or ConnectionError("closed"))


async def run(load: Load) -> Outcome:
    readers: list[Reader] = []
    for number in range(load.connections):
        cookie = load.cookies[number % len(load.cookies)]
        _, reader = await asyncio.get_running_loop().create_connection(
            partial(Reader, load, cookie), "127.0.0.1", load.port
        )
        readers.append(reader)
    failures = [reader.failed for reader in readers]
    await going_on(failures, WARM_UP)
    for reader in readers:
        reader.forget()
    own_before, began = time.process_time(), time.perf_counter()
    await going_on(failures, load.seconds)
    took, own = time.perf_counter() - began, time.process_time() - own_before
    delays = [delay for reader in readers for delay in reader.delays]
    p50, p99 = numpy.percentile(delays, [50, 99]) if delays else (0.0, 0.0)
    return Outcome(
        per_second=len(delays) / took,
        statuses=sum((reader.statuses for reader in readers), Counter[int]()),
        bytes=sum(reader.bytes for reader in readers) / max(1, len(delays)),
        p50=float(p50),
        p99=float(p99),
        client_cpu=own,
        took=took,
    )


async def going_on(failures: list[asyncio.Future[None]], seconds: float) -> None:
    """Waits so long, and raises what fails meanwhile."""
    failed, _ = await asyncio.wait(failures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for failure in failed:
        failure.result()


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(load))))


if __name__ == "__main__":
    main()
