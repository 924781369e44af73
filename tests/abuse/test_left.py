"""Who has left a room, or was sent out of it, has left it: with the socket open."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from chat.models import Membership, Message, Room, User
from tests.abuse.conftest import Connect
from tests.client import ChatClient
from tests.factories import say
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = pytest.mark.django_db(transaction=True)


def leaves(server: Site, owner: User, member: User, garden: Room) -> int:
    return server.post(f"/rooms/{garden.pk}/leave/", cookie_of(member))


def is_removed(server: Site, owner: User, member: User, garden: Room) -> int:
    return server.post(f"/rooms/{garden.pk}/people/{member.pk}/remove/", cookie_of(owner))


@pytest.fixture(params=[leaves, is_removed])
def outsider(
    request: pytest.FixtureRequest,
    server: Site,
    connect: Connect,
    alice: User,
    bob: User,
    garden: Room,
) -> ChatClient:
    """Bob, who was in the garden a moment ago. His socket is still open."""
    say(bob, garden, "I was here")
    client = connect(bob)
    goes: Callable[..., int] = request.param
    assert goes(server, alice, bob, garden) == 200
    client.expect("left", room=garden.pk)
    return client


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "send", "id": str(uuid4()), "body": "One more thing"},
        {"type": "sync", "since": 0},
        {"type": "history", "before": 1_000},
        {"type": "read", "position": 1},
        {"type": "typing"},
    ],
    ids=lambda frame: frame["type"],
)
def test_the_room_is_closed(outsider: ChatClient, garden: Room, frame: dict[str, Any]) -> None:
    assert outsider.ask(**frame, room=garden.pk)["code"] == "forbidden"
    assert not any("messages" in event for event in outsider.heard)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "edit", "body": "I never was"},
        {"type": "delete"},
        {"type": "react", "emoji": "👍", "on": True},
    ],
    ids=lambda frame: frame["type"],
)
def test_ones_own_messages_stay_as_they_are(
    outsider: ChatClient, garden: Room, frame: dict[str, Any]
) -> None:
    own = Message.objects.get()
    assert outsider.ask(**frame, message=own.pk)["code"] == "forbidden"
    own.refresh_from_db()
    assert (own.body, own.version) == ("I was here", 1)


def test_nothing_of_it_is_heard_any_more(
    outsider: ChatClient, connect: Connect, alice: User, garden: Room
) -> None:
    before = len(outsider.heard)
    insider = connect(alice)
    insider.send("typing", room=garden.pk)
    message = insider.expect("message", client_id=insider.say(garden.pk, "He is gone"))["id"]
    insider.ask("edit", message=message, body="He has gone")
    insider.ask("react", message=message, emoji="👋", on=True)
    insider.ask("delete", message=message)
    insider.expect("message", id=message, deleted=True)
    later = outsider.settle()[before:]
    assert {event["type"] for event in later} == {"ok"}


def test_a_message_sent_before_may_be_sent_again_and_gives_no_more_than_it_did(
    outsider: ChatClient, garden: Room
) -> None:
    """Who lost the answer repeats the question: it is the same message, and no way back in."""
    own = Message.objects.get()
    outsider.say(garden.pk, "Something else", id=str(own.client_id))
    assert outsider.expect("ok", id=str(own.client_id))["message"] == own.pk
    assert Message.objects.get().body == "I was here"


def test_a_socket_opened_later_knows_nothing_of_it(
    outsider: ChatClient, connect: Connect, bob: User, garden: Room
) -> None:
    assert connect(bob).heard[0]["rooms"] == []
    assert not Membership.objects.filter(user=bob).exists()
