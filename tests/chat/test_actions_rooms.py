"""Who comes into a room, who goes, and who may do what there."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest
from django.db import transaction

from chat import actions
from chat.actions.rooms import MAX_DIRECT
from chat.models import Membership, Room, User
from realtime.wire import Forbidden, Invalid, NotFound
from tests.factories import (
    Interrupted,
    at_once,
    direct,
    listening,
    moderator,
    person,
    roles,
    room,
    say,
)

pytestmark = pytest.mark.django_db

NOWHERE = 2**63 - 1
UNREADABLE = ["", " ", "\n", "x" * 81, "a\x00b", "a\x1bb", "a\u202eb", "a\u200bb", "a\ue000b"]


@pytest.fixture
def secret(alice: User, bob: User) -> Room:
    """Alice's closed room, with Bob in it."""
    return room(alice, bob, kind="closed")


def join(user: User, room: Room) -> Room:
    return actions.join_room(user=user, room_id=room.pk)


def leave(user: User, room: Room) -> None:
    actions.leave_room(user=user, room_id=room.pk)


def add(user: User, room: Room, member: User) -> None:
    actions.add_member(user=user, room_id=room.pk, member_id=member.pk)


def remove(user: User, room: Room, member: User) -> None:
    actions.remove_member(user=user, room_id=room.pk, member_id=member.pk)


def appoint(user: User, room: Room, member: User, role: str) -> None:
    actions.set_role(user=user, room_id=room.pk, member_id=member.pk, role=role)


def rename(user: User, room: Room, name: str = "Orchard", topic: str = "Trees") -> Room:
    return actions.update_room(user=user, room_id=room.pk, name=name, topic=topic)


# --- create and change ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_who_creates_a_room_owns_it(alice: User, kind: str) -> None:
    created = actions.create_room(user=alice, name=" My  garden ", kind=kind, topic=" Plants ")
    assert roles(created) == {"alice": "owner"}
    assert (created.name, created.topic, created.kind) == ("My garden", "Plants", kind)


@pytest.mark.parametrize("kind", ["direct", "", "hidden"])
def test_a_new_room_is_open_or_closed(alice: User, kind: str) -> None:
    with pytest.raises(Invalid):
        actions.create_room(user=alice, name="Garden", kind=kind)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_room_has_a_name_one_can_read(alice: User, name: str) -> None:
    with pytest.raises(Invalid):
        room(alice, name=name)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_room_keeps_a_name_one_can_read(alice: User, garden: Room, name: str) -> None:
    with pytest.raises(Invalid):
        rename(alice, garden, name=name)


@pytest.mark.parametrize("topic", ["x" * 201, "a\x00b"])
def test_a_topic_that_does_not_fit_is_invalid(alice: User, garden: Room, topic: str) -> None:
    with pytest.raises(Invalid):
        rename(alice, garden, topic=topic)
    with pytest.raises(Invalid):
        actions.create_room(user=alice, name="Garden", kind="open", topic=topic)


def test_the_owner_and_moderators_change_a_room(alice: User, bob: User, garden: Room) -> None:
    assert rename(alice, garden, name="Orchard").name == "Orchard"
    assert rename(moderator(garden, bob), garden, topic="Apples").topic == "Apples"


def test_a_member_may_not_change_a_room(bob: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        rename(bob, garden)


def test_who_is_not_in_a_room_may_not_change_it(carol: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        rename(carol, garden)


def test_a_new_name_is_told_to_every_member(alice: User, bob: User, garden: Room) -> None:
    with listening() as heard:
        rename(alice, garden)
    assert sorted(who for who, _ in heard.woken) == [alice.pk, bob.pk]
    assert heard.woke(bob, "user.room")


def test_a_direct_room_keeps_having_no_name(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        rename(alice, direct(alice, bob))


# --- join ----------------------------------------------------------------------------------------


def test_anyone_may_join_an_open_room(carol: User, garden: Room) -> None:
    with listening() as heard:
        assert join(carol, garden) == garden
    assert roles(garden)["carol"] == "member"
    assert heard.woken == [(carol.pk, {"type": "user.room", "room": garden.pk})]


def test_what_was_said_before_one_joined_counts_as_read(
    alice: User, carol: User, garden: Room
) -> None:
    say(alice, garden)
    join(carol, garden)
    assert garden.memberships.get(user=carol).read == 1


def test_joining_again_changes_nothing(alice: User, garden: Room) -> None:
    with listening() as heard:
        join(alice, garden)
    assert roles(garden)["alice"] == "owner"
    assert heard.nothing


def test_nobody_joins_a_closed_room(carol: User, secret: Room) -> None:
    with pytest.raises(Forbidden):
        join(carol, secret)
    assert "carol" not in roles(secret)


def test_nobody_joins_a_direct_room(alice: User, bob: User, carol: User) -> None:
    with pytest.raises(Forbidden):
        join(carol, direct(alice, bob))


def test_nobody_joins_a_room_that_does_not_exist(alice: User) -> None:
    with pytest.raises(NotFound):
        join(alice, Room(pk=NOWHERE))


@pytest.mark.django_db(transaction=True)
def test_joining_in_many_pages_at_once_makes_one_member(carol: User, garden: Room) -> None:
    with listening() as heard:
        assert at_once(*[partial(join, carol, garden)] * 16) == [garden] * 16
    assert garden.memberships.filter(user=carol).count() == 1
    assert len(heard.woken) == 1


# --- leave ---------------------------------------------------------------------------------------


def test_who_leaves_is_a_member_no_more(bob: User, garden: Room) -> None:
    leave(bob, garden)
    assert "bob" not in roles(garden)


def test_who_leaves_hears_nothing_more_of_the_room(bob: User, garden: Room) -> None:
    with listening() as heard:
        leave(bob, garden)
    assert heard.revoked == [(garden.pk, 1, bob.pk)]
    assert heard.woken == [(bob.pk, {"type": "user.room", "room": garden.pk})]


def test_what_one_said_stays_when_one_leaves(bob: User, garden: Room) -> None:
    say(bob, garden)
    leave(bob, garden)
    assert garden.messages.get().author == bob


def test_nobody_leaves_a_room_of_others(carol: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        leave(carol, garden)


def test_nobody_leaves_a_direct_room(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        leave(bob, direct(alice, bob))


def test_an_owner_leaves_the_room_to_a_moderator(alice: User, carol: User, garden: Room) -> None:
    add(alice, garden, carol)
    moderator(garden, carol)
    with listening() as heard:
        leave(alice, garden)
    assert roles(garden) == {"bob": "member", "carol": "owner"}
    assert heard.woke(carol, "user.room")


def test_without_a_moderator_the_room_goes_to_who_was_there_longest(
    alice: User, carol: User, garden: Room
) -> None:
    add(alice, garden, carol)
    leave(alice, garden)
    assert roles(garden) == {"bob": "owner", "carol": "member"}


def test_a_room_does_not_go_to_who_was_shut_out(
    alice: User, bob: User, carol: User, garden: Room
) -> None:
    add(alice, garden, carol)
    User.objects.filter(pk=moderator(garden, bob).pk).update(is_active=False)
    leave(alice, garden)
    assert roles(garden) == {"bob": "moderator", "carol": "owner"}


def test_the_last_one_to_leave_leaves_a_room_of_nobody(
    alice: User, bob: User, garden: Room
) -> None:
    leave(alice, garden)
    leave(bob, garden)
    assert roles(garden) == {}


def test_a_moderator_leaves_without_an_heir(alice: User, bob: User, garden: Room) -> None:
    leave(moderator(garden, bob), garden)
    assert roles(garden) == {"alice": "owner"}


# --- add -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_every_member_may_add_somebody(alice: User, bob: User, carol: User, kind: str) -> None:
    here = room(alice, bob, kind=kind)
    with listening() as heard:
        add(bob, here, carol)
    assert roles(here)["carol"] == "member"
    assert heard.woke(carol, "user.room")


def test_who_was_added_has_read_what_was_said_before(
    alice: User, carol: User, secret: Room
) -> None:
    say(alice, secret)
    add(alice, secret, carol)
    assert secret.memberships.get(user=carol).read == 1


def test_adding_somebody_who_is_there_changes_nothing(alice: User, bob: User, garden: Room) -> None:
    with listening() as heard:
        add(bob, garden, alice)
    assert roles(garden)["alice"] == "owner"
    assert heard.nothing


def test_who_is_not_in_a_room_adds_nobody(carol: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        add(carol, garden, carol)


def test_nobody_is_added_to_a_direct_room(alice: User, bob: User, carol: User) -> None:
    with pytest.raises(Forbidden):
        add(alice, direct(alice, bob), carol)


def test_nobody_adds_a_person_who_does_not_exist(alice: User, garden: Room) -> None:
    with pytest.raises(NotFound):
        add(alice, garden, User(pk=NOWHERE))


def test_nobody_adds_a_person_who_was_shut_out(alice: User, garden: Room) -> None:
    with pytest.raises(NotFound):
        add(alice, garden, person("eve", is_active=False))


# --- remove --------------------------------------------------------------------------------------


def test_the_owner_removes_members_and_moderators(
    alice: User, bob: User, carol: User, garden: Room
) -> None:
    add(alice, garden, carol)
    remove(alice, garden, moderator(garden, bob))
    remove(alice, garden, carol)
    assert roles(garden) == {"alice": "owner"}


def test_a_moderator_removes_members(alice: User, bob: User, carol: User, garden: Room) -> None:
    add(alice, garden, carol)
    remove(moderator(garden, bob), garden, carol)
    assert "carol" not in roles(garden)


def test_who_was_removed_hears_nothing_more_of_the_room(
    alice: User, bob: User, garden: Room
) -> None:
    with listening() as heard:
        remove(alice, garden, bob)
    assert heard.revoked == [(garden.pk, 1, bob.pk)]
    assert heard.woken == [(bob.pk, {"type": "user.room", "room": garden.pk})]


def test_a_moderator_does_not_remove_a_moderator(
    alice: User, bob: User, carol: User, garden: Room
) -> None:
    add(alice, garden, carol)
    with pytest.raises(Forbidden):
        remove(moderator(garden, bob), garden, moderator(garden, carol))


def test_nobody_removes_the_owner(alice: User, bob: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        remove(moderator(garden, bob), garden, alice)
    with pytest.raises(Forbidden):
        remove(alice, garden, alice)


def test_a_member_removes_nobody(alice: User, bob: User, carol: User, garden: Room) -> None:
    add(alice, garden, carol)
    with pytest.raises(Forbidden):
        remove(bob, garden, carol)


def test_the_owner_of_another_room_removes_nobody(bob: User, carol: User, garden: Room) -> None:
    room(carol)
    with pytest.raises(Forbidden):
        remove(carol, garden, bob)


def test_who_is_not_there_cannot_be_removed(alice: User, carol: User, garden: Room) -> None:
    with pytest.raises(NotFound):
        remove(alice, garden, carol)


def test_nobody_is_removed_from_a_direct_room(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        remove(alice, direct(alice, bob), bob)


# --- roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["moderator", "member"])
def test_the_owner_gives_roles(alice: User, bob: User, garden: Room, role: str) -> None:
    with listening() as heard:
        appoint(alice, garden, bob, role)
    assert roles(garden) == {"alice": "owner", "bob": role}
    assert heard.woken == [(bob.pk, {"type": "user.room", "room": garden.pk})]


def test_an_owner_who_makes_another_owner_becomes_moderator(
    alice: User, bob: User, garden: Room
) -> None:
    with listening() as heard:
        appoint(alice, garden, bob, "owner")
    assert roles(garden) == {"alice": "moderator", "bob": "owner"}
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


def test_a_moderator_gives_no_roles(alice: User, bob: User, carol: User, garden: Room) -> None:
    add(alice, garden, carol)
    with pytest.raises(Forbidden):
        appoint(moderator(garden, bob), garden, carol, "moderator")


def test_a_member_does_not_make_themselves_owner(bob: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        appoint(bob, garden, bob, "owner")


def test_an_owner_does_not_step_down_without_an_heir(alice: User, garden: Room) -> None:
    with pytest.raises(Invalid):
        appoint(alice, garden, alice, "member")


@pytest.mark.parametrize("role", ["", "king", "Owner"])
def test_a_role_that_is_none_is_invalid(alice: User, bob: User, garden: Room, role: str) -> None:
    with pytest.raises(Invalid):
        appoint(alice, garden, bob, role)


def test_who_is_not_there_gets_no_role(alice: User, carol: User, garden: Room) -> None:
    with pytest.raises(NotFound):
        appoint(alice, garden, carol, "moderator")


def test_in_a_direct_room_there_are_no_roles(alice: User, bob: User) -> None:
    here = direct(alice, bob)
    assert set(roles(here).values()) == {"member"}
    with pytest.raises(Forbidden):
        appoint(alice, here, bob, "moderator")


@pytest.mark.django_db(transaction=True)
def test_an_owner_who_gives_the_room_to_several_at_once_gives_it_to_one(alice: User) -> None:
    heirs = [person(f"heir-{number}") for number in range(6)]
    here = room(alice, *heirs)
    with listening():
        outcomes = at_once(*[partial(appoint, alice, here, heir, "owner") for heir in heirs])
    assert sorted(roles(here).values()) == ["member"] * 5 + ["moderator", "owner"]
    assert [type(outcome) for outcome in outcomes if outcome] == [Forbidden] * 5


# --- direct rooms --------------------------------------------------------------------------------


def test_the_same_people_get_the_same_room_whoever_asks(
    alice: User, bob: User, carol: User
) -> None:
    rooms = {direct(*people) for people in permutations([alice, bob, carol])}
    assert len(rooms) == 1
    assert roles(rooms.pop()).keys() == {"alice", "bob", "carol"}


def test_one_may_name_oneself_or_another_twice(alice: User, bob: User) -> None:
    assert direct(alice, alice, bob, bob) == direct(bob, alice)


def test_more_people_get_another_room(alice: User, bob: User, carol: User) -> None:
    assert direct(alice, bob) != direct(alice, bob, carol)


def test_people_whose_numbers_look_alike_get_rooms_of_their_own() -> None:
    one, eleven, hundred = (person(f"p{pk}", pk=pk) for pk in (1, 11, 111))
    assert len({direct(one, eleven), direct(one, hundred), direct(eleven, hundred)}) == 3


def test_a_new_direct_room_is_told_to_everybody_in_it(alice: User, bob: User) -> None:
    with listening() as heard:
        direct(alice, bob)
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


def test_asking_again_is_told_to_nobody(alice: User, bob: User) -> None:
    direct(alice, bob)
    with listening() as heard:
        direct(bob, alice)
    assert heard.nothing


def test_nobody_talks_to_themselves_alone(alice: User) -> None:
    with pytest.raises(Invalid):
        direct(alice)
    with pytest.raises(Invalid):
        direct(alice, alice)


def test_a_direct_room_has_so_many_people_and_no_more(alice: User) -> None:
    *others, one_more = [person(f"guest-{number}") for number in range(MAX_DIRECT)]
    assert len(roles(direct(alice, *others))) == MAX_DIRECT
    with pytest.raises(Invalid):
        direct(alice, *others, one_more)


def test_nobody_talks_to_a_person_who_does_not_exist(alice: User, bob: User) -> None:
    with pytest.raises(NotFound):
        direct(alice, bob, User(pk=NOWHERE))


def test_nobody_starts_to_talk_to_a_person_who_was_shut_out(alice: User) -> None:
    with pytest.raises(NotFound):
        direct(alice, person("eve", is_active=False))


@pytest.mark.django_db(transaction=True)
def test_asked_for_by_everybody_at_once_it_is_one_room(alice: User, bob: User, carol: User) -> None:
    orders = list(permutations([alice, bob, carol]))
    with listening() as heard:
        rooms = at_once(*[partial(direct, *people) for people in orders])
    assert rooms == [Room.objects.get()] * len(orders)
    assert Membership.objects.count() == 3
    assert len(heard.woken) == 3


# --- all or nothing ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_told_to_nobody(
    alice: User, bob: User, carol: User, garden: Room
) -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        add(alice, garden, carol)
        appoint(alice, garden, carol, "moderator")
        rename(alice, garden)
        remove(alice, garden, bob)
        leave(alice, garden)
        direct(alice, carol)
        raise Interrupted
    assert heard.nothing
    assert roles(garden) == {"alice": "owner", "bob": "member"}


REFUSED: dict[str, Callable[[User, Room, User], object]] = {
    "rename": lambda bob, garden, carol: rename(bob, garden),
    "remove": lambda bob, garden, carol: remove(bob, garden, bob),
    "promote": lambda bob, garden, carol: appoint(bob, garden, bob, "owner"),
    "add": lambda bob, garden, carol: add(carol, garden, carol),
    "leave": lambda bob, garden, carol: leave(carol, garden),
    "talk": lambda bob, garden, carol: direct(bob, person("eve", is_active=False)),
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_told_to_nobody(
    attempt: Callable[[User, Room, User], object], bob: User, garden: Room, carol: User
) -> None:
    with listening() as heard, pytest.raises((Forbidden, NotFound)):
        attempt(bob, garden, carol)
    assert heard.nothing


def test_who_comes_into_a_room_that_everybody_left_owns_it(
    alice: User, bob: User, garden: Room
) -> None:
    for user in (alice, bob):
        actions.leave_room(user=user, room_id=garden.pk)
    join(bob, garden)
    join(alice, garden)
    assert roles(garden) == {"alice": "member", "bob": "owner"}
