"""What a client sends, and what it does not read, takes up only so much memory of the server.

Runs for a few seconds, in which a server without bounds grows by hundreds of megabytes.
`ABUSE_SECONDS=60 pytest tests/abuse/test_memory.py -rP` does it for longer and prints figures.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from chat.models import Room, User
from chat.queries import PAGE
from tests.abuse.conftest import Connect, Talk
from tests.abuse.raw import Raw
from tests.abuse.test_frames import frame
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

GROWTH = 20.0  # megabytes
SECONDS = float(os.environ.get("ABUSE_SECONDS", "6"))
TEXT = 0x81
LARGE = "x" * 7_000  # characters of a message; it goes out as text and as HTML
THREADS = 4
ENVIRONMENT = {"HEARTBEAT": "1", "ASGI_THREADS": str(THREADS), "RATE_LIMIT": "1200"}


class Memory:
    """What the server keeps in memory, in megabytes, and how much more than at the beginning."""

    def __init__(self, server: Site) -> None:
        assert server._process
        self.statm = Path(f"/proc/{server._process.pid}/statm")
        self.before = self.resident

    @property
    def resident(self) -> float:
        return int(self.statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stays(self, while_: str) -> None:
        grown = self.resident - self.before
        print(f"{while_}: {self.before:.0f} MB, and {grown:.1f} MB more after {SECONDS:.0f} s")
        assert grown < GROWTH


@pytest.fixture
def memory(server: Site, connect: Connect, alice: User, garden: Room) -> Memory:
    """Taken when the server is warm: each of its threads has read a page of long messages."""
    clients = [connect(alice) for _ in range(THREADS)]
    for _ in range(PAGE):
        clients[0].expect("message", client_id=clients[0].say(garden.pk, LARGE))
    for client in clients:
        for _ in range(10):
            client.send("history", room=garden.pk, before=10**9)
            client.expect("history")
    for client in clients:
        client.close()
    return Memory(server)


@pytest.fixture
def deaf(server: Site, path: str) -> Iterator[Callable[[User], Raw]]:
    """Opens sockets that nobody reads from."""
    opened: list[Raw] = []

    def deaf(user: User) -> Raw:
        raw = Raw(server)
        opened.append(raw)
        origin, cookie = f"Origin: {server.url}", f"Cookie: {cookie_of(user)}"
        assert raw.handshake(path, origin.encode(), cookie.encode()) == 101
        return raw

    yield deaf
    for raw in opened:
        raw.connection.close()


def latency(talk: Talk, seconds: float) -> float:
    """Milliseconds within which 95 of 100 messages of Alice reach Bob."""
    took, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        start = time.monotonic()
        talk()
        took.append(time.monotonic() - start)
        time.sleep(0.05)  # people are not that fast
    return sorted(took)[len(took) * 95 // 100] * 1_000


def test_a_client_that_floods(
    memory: Memory, deaf: Callable[[User], Raw], talk: Talk, eve: User, garden: Room
) -> None:
    burst = frame(TEXT, json.dumps({"type": "typing", "room": garden.pk}).encode()) * 1_000

    def flood() -> None:
        while time.monotonic() < deadline:
            raw = deaf(eve)
            with suppress(OSError):
                while time.monotonic() < deadline:
                    raw.connection.sendall(burst)
            raw.connection.close()

    before, deadline = latency(talk, SECONDS), time.monotonic() + SECONDS
    with ThreadPoolExecutor() as executor:
        flooding = executor.submit(flood)
        during = latency(talk, SECONDS)
        flooding.result()
    print(f"p95 of others: {before:.0f} ms, flooded {during:.0f} ms")
    memory.stays("Flooded with frames")


def test_a_client_that_never_reads_what_a_room_says(
    memory: Memory,
    deaf: Callable[[User], Raw],
    connect: Connect,
    alice: User,
    bob: User,
    garden: Room,
) -> None:
    deaf(bob)
    client, deadline = connect(alice), time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        client.expect("message", client_id=client.say(garden.pk, LARGE))
        time.sleep(0.06)  # within her own limit
    memory.stays("Deaf to a busy room")


def test_a_client_that_asks_and_never_reads_the_answers(
    memory: Memory, deaf: Callable[[User], Raw], bob: User, garden: Room
) -> None:
    raw, deadline = deaf(bob), time.monotonic() + SECONDS
    question = json.dumps({"type": "history", "room": garden.pk, "before": 10**9}).encode()
    with suppress(OSError):  # the server's end of it
        while time.monotonic() < deadline:
            raw.connection.sendall(frame(TEXT, question))
            time.sleep(0.01)
    memory.stays("Deaf to its answers")
