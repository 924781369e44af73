"""What the channel layer carries: in order, and between two processes of one site."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.models import Room, User
from tests.chat.fixtures import (
    BETWEEN_PROCESSES,
    PROMPT,
    PROMPT_BETWEEN_PROCESSES,
    Connect,
    holds_all,
    other,
    running,
)
from tests.client import has
from tests.plugin import cookie_of
from tests.site import Site
from tests.stock.stacks import Stack

pytestmark = pytest.mark.django_db(transaction=True)

between_processes = pytest.mark.parametrize("stack", BETWEEN_PROCESSES, indirect=True)


@pytest.mark.parametrize("stack", PROMPT, indirect=True)
def test_everybody_hears_many_writers_in_one_order(
    connect: Connect, consumer: str, alice: User, bob: User, room: Room
) -> None:
    clients = [connect(alice), connect(bob, other(consumer)), connect(bob)]
    for number in range(30):
        for client in clients[:2]:
            client.say(room.pk, f"number {number}")
    for client in clients:
        client.expect("message", position=60)
        heard = [event["version"] for event in client.heard if event["type"] == "message"]
        assert heard == list(range(1, 61))


@pytest.mark.long
@between_processes
def test_an_idle_socket_outlives_the_timeouts_of_redis(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    """redis-py ends a read after 5 s of silence, and with the defaults the socket with it."""
    client = connect(bob)
    opened = time.monotonic()
    while time.monotonic() - opened < 7:
        client.expect("heartbeat")
    sender = connect(alice)
    client.expect("message", client_id=sender.say(room.pk, "Still there?"))


@pytest.fixture
def second(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """Another process of the same site."""
    yield from running(stack, tmp_path)


@between_processes
def test_messages_cross_to_another_process(
    connect: Connect, second: Site, alice: User, bob: User, room: Room
) -> None:
    here, there = connect(alice), connect(bob, site=second)
    for number in range(20):
        here.say(room.pk, f"here {number}")
        there.say(room.pk, f"there {number}")
    for client, author in ((here, bob), (there, alice)):
        holds_all(client, room, 40)
        assert any(
            has(event, {"type": "message"}) and event["author"]["id"] == author.pk
            for event in client.heard
        ), "nothing came without having been asked for"


@between_processes
def test_a_removal_crosses_to_another_process(
    wire: Site, connect: Connect, second: Site, alice: User, bob: User, room: Room
) -> None:
    removed = connect(bob, site=second)
    assert wire.post(f"/rooms/{room.pk}/people/{bob.pk}/remove/", cookie_of(alice)) == 200
    removed.expect("left", room=room.pk)


@between_processes
def test_what_is_said_after_a_removal_does_not_cross(
    wire: Site, connect: Connect, second: Site, alice: User, bob: User, room: Room
) -> None:
    stays, removed = connect(alice, site=second), connect(bob, site=second)
    speaker = connect(alice)
    assert wire.post(f"/rooms/{room.pk}/people/{bob.pk}/remove/", cookie_of(alice)) == 200
    stays.expect("message", client_id=speaker.say(room.pk, "Is he gone?"))
    removed.expect("left", room=room.pk)
    assert not [event for event in removed.settle() if event["type"] == "message"]


@pytest.mark.parametrize("stack", PROMPT_BETWEEN_PROCESSES, indirect=True)
def test_presence_counts_the_people_of_all_processes(
    connect: Connect, second: Site, alice: User, bob: User, room: Room
) -> None:
    here = connect(alice)
    for _ in ("all who are here", "who has come"):
        here.expect("presence", room=room.pk, here=[alice.pk])
    there = connect(bob, site=second)
    here.expect("presence", room=room.pk, here=[bob.pk])
    there.close()
    here.expect("presence", room=room.pk, gone=[bob.pk])
