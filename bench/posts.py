"""Posts: people who each say the next thing as soon as the last one is acknowledged.

`python -m bench.posts` takes a `Load` as JSON on its standard input and writes an `Outcome`.
"""

import asyncio
import re
import sys
import time

import msgspec
import numpy
import uvloop
from msgspec import Struct

from bench.load import GRACE, WARM_UP, Socket, handshake
from bench.wires import WIRES, Wire

ANSWER = re.compile(rb'"type":"(ok"|err)')
ANSWER_LENGTH = 11


class Load(Struct, kw_only=True):
    port: int
    cookies: list[str]  # one a sender
    rooms: list[int]  # senders take them in turn
    senders: int
    seconds: float
    wire: str = "ours"


class Outcome(Struct, kw_only=True):
    """Times are in seconds, from `send` to `ok`."""

    acknowledged: int
    refused: int
    unanswered: int  # still, GRACE after the end
    per_second: float
    p50: float
    p99: float
    client_cpu: float
    took: float


class Sender(Socket):
    def __init__(self, wire: Wire, port: int, room: int, cookie: str) -> None:
        super().__init__(wire, handshake(wire, port, "", cookie), hear=lambda stamps: None)
        self.room = str(room)
        self.last_answer: asyncio.Future[None] | None = None  # awaited once it stops
        self.delays: list[float] = []
        self.refused = 0
        self._rest = b""

    def say(self) -> None:
        self._said = time.perf_counter()
        self.transport.write(self.wire.message(self.room))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        seen = self._rest + data
        self._rest = seen[1 - ANSWER_LENGTH :]  # too short for an answer
        for answer in ANSWER.findall(seen):
            self._hear_answer(answer)

    def _hear_answer(self, answer: bytes) -> None:
        if answer == b"err":
            self.refused += 1
        else:
            self.delays.append(time.perf_counter() - self._said)
        if self.last_answer:
            self.last_answer.set_result(None)
        else:
            self.say()

    def stop(self) -> asyncio.Future[None]:
        """Done when the last message is answered."""
        self.last_answer = asyncio.get_running_loop().create_future()
        return self.last_answer

    def forget(self) -> None:
        self.delays.clear()
        self.refused = 0


async def opened(load: Load, number: int) -> Sender:
    room = load.rooms[number % len(load.rooms)]
    _, sender = await asyncio.get_running_loop().create_connection(
        lambda: Sender(WIRES[load.wire], load.port, room, load.cookies[number]),
        "127.0.0.1",
        load.port,
    )
    await sender.ready
    return sender


async def run(load: Load) -> Outcome:
    senders = [await opened(load, number) for number in range(load.senders)]
    for sender in senders:
        sender.say()
    await asyncio.sleep(WARM_UP)
    for sender in senders:
        sender.forget()
    own_before, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(load.seconds)
    took, own = time.perf_counter() - began, time.process_time() - own_before
    delays = [delay for sender in senders for delay in sender.delays]
    _, unanswered = await asyncio.wait([sender.stop() for sender in senders], timeout=GRACE)
    p50, p99 = numpy.percentile(delays, [50, 99]) if delays else (0.0, 0.0)
    return Outcome(
        acknowledged=len(delays),
        refused=sum(sender.refused for sender in senders),
        unanswered=len(unanswered),
        per_second=len(delays) / took,
        p50=float(p50),
        p99=float(p99),
        client_cpu=own,
        took=took,
    )


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(load))))


if __name__ == "__main__":
    main()
