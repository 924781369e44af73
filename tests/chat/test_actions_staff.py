"""What staff may do in rooms they need not be in, and who hears of it."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction

from chat import actions
from chat.actions.rooms import hand_over
from chat.models import Membership, Message, Reaction, Room, User
from realtime.wire import Forbidden, Invalid, NotFound
from tests.factories import (
    Interrupted,
    at_once,
    direct,
    head,
    listening,
    person,
    roles,
    room,
    say,
    staff,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sue() -> User:
    """She is staff, and in no room."""
    return staff("sue")


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    return room(alice, bob, kind="closed")


@pytest.fixture
def message(bob: User, garden: Room) -> Message:
    message = say(bob, garden)
    actions.react(user=bob, message_id=message.pk, emoji="🎉", on=True)
    return message


def place(user: User, room: Room) -> Membership:
    return room.memberships.get(user=user)


# --- messages ------------------------------------------------------------------------------------


def test_staff_edit_what_anybody_said(sue: User, garden: Room, message: Message) -> None:
    with listening() as heard:
        actions.staff_edit_message(user=sue, message_id=message.pk, body="Better")
    [(room_id, number, event)] = heard.published
    assert (room_id, number, event.body) == (garden.pk, 3, "Better")


def test_staff_edit_no_tombstone(sue: User, message: Message) -> None:
    actions.staff_delete_message(user=sue, message_id=message.pk)
    with pytest.raises(Invalid):
        actions.staff_edit_message(user=sue, message_id=message.pk, body="Better")


def test_staff_delete_what_anybody_said(sue: User, message: Message) -> None:
    with listening() as heard:
        actions.staff_delete_message(user=sue, message_id=message.pk)
    [(_, number, event)] = heard.published
    assert (number, event.deleted, event.body, event.reactions) == (3, True, "", [])


def test_what_is_not_there_staff_do_not_find(sue: User) -> None:
    with pytest.raises(NotFound):
        actions.staff_delete_message(user=sue, message_id=1)


def test_staff_take_a_reaction_away(sue: User, message: Message) -> None:
    with listening() as heard:
        actions.staff_remove_reaction(user=sue, reaction=Reaction.objects.get())
    [(_, number, event)] = heard.published
    assert (number, event.reactions) == (3, [])
    assert not message.reactions.exists()


# --- rooms ---------------------------------------------------------------------------------------


def test_staff_rename_a_room_and_everybody_in_it_hears(
    sue: User, alice: User, bob: User, garden: Room
) -> None:
    with listening() as heard:
        actions.staff_update_room(user=sue, room_id=garden.pk, name="Orchard", topic="")
    garden.refresh_from_db()
    assert garden.name == "Orchard"
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


def test_staff_delete_a_room_with_all_that_was_said_in_it(
    sue: User, alice: User, bob: User, garden: Room, message: Message
) -> None:
    say(alice, garden, reply_to=message.pk)
    with listening() as heard:
        actions.staff_delete_room(user=sue, room=garden)
    assert not Room.objects.exists() and not Message.objects.exists()
    assert sorted(user_id for _, _, user_id in heard.revoked) == [alice.pk, bob.pk]
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


def test_staff_delete_a_direct_room_too(sue: User, alice: User, bob: User) -> None:
    actions.staff_delete_room(user=sue, room=direct(alice, bob))
    assert not Room.objects.exists()


# --- members -------------------------------------------------------------------------------------


def test_staff_add_somebody_to_a_closed_room(sue: User, garden: Room) -> None:
    carol = person("carol")
    with listening() as heard:
        actions.staff_add_member(user=sue, room_id=garden.pk, member_id=carol.pk, role="moderator")
    assert roles(garden)["carol"] == "moderator"
    assert heard.woke(carol, "user.room")


def test_staff_who_add_an_owner_make_the_old_one_moderator(sue: User, garden: Room) -> None:
    carol = person("carol")
    actions.staff_add_member(user=sue, room_id=garden.pk, member_id=carol.pk, role="owner")
    assert roles(garden) == {"alice": "moderator", "bob": "member", "carol": "owner"}


def test_staff_change_nobody_in_a_direct_room(sue: User, alice: User, bob: User) -> None:
    talk = direct(alice, bob)
    with pytest.raises(Forbidden):
        actions.staff_add_member(user=sue, room_id=talk.pk, member_id=sue.pk, role="member")
    with pytest.raises(Forbidden):
        actions.staff_remove_member(user=sue, membership=place(bob, talk))
    with pytest.raises(Forbidden):
        actions.staff_set_role(user=sue, membership=place(bob, talk), role="owner")


@pytest.mark.parametrize("role", ["moderator", "member"])
def test_staff_give_roles(sue: User, bob: User, garden: Room, role: str) -> None:
    with listening() as heard:
        actions.staff_set_role(user=sue, membership=place(bob, garden), role=role)
    assert roles(garden)["bob"] == role
    assert heard.woke(bob, "user.room")


@pytest.mark.parametrize("role", ["owner", "moderator"])
def test_staff_give_no_role_to_who_has_left_meanwhile(
    sue: User, bob: User, garden: Room, role: str
) -> None:
    seen = place(bob, garden)
    actions.leave_room(user=bob, room_id=garden.pk)
    with pytest.raises(NotFound):
        actions.staff_set_role(user=sue, membership=seen, role=role)
    assert roles(garden) == {"alice": "owner"}


def test_staff_who_make_another_owner_make_the_old_one_moderator(
    sue: User, bob: User, garden: Room
) -> None:
    actions.staff_set_role(user=sue, membership=place(bob, garden), role="owner")
    assert roles(garden) == {"alice": "moderator", "bob": "owner"}


def test_an_owner_to_whom_staff_give_the_room_again_keeps_it(
    sue: User, alice: User, garden: Room
) -> None:
    actions.staff_set_role(user=sue, membership=place(alice, garden), role="owner")
    assert roles(garden)["alice"] == "owner"


def test_staff_remove_a_member(sue: User, bob: User, garden: Room) -> None:
    with listening() as heard:
        actions.staff_remove_member(user=sue, membership=place(bob, garden))
    assert roles(garden) == {"alice": "owner"}
    assert heard.revoked == [(garden.pk, 1, bob.pk)]
    assert heard.woke(bob, "user.room")


def test_staff_who_remove_the_owner_leave_the_room_to_an_heir(
    sue: User, alice: User, garden: Room
) -> None:
    actions.staff_remove_member(user=sue, membership=place(alice, garden))
    assert roles(garden) == {"bob": "owner"}


def test_staff_who_remove_whom_they_saw_as_a_member_leave_an_heir_all_the_same(
    sue: User, alice: User, bob: User, garden: Room
) -> None:
    seen = place(bob, garden)
    actions.set_role(user=alice, room_id=garden.pk, member_id=bob.pk, role="owner")
    actions.staff_remove_member(user=sue, membership=seen)
    assert roles(garden) == {"alice": "owner"}


def test_who_is_not_there_any_more_is_not_removed_again(sue: User, bob: User, garden: Room) -> None:
    seen = place(bob, garden)
    actions.leave_room(user=bob, room_id=garden.pk)
    with listening() as heard:
        actions.staff_remove_member(user=sue, membership=seen)
    assert heard.nothing


# --- people --------------------------------------------------------------------------------------


@pytest.mark.parametrize("active", [True, False])
def test_staff_let_people_in_and_keep_them_out(sue: User, bob: User, active: bool) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=not active)
    with listening() as heard:
        actions.staff_set_active(user=sue, person=bob, active=active)
    bob.refresh_from_db()
    assert bob.is_active is active
    assert heard.woken == [(bob.pk, {"type": "user.session"})]


# --- who is not staff ----------------------------------------------------------------------------

Attempt = Callable[[User, Room, Message], object]
ATTEMPTS: dict[str, Attempt] = {
    "edit": lambda eve, room, message: actions.staff_edit_message(
        user=eve, message_id=message.pk, body="Ha"
    ),
    "delete": lambda eve, room, message: actions.staff_delete_message(
        user=eve, message_id=message.pk
    ),
    "take a reaction": lambda eve, room, message: actions.staff_remove_reaction(
        user=eve, reaction=message.reactions.get()
    ),
    "rename": lambda eve, room, message: actions.staff_update_room(
        user=eve, room_id=room.pk, name="Ha", topic=""
    ),
    "delete a room": lambda eve, room, message: actions.staff_delete_room(user=eve, room=room),
    "come in": lambda eve, room, message: actions.staff_add_member(
        user=eve, room_id=room.pk, member_id=eve.pk, role="member"
    ),
    "promote": lambda eve, room, message: actions.staff_set_role(
        user=eve, membership=room.memberships.get(user=message.author), role="owner"
    ),
    "remove": lambda eve, room, message: actions.staff_remove_member(
        user=eve, membership=room.memberships.get(user=message.author)
    ),
    "rename a person": lambda eve, room, message: actions.staff_save_user(
        user=eve, person=message.author
    ),
    "shut out": lambda eve, room, message: actions.staff_set_active(
        user=eve, person=message.author, active=False
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_who_is_not_staff_does_nothing_of_this(
    attempt: Attempt, garden: Room, message: Message
) -> None:
    eve = person("eve")
    with listening() as heard, pytest.raises(Forbidden):
        attempt(eve, garden, message)
    assert heard.nothing
    assert roles(garden) == {"alice": "owner", "bob": "member"}
    assert garden.messages.get().body == "Hello"
    assert not User.objects.filter(is_active=False).exists()


def test_every_action_of_staff_is_among_those() -> None:
    assert len(ATTEMPTS) == sum(name.startswith("staff_") for name in actions.__all__)


@pytest.mark.django_db(transaction=True)
def test_what_staff_roll_back_is_told_to_nobody(
    sue: User, bob: User, garden: Room, message: Message
) -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        actions.staff_delete_message(user=sue, message_id=message.pk)
        actions.staff_remove_member(user=sue, membership=place(bob, garden))
        actions.staff_set_active(user=sue, person=bob, active=False)
        raise Interrupted
    assert heard.nothing
    assert head(garden) == 2


def test_an_owner_who_is_shut_out_leaves_the_room_to_an_heir(
    sue: User, alice: User, garden: Room
) -> None:
    actions.staff_set_active(user=sue, person=alice, active=False)
    assert roles(garden) == {"alice": "member", "bob": "owner"}


@pytest.mark.django_db(transaction=True)
def test_a_room_is_deleted_while_people_talk_in_it(sue: User, alice: User) -> None:
    """Everybody locks the room first, so nobody waits for a lock in a circle."""

    def talk(place: Room) -> None:
        with pytest.raises(NotFound):
            while True:
                say(alice, place)

    for _ in range(3):
        place = room(alice)
        deletion = partial(actions.staff_delete_room, user=sue, room=place)
        results = at_once(partial(talk, place), partial(talk, place), deletion)
        assert results == [None, None, None]
        assert not Room.objects.filter(pk=place.pk).exists()


def test_who_has_given_the_room_away_meanwhile_leaves_it_to_nobody_else(
    alice: User, bob: User, garden: Room
) -> None:
    seen = place(alice, garden)
    actions.set_role(user=alice, room_id=garden.pk, member_id=bob.pk, role="owner")
    with transaction.atomic():
        hand_over(seen)
    assert roles(garden) == {"alice": "moderator", "bob": "owner"}
