"""The load client: opens sockets, says messages at a steady rate, and sees what is delivered.

It must not be the bottleneck, so it parses no frame: each message begins with the time at which it
was sent, and what is read from a socket is searched for such stamps. Its own CPU is part of the
result. It runs as a process of its own, `python -m bench.load`, takes a `Load` as JSON on its
standard input and writes an `Outcome` as JSON.
"""

import asyncio
import base64
import gc
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import cast

import msgspec
import numpy
import psutil
import redis
import uvloop
from msgspec import Struct

from bench.wires import PONG, SERVER_PING, STAMP, STAMP_LENGTH, WIRES, Wire, frame

OPENING = 50  # sockets that are being opened at the same time
WARM_UP = 1.0  # seconds of talk that do not count
GRACE = 2.0  # seconds after the last message in which everything has to be there
PUBLISHING = ("publish", "spublish")
DEADLINE = 120.0  # seconds until all sockets have to be open


class Load(Struct, kw_only=True):
    """What is to be done to a server."""

    wire: str
    ports: list[int]  # of one server's processes; sockets take them in turn
    room: str
    cookies: list[str]  # one a person; sockets take them in turn
    sockets: int
    rate: float  # messages a second, of all senders together
    seconds: float
    pids: list[int]  # of the server, whose CPU is measured meanwhile
    redis: str = ""  # if what is published there is to be counted


class Outcome(Struct, kw_only=True):
    """What came of it; times are in seconds."""

    sent: int
    expected: int  # deliveries
    delivered: int  # within GRACE
    p50: float
    p99: float
    max: float
    server_cpu: float
    client_cpu: float
    took: float  # between the two readings of the CPU
    memory: int  # bytes of the server, at the end: see `memory`
    open: int  # sockets, then
    published: int  # to Redis


class Socket(asyncio.Protocol):
    """One WebSocket of the load client."""

    transport: asyncio.Transport

    def __init__(self, wire: Wire, handshake: bytes, hear: Callable[[list[bytes]], None]) -> None:
        self.wire = wire
        self.ready = asyncio.get_running_loop().create_future()
        self._handshake = handshake
        self._hear = hear
        self._upgraded = False
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # which uvloop's does not inherit from
        self.transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        seen = self._tail + data
        self._tail = seen[1 - STAMP_LENGTH :]  # too short for a stamp, so that none counts twice
        if not self.ready.done():
            self._open(seen)
        if stamps := STAMP.findall(seen):
            self._hear(stamps)
        for asked in self.wire.asks.findall(data):  # one that is cut in two is asked again
            answer = self.wire.answer.format(asked.decode())
            self.transport.write(frame(answer.encode()))
        if b"\x89" in data and (ping := SERVER_PING.search(data)):
            size = ping[1][0]
            self.transport.write(frame(data[ping.end() : ping.end() + size], PONG))

    def _open(self, seen: bytes) -> None:
        if not self._upgraded:
            if not seen.startswith(b"HTTP/1.1 101"):
                return self.ready.set_exception(ConnectionError(seen[:200]))
            self._upgraded = True
            self.transport.write(self.wire.hello)
        if self.wire.ready in seen:
            self.ready.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("closed"))


def handshake(wire: Wire, port: int, room: str, cookie: str) -> bytes:
    lines = [
        f"GET {wire.path.format(room=room)} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    if wire.subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {wire.subprotocol}")
    if cookie:
        lines.append(f"Cookie: {cookie}")
    return "\r\n".join([*lines, "", ""]).encode()


class Crowd:
    """Many sockets, and what they hear."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.wire = WIRES[load.wire]
        self.sockets: list[Socket] = []
        self._heard: list[tuple[int, list[bytes]]] = []

    def hear(self, stamps: list[bytes]) -> None:
        self._heard.append((time.time_ns() // 1000, stamps))

    def forget(self) -> None:
        self._heard.clear()

    def delays(self) -> "numpy.typing.NDArray[numpy.int64]":
        """Microseconds from sending to delivery, of all that was heard."""
        sent = [int(stamp) for _, stamps in self._heard for stamp in stamps]
        came = [at for at, stamps in self._heard for _ in stamps]
        return numpy.array(came, dtype=numpy.int64) - numpy.array(sent, dtype=numpy.int64)

    async def open(self) -> None:
        gate = asyncio.Semaphore(OPENING)
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(self._open(n, gate) for n in range(self.load.sockets)))

    async def _open(self, number: int, gate: asyncio.Semaphore) -> None:
        load = self.load
        cookie = load.cookies[number % len(load.cookies)] if load.cookies else ""
        port = load.ports[number % len(load.ports)]
        asking = handshake(self.wire, port, load.room, cookie)
        async with gate:
            _, socket = await asyncio.get_running_loop().create_connection(
                lambda: Socket(self.wire, asking, self.hear), "127.0.0.1", port
            )
            self.sockets.append(socket)
            await socket.ready

    async def talk(self, seconds: float) -> int:
        """Says messages, each of the next socket. Returns how many."""
        began = time.monotonic()
        sent = 0
        while (elapsed := time.monotonic() - began) < seconds:
            while sent < elapsed * self.load.rate:
                socket = self.sockets[sent % len(self.sockets)]
                socket.transport.write(self.wire.message(self.load.room))
                sent += 1
            await asyncio.sleep(0.002)
        return sent

    async def quiet(self, expected: int) -> None:
        """Waits until all has been heard, but not for ever."""
        deadline = time.monotonic() + GRACE
        while sum(len(stamps) for _, stamps in self._heard) < expected:
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.05)


def cpu(pids: list[int]) -> float:
    """Seconds that all threads of these processes have computed, in their own code and in the
    kernel. To the nanosecond, by the clock that clock_getcpuclockid(3) gives of a process; /proc
    counts in hundredths, of which a quiet room takes few."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def memory(pids: list[int]) -> int:
    """Bytes in use that are their own (USS): what would be free again without them."""
    uss: int = sum(psutil.Process(pid).memory_full_info().uss for pid in pids)
    return uss


def published(url: str) -> int:
    """How often somebody has said something there, up to now."""
    if not url:
        return 0
    stats = redis.Redis.from_url(url).info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in PUBLISHING)


async def run(load: Load) -> Outcome:
    crowd = Crowd(load)
    await crowd.open()
    warm = await crowd.talk(WARM_UP)
    await crowd.quiet(warm * load.sockets)
    crowd.forget()
    published_before = published(load.redis)
    cpu_before, own_before, began = cpu(load.pids), time.process_time(), time.monotonic()
    sent = await crowd.talk(load.seconds)
    await crowd.quiet(sent * load.sockets)
    took, own = time.monotonic() - began, time.process_time() - own_before
    server_cpu = cpu(load.pids) - cpu_before
    delays = crowd.delays() / 1e6
    p50, p99, most = numpy.percentile(delays, [50, 99, 100]) if delays.size else (0.0, 0.0, 0.0)
    return Outcome(
        sent=sent,
        expected=sent * load.sockets,
        delivered=delays.size,
        p50=float(p50),
        p99=float(p99),
        max=float(most),
        server_cpu=server_cpu,
        client_cpu=own,
        took=took,
        memory=memory(load.pids),
        open=sum(not socket.transport.is_closing() for socket in crowd.sockets),
        published=published(load.redis) - published_before,
    )


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # It would stop the client for the longer, the more has been heard: up to 80 ms that the server
    # would be blamed for, and none of what is kept here is a cycle.
    gc.disable()
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(load))))


if __name__ == "__main__":
    main()
