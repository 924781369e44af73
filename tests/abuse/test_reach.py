"""What belongs to others is out of reach, whatever number one asks for."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from chat import urls
from chat.models import Membership, Message, Room, User
from tests.abuse.conftest import Connect, Talk
from tests.factories import direct, room, say
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = 2**63 - 1

OF_A_ROOM: list[dict[str, Any]] = [
    {"type": "send", "id": str(uuid4()), "body": "Let me in"},
    {"type": "sync", "since": 0},
    {"type": "history", "before": 1_000},
    {"type": "read", "position": 1},
    {"type": "typing"},
]
OF_A_MESSAGE: list[dict[str, Any]] = [
    {"type": "edit", "body": "Mine now"},
    {"type": "delete"},
    {"type": "react", "emoji": "👍", "on": True},
    {"type": "react", "emoji": "👍", "on": False},
]


@pytest.fixture
def said(alice: User, garden: Room) -> Message:
    return say(alice, garden, "Between us")


def untouched(said: Message) -> bool:
    """Nothing came of it: neither said, nor changed, nor read."""
    now = Message.objects.get()
    return (now.body, now.version, now.reactions.count()) == (
        said.body,
        said.version,
        0,
    ) and not Membership.objects.filter(room=said.room_id, read__gt=said.version).exists()


# --- over the socket -----------------------------------------------------------------------------


def test_a_room_of_others_is_forbidden(
    connect: Connect, talk: Talk, alice: User, bob: User, eve: User, garden: Room
) -> None:
    client, talk_of_two = connect(eve), direct(alice, bob)
    for frame in OF_A_ROOM:
        for number in (garden.pk, talk_of_two.pk):
            assert client.ask(**frame, room=number)["code"] == "forbidden", frame
        for number in (NOWHERE, 12_345):
            assert client.ask(**frame, room=number)["code"] == "not_found", frame
    talk()
    assert {event["type"] for event in client.settle()} == {"welcome", "error", "ok"}
    assert not Message.objects.filter(author=eve).exists()


def test_a_message_of_others_is_forbidden(connect: Connect, eve: User, said: Message) -> None:
    client = connect(eve)
    for frame in OF_A_MESSAGE:
        assert client.ask(**frame, message=said.pk)["code"] == "forbidden", frame
        assert client.ask(**frame, message=NOWHERE)["code"] == "not_found", frame
    assert untouched(said)


def test_who_owns_one_room_owns_no_other(connect: Connect, eve: User, said: Message) -> None:
    room(eve, name="Mine")
    assert connect(eve).ask("delete", message=said.pk)["code"] == "forbidden"
    assert untouched(said)


# --- over the pages ------------------------------------------------------------------------------

# What somebody sees who is in no room, and what comes of a form sent there: of a closed room of
# others, and of a room that does not exist.
ROOM_PAGES = {
    "room": ((403, 403), (404, 404)),
    "room_settings": ((403, 403), (404, 404)),
    "room_join": ((405, 403), (405, 404)),
    "room_leave": ((405, 403), (405, 404)),
    "invite": ((302, 403), (302, 404)),
    "people": ((403, 403), (404, 404)),
    "member_add": ((405, 403), (405, 404)),
    "member_remove": ((405, 403), (405, 404)),
    "member_role": ((405, 403), (405, 404)),
}
FORM = {"name": "Mine", "topic": "", "role": "owner", "person": "1"}


def pattern(name: str) -> URLPattern:
    return next(each for each in urls.urlpatterns if each.name == name)


def address(name: str, room_id: int, member: int) -> str:
    numbers = [room_id, member][: len(pattern(name).pattern.converters)]
    return reverse(name, args=numbers)


def test_every_page_of_a_room_is_listed_here() -> None:
    of_a_room = {each.name for each in urls.urlpatterns if "room_id" in each.pattern.converters}
    assert of_a_room == ROOM_PAGES.keys()


@pytest.mark.parametrize("name", ROOM_PAGES)
def test_a_page_of_a_room_of_others_is_closed(
    alice: User, eve: User, said: Message, name: str
) -> None:
    client = Client()
    client.force_login(eve)
    others, nowhere = ROOM_PAGES[name]
    for room_id, (seen, done) in ((said.room_id, others), (12_345, nowhere)):
        page = address(name, room_id, alice.pk)
        answers = client.get(page), client.post(page, FORM)
        assert tuple(answer.status_code for answer in answers) == (seen, done)
        for answer in answers:
            assert b"Garden" not in answer.content and b"Between us" not in answer.content
    assert untouched(said)
    assert {member.username for member in said.room.members.all()} == {"alice", "bob"}
    assert said.room.invitations.count() == 0


@pytest.mark.parametrize("name", ROOM_PAGES)
def test_a_page_of_a_room_is_closed_to_who_is_not_logged_in(
    alice: User, said: Message, name: str
) -> None:
    page = address(name, said.room_id, alice.pk)
    answer = Client().post(page, FORM)
    assert answer["Location"] == f"{reverse('login')}?next={page}"
    assert untouched(said)


@pytest.mark.parametrize("name", ROOM_PAGES)
def test_a_form_from_another_site_changes_nothing(alice: User, said: Message, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(address(name, said.room_id, alice.pk), FORM).status_code == 403
    assert untouched(said)


def test_a_role_is_given_in_ones_own_room_only(alice: User, bob: User, eve: User) -> None:
    """Neither by naming a member of another room, nor by a member's own hand."""
    mine, theirs = room(eve, name="Mine"), room(alice, bob)
    as_eve, as_bob = Client(), Client()
    as_eve.force_login(eve)
    as_bob.force_login(bob)
    for name in ("member_role", "member_remove"):
        assert as_eve.post(reverse(name, args=[mine.pk, bob.pk]), FORM).status_code == 404
        assert as_bob.post(reverse(name, args=[theirs.pk, bob.pk]), FORM).status_code == 403
    assert theirs.memberships.get(user=bob).role == Membership.Role.MEMBER


def test_the_admin_is_closed_to_everybody_else(eve: User, said: Message) -> None:
    client = Client()
    client.force_login(eve)
    for model in ("user", "room", "message", "membership", "reaction", "invitation"):
        for page in (f"/admin/chat/{model}/", f"/admin/chat/{model}/1/delete/"):
            assert client.post(page, {"post": "yes"}).status_code == 302  # to its log-in
    assert untouched(said)


def test_the_server_says_the_same(server: Site, eve: User, said: Message, quiet: None) -> None:
    assert server.get(f"/rooms/{said.room_id}/", cookie_of(eve)) == 403
    assert server.get("/rooms/12345/", cookie_of(eve)) == 404
    assert server.post(f"/rooms/{said.room_id}/join/", cookie_of(eve)) == 403


@pytest.mark.parametrize("number", ["0", str(2**63), "9" * 30, "9" * 5_000], ids=len)
def test_a_number_beyond_all_numbers_is_not_found(alice: User, garden: Room, number: str) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(f"/rooms/{number}/").status_code == 404
    assert client.post(f"/rooms/{number}/join/").status_code == 404
    assert client.post(f"/rooms/{garden.pk}/people/{number}/remove/").status_code == 404


def test_a_choice_that_nobody_was_given_is_refused(alice: User, garden: Room) -> None:
    client = Client()
    client.force_login(alice)
    for choice in ("0", "-1", str(2**63), "9" * 5_000, "1e3", "\0", "ä", ""):
        assert client.post(reverse("direct"), {"people": choice}).status_code in (200, 404)
        page = reverse("member_add", args=[garden.pk])
        assert client.post(page, {"person": choice}).status_code in (200, 404)
    assert garden.memberships.count() == 2
    assert Room.objects.get() == garden
