"""What rows say of themselves, and what the database holds whoever writes to it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from chat.models import COLORS, Invitation, Membership, Message, Reaction, Room, User
from tests.factories import broken, direct, past_message, person, room, say

pytestmark = pytest.mark.django_db


# --- people --------------------------------------------------------------------------------------


def test_a_person_goes_by_their_display_name() -> None:
    assert User(username="bob", display_name="Bob Brandt").name == "Bob Brandt"


def test_who_has_no_display_name_goes_by_their_username() -> None:
    assert User(username="bob").name == "bob"


@pytest.mark.parametrize(
    ("name", "initials"),
    [("bob", "B"), ("Bob Brandt", "BB"), ("Ana María de la Cruz", "AC"), ("Émile Zola", "ÉZ")],
)
def test_initials_are_of_the_first_and_the_last_name(name: str, initials: str) -> None:
    assert User(username="x", display_name=name).initials == initials


def test_a_new_person_has_a_colour_of_the_palette() -> None:
    assert {User().color for _ in range(200)} <= set(range(COLORS))


def test_who_wrote_something_cannot_be_deleted() -> None:
    alice = person("alice")
    say(alice, room(alice))
    with pytest.raises(ProtectedError):
        alice.delete()


# --- rooms ---------------------------------------------------------------------------------------


def test_a_room_goes_by_its_name() -> None:
    alice, bob = person("alice"), person("bob")
    assert room(alice, bob, name="Garden").name_for(bob) == "Garden"


def test_a_direct_room_goes_by_the_others_in_the_order_of_their_names() -> None:
    alice, bob, carol = person("alice"), person("bob"), person("carol")
    talk = direct(alice, carol, bob)
    assert talk.name_for(alice) == "Bob, Carol"
    assert talk.name_for(carol) == "Alice, Bob"


def test_only_open_rooms_without_oneself_are_to_be_joined() -> None:
    alice, bob = person("alice"), person("bob")
    elsewhere = room(alice, name="Elsewhere")
    room(alice, bob, name="Here")
    room(alice, name="Secret", kind="closed")
    assert list(Room.objects.open().not_joined_by(bob)) == [elsewhere]


@pytest.mark.parametrize(
    ("role", "moderates", "owns"),
    [("owner", True, True), ("moderator", True, False), ("member", False, False)],
)
def test_a_role_says_what_one_may(role: str, moderates: bool, owns: bool) -> None:
    membership = Membership(role=role)
    assert (membership.moderates, membership.owns) == (moderates, owns)


def test_a_person_who_was_shut_out_is_in_no_room() -> None:
    alice = person("alice")
    room(alice)
    User.objects.update(is_active=False)
    assert not Membership.objects.of(alice).exists()


def test_each_of_one_s_rooms_has_a_number() -> None:
    alice, bob = person("alice"), person("bob")
    busy, quiet = room(alice, bob), room(bob, name="Attic")
    room(alice, name="Cellar")
    say(alice, busy)
    assert dict(bob.memberships.heads()) == {busy.pk: 1, quiet.pk: 0}


def test_rooms_memberships_messages_reactions_and_invitations_can_be_named() -> None:
    alice, bob = person("alice"), person("bob")
    garden, talk = room(alice), direct(alice, bob)
    message = say(alice, garden, "x" * 100)
    invitation = Invitation(room=garden, created_by=alice)
    assert str(garden) == "Garden"
    assert str(talk) == f"direct room {talk.pk}"
    assert str(garden.memberships.get()) == "Alice in Garden"
    assert str(message) == "Alice at 1: " + "x" * 40
    assert str(Reaction(message=message, user=bob, emoji="🎉")) == "🎉 by Bob"
    assert str(invitation) == "to Garden by Alice"


# --- invitations ---------------------------------------------------------------------------------


def test_an_invitation_is_valid_for_a_week() -> None:
    alice = person("alice")
    invitation = Invitation.objects.create(room=room(alice), created_by=alice)
    assert invitation in Invitation.objects.valid()
    assert invitation.expires_at - timezone.now() <= timedelta(days=7)


def test_an_expired_invitation_is_not_valid() -> None:
    alice = person("alice")
    a_moment_ago = timezone.now() - timedelta(microseconds=1)
    Invitation.objects.create(room=room(alice), created_by=alice, expires_at=a_moment_ago)
    assert not Invitation.objects.valid().exists()


def test_no_two_invitations_have_the_same_link() -> None:
    links = {Invitation().get_absolute_url() for _ in range(200)}
    assert len(links) == 200


# --- what the database holds ---------------------------------------------------------------------


def test_a_site_has_one_owner() -> None:
    person("alice", is_owner=True)
    with broken("one_owner", r"chat_user\.is_owner"):
        person("bob", is_owner=True)


def test_a_colour_is_one_of_the_palette() -> None:
    with broken("color_in_palette"):
        person("alice", color=COLORS)


def test_a_username_is_taken_once() -> None:
    person("alice")
    with broken("chat_user_username", r"chat_user\.username"):
        person("alice")


def test_a_room_is_open_closed_or_direct() -> None:
    with broken("room_kind_is_known"):
        Room.objects.create(name="Secret", kind="hidden")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "open", "name": ""},
        {"kind": "closed", "name": "Secret", "direct_key": "1-2"},
        {"kind": "direct", "name": "Pair", "direct_key": "1-2"},
        {"kind": "direct", "direct_key": None},
    ],
)
def test_a_room_has_either_a_name_or_people_for_a_name(fields: dict[str, str]) -> None:
    with broken("direct_rooms_have_people_for_a_name"):
        Room.objects.create(**fields)


def test_the_same_people_have_one_direct_room() -> None:
    Room.objects.create(kind="direct", direct_key="1-2")
    with broken("chat_room_direct_key", r"chat_room\.direct_key"):
        Room.objects.create(kind="direct", direct_key="1-2")


def test_a_room_does_not_count_below_zero() -> None:
    with broken("chat_room_head_check", "head"):
        Room.objects.create(name="Garden", head=-1)


def test_one_is_a_member_of_a_room_once() -> None:
    alice = person("alice")
    garden = room(alice)
    with broken("member_once", r"chat_membership\.user_id, chat_membership\.room_id"):
        Membership.objects.create(room=garden, user=alice)


def test_a_room_has_one_owner() -> None:
    alice, bob = person("alice"), person("bob")
    garden = room(alice, bob)
    with broken("one_owner_a_room", r"chat_membership\.room_id"):
        garden.memberships.filter(user=bob).update(role="owner")


def test_a_role_is_owner_moderator_or_member() -> None:
    alice = person("alice")
    with broken("role_is_known"):
        room(alice).memberships.update(role="king")


def test_a_read_position_is_not_below_zero() -> None:
    alice = person("alice")
    with broken("chat_membership_read_check", "read"):
        room(alice).memberships.update(read=-1)


def test_one_message_has_a_position() -> None:
    alice = person("alice")
    garden = room(alice)
    past_message(garden, alice, 1).save()
    with broken("one_message_a_position", r"chat_message\.room_id, chat_message\.position"):
        past_message(garden, alice, 1, version=2).save()


def test_one_change_has_a_number() -> None:
    alice = person("alice")
    garden = room(alice)
    past_message(garden, alice, 1, version=3).save()
    with broken("one_change_a_number", r"chat_message\.room_id, chat_message\.version"):
        past_message(garden, alice, 2, version=3).save()


def test_a_message_is_sent_once() -> None:
    alice, client_id = person("alice"), uuid4()
    past_message(room(alice), alice, 1, client_id=client_id).save()
    with broken("sent_once", r"chat_message\.author_id, chat_message\.client_id"):
        past_message(room(alice), alice, 1, client_id=client_id).save()


@pytest.mark.parametrize(("position", "version"), [(0, 1), (2, 1)])
def test_changes_come_after_creation(position: int, version: int) -> None:
    alice = person("alice")
    with broken("changes_come_after_creation"):
        past_message(room(alice), alice, position, version=version).save()


@pytest.mark.parametrize("content", [{"body": "Hello"}, {"html": "<p>Hello</p>"}, {"parts": [1]}])
def test_a_tombstone_is_empty(content: dict[str, Any]) -> None:
    alice = person("alice")
    buried: dict[str, Any] = {"body": "", "deleted_at": timezone.now()}
    past_message(room(alice), alice, 1, **buried).save()
    with broken("tombstones_are_empty"):
        past_message(room(alice), alice, 1, **buried | content).save()


def test_a_message_says_something() -> None:
    alice = person("alice")
    with broken("messages_say_something"):
        past_message(room(alice), alice, 1, body="").save()


def test_what_an_app_added_says_something() -> None:
    alice = person("alice")
    past_message(room(alice), alice, 1, body="", parts={"files": [7]}).save()


def test_one_reacts_once_with_an_emoji() -> None:
    alice = person("alice")
    message = say(alice, room(alice))
    Reaction.objects.create(message=message, user=alice, emoji="🎉")
    with broken("react_once", r"chat_reaction\.message_id, .*\.user_id, .*\.emoji"):
        Reaction.objects.create(message=message, user=alice, emoji="🎉")


def test_an_invitation_has_a_link_of_its_own() -> None:
    alice = person("alice")
    garden = room(alice)
    Invitation.objects.create(room=garden, created_by=alice, token="abc")
    with broken("chat_invitation_token", r"chat_invitation\.token"):
        Invitation.objects.create(room=garden, created_by=alice, token="abc")


def test_what_was_answered_may_be_gone_without_its_answers() -> None:
    alice = person("alice")
    garden = room(alice)
    first = say(alice, garden)
    answer = say(alice, garden, reply_to=first.pk)
    first.delete()
    answer.refresh_from_db()
    assert answer.reply_to is None


@pytest.mark.parametrize(
    ("rows", "bound"),
    [
        (Message.objects.filter(room=1).since(3), "version>"),
        (Message.objects.filter(room=1).before(9).newest_first(), "position<"),
        (Message.objects.filter(room=1).after(9).oldest_first(), "position>"),
    ],
    ids=["missed", "older", "newer"],
)
def test_a_page_is_read_off_an_index(rows: QuerySet[Message], bound: str) -> None:
    plan = explain(rows[:50])
    assert "index" in plan and bound in plan
    assert "sort" not in plan and "b-tree" not in plan


def explain(rows: QuerySet[Message]) -> str:
    if connection.vendor == "postgresql":  # which uses no index on a table this small
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    return rows.explain().lower().translate({ord(" "): None, ord('"'): None})
