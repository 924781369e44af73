"""Who else is in these tests, and where; and how a test opens sockets of them."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from chat import actions
from chat.models import Room, User
from realtime import rate_limit, sequence
from tests import factories
from tests.client import ChatClient
from tests.plugin import cookie_of, database_url, logged_in
from tests.site import Site
from tests.stock.stacks import ALL, OURS_THROUGHOUT, STOCK, Parts, Stack
from tests.view import View

PATHS = {"sync": "/ws/chat/sync/", "async": "/ws/chat/"}


def marked(parts: dict[str, Parts]) -> list[Any]:
    """Their names, of which those on stock parts take long."""
    return [pytest.param(name, marks=[pytest.mark.long] * (name in STOCK)) for name in parts]


on_every_stack = pytest.mark.parametrize("stack", marked(ALL), indirect=True)
BETWEEN_PROCESSES = marked({name: parts for name, parts in ALL.items() if parts.over_redis})
PROMPT = marked({name: parts for name, parts in ALL.items() if parts.is_prompt})
PROMPT_BETWEEN_PROCESSES = [each for each in BETWEEN_PROCESSES if each in PROMPT]
Connect = Callable[..., ChatClient]


@pytest.fixture
def carol() -> User:
    return factories.person("carol")


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    """Alice's open room, with Bob in it. A test file may have its own."""
    return factories.room(alice, bob)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of what waits for a number, and of what earns a message a minute."""
    clock = Clock()
    for module in (sequence, rate_limit):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def as_alice(alice: User) -> Client:
    return logged_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return logged_in(bob)


# --- over real sockets ---------------------------------------------------------------------------


@pytest.fixture(scope="session", params=OURS_THROUGHOUT)
def stack(request: pytest.FixtureRequest) -> Stack:
    """What carries the site under test: ours, unless a test asks for others."""
    parts = ALL[request.param]
    return parts.stack(request.getfixturevalue("redis_url") if parts.over_redis else "")


def running(stack: Stack, folder: Path, **environment: str) -> Iterator[Site]:
    site = Site(
        folder / "site.log",
        stack.server,
        DATABASE_URL=database_url(),
        HEARTBEAT="1",
        PYTHONASYNCIODEBUG="1",  # a touch of the loop from another thread is an error then
        **stack.environment,
        **environment,
    )
    site.start()
    yield site
    if stack.is_ours:
        assert site.stop() == 0
    else:  # others do not say goodbye
        site.stop(signal.SIGKILL)
    assert "Traceback" not in site.log()


@pytest.fixture(scope="session")
def wire(
    stack: Stack, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    yield from running(stack, tmp_path_factory.mktemp("wire"))


@pytest.fixture(params=PATHS)
def consumer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(wire: Site, consumer: str) -> Iterator[Connect]:
    """Opens a socket of a person on the consumer under test, past its `welcome`."""
    opened: list[ChatClient] = []

    def connect(user: User, consumer: str = consumer, site: Site = wire) -> ChatClient:
        client = ChatClient(site.url, PATHS[consumer], cookie_of(user))
        opened.append(client)
        client.expect("welcome")
        return client

    before = len(wire.log())
    yield connect
    for client in opened:
        client.close()
    assert "Traceback" not in wire.log()[before:]


@pytest.fixture
def room(alice: User, bob: User) -> Room:
    room = actions.create_room(user=alice, name="Kitchen", kind="open")
    actions.add_member(user=alice, room_id=room.pk, member_id=bob.pk)
    return room


def other(consumer: str) -> str:
    return "async" if consumer == "sync" else "sync"


def holds_all(client: ChatClient, room: Room, head: int) -> None:
    """Waits until a right client holds every change of a room. Hints may be lost: it asks then."""
    view, heard = View(), 0
    while room.pk not in view.rooms or view.rooms[room.pk].number < head:
        if heard == len(client.heard):
            client.hear(f"number {head} of {room}")
        for event in client.heard[heard:]:
            heard += 1
            for frame in view.apply(event):
                client.raw(json.dumps(frame))
    assert view.violations == []
