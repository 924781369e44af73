"""Who has left a room, or was sent out of it, has left it: with the socket open."""

from collections.abc import Callable

import pytest

from chat.models import Membership, Message, Room, User
from tests.abuse.conftest import Connect
from tests.abuse.test_reach import OF_A_MESSAGE, OF_A_ROOM
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


def test_the_room_is_closed(outsider: ChatClient, garden: Room) -> None:
    for frame in OF_A_ROOM:
        assert outsider.ask(**frame, room=garden.pk)["code"] == "forbidden", frame
    assert not any("messages" in event for event in outsider.heard)


def test_ones_own_messages_stay_as_they_are(outsider: ChatClient) -> None:
    own = Message.objects.get()
    for frame in OF_A_MESSAGE:
        assert outsider.ask(**frame, message=own.pk)["code"] == "forbidden", frame
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


def test_a_socket_opened_later_knows_nothing_of_it(
    outsider: ChatClient, connect: Connect, bob: User, garden: Room
) -> None:
    assert connect(bob).heard[0]["rooms"] == []
    assert not Membership.objects.filter(user=bob).exists()
