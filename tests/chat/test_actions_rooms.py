"""Who comes into a room, who goes, and who may do what there."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest
from django.db import transaction

from chat import actions
from chat.actions.rooms import MAX_DIRECT
from chat.models import Membership, Room, User
from realtime.wire import Forbidden, Invalid, NotFound, Refusal
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


def test_a_new_name_is_told_to_every_member(alice: User, bob: User, garden: Room) -> None:
    with listening() as heard:
        rename(alice, garden)
    assert sorted(who for who, _ in heard.woken) == [alice.pk, bob.pk]
    assert heard.woke(bob, "user.room")


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
    alice: User, carol: User, garden: Room
) -> None:
    say(alice, garden)
    add(alice, garden, carol)
    assert garden.memberships.get(user=carol).read == 1


def test_adding_somebody_who_is_there_changes_nothing(alice: User, bob: User, garden: Room) -> None:
    with listening() as heard:
        add(bob, garden, alice)
    assert roles(garden)["alice"] == "owner"
    assert heard.nothing


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


def test_a_direct_room_has_so_many_people_and_no_more(alice: User) -> None:
    *others, one_more = [person(f"guest-{number}") for number in range(MAX_DIRECT)]
    assert len(roles(direct(alice, *others))) == MAX_DIRECT
    with pytest.raises(Invalid):
        direct(alice, *others, one_more)


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


# --- what is refused -----------------------------------------------------------------------------


class Here:
    """Alice owns a garden, with Bob and Dora in it, and talks to Bob. Carol is a stranger."""

    def __init__(self) -> None:
        self.alice, self.bob, self.carol, self.dora = map(person, ("alice", "bob", "carol", "dora"))
        self.garden = room(self.alice, self.bob, self.dora)
        self.secret = room(self.alice, kind="closed", name="Secret")
        self.talk = direct(self.alice, self.bob)
        self.outside = room(self.carol, name="Outside")
        self.shut_out = person("eve", is_active=False)
        self.nobody = User(pk=NOWHERE)

    def roles(self) -> list[dict[str, str]]:
        return [roles(each) for each in (self.garden, self.secret, self.talk)]


Attempt = Callable[[Here], object]
FORBIDDEN: dict[str, Attempt] = {
    "a member renames a room": lambda here: rename(here.bob, here.garden),
    "a stranger renames a room": lambda here: rename(here.carol, here.garden),
    "a direct room gets a name": lambda here: rename(here.alice, here.talk),
    "a stranger joins a closed room": lambda here: join(here.carol, here.secret),
    "a stranger joins a direct room": lambda here: join(here.carol, here.talk),
    "a stranger leaves": lambda here: leave(here.carol, here.garden),
    "somebody leaves a direct room": lambda here: leave(here.bob, here.talk),
    "a stranger adds": lambda here: add(here.carol, here.garden, here.carol),
    "somebody adds to a direct room": lambda here: add(here.alice, here.talk, here.carol),
    "a member removes another": lambda here: remove(here.bob, here.garden, here.dora),
    "a member removes themselves": lambda here: remove(here.bob, here.garden, here.bob),
    "the owner of another room removes": lambda here: remove(here.carol, here.garden, here.bob),
    "somebody removes from a direct room": lambda here: remove(here.alice, here.talk, here.bob),
    "a member becomes owner": lambda here: appoint(here.bob, here.garden, here.bob, "owner"),
    "a direct room gets a moderator": lambda here: appoint(
        here.alice, here.talk, here.bob, "moderator"
    ),
}
NOT_FOUND: dict[str, Attempt] = {
    "a room that does not exist": lambda here: join(here.alice, Room(pk=NOWHERE)),
    "nobody is added": lambda here: add(here.alice, here.garden, here.nobody),
    "who was shut out is added": lambda here: add(here.alice, here.garden, here.shut_out),
    "a stranger is removed": lambda here: remove(here.alice, here.garden, here.carol),
    "a stranger gets a role": lambda here: appoint(
        here.alice, here.garden, here.carol, "moderator"
    ),
    "nobody is talked to": lambda here: direct(here.alice, here.bob, here.nobody),
    "who was shut out is talked to": lambda here: direct(here.alice, here.shut_out),
}
INVALID: dict[str, Attempt] = {
    "an owner steps down": lambda here: appoint(here.alice, here.garden, here.alice, "member"),
    "no role": lambda here: appoint(here.alice, here.garden, here.bob, ""),
    "an unknown role": lambda here: appoint(here.alice, here.garden, here.bob, "king"),
    "a role in capitals": lambda here: appoint(here.alice, here.garden, here.bob, "Owner"),
    "somebody talks to nobody": lambda here: direct(here.alice),
    "somebody talks to themselves": lambda here: direct(here.alice, here.alice),
}
REFUSED = [
    pytest.param(attempt, refusal, id=name)
    for refusal, attempts in ((Forbidden, FORBIDDEN), (NotFound, NOT_FOUND), (Invalid, INVALID))
    for name, attempt in attempts.items()
]


@pytest.mark.parametrize(("attempt", "refusal"), REFUSED)
def test_what_is_refused_changes_nothing_and_is_told_to_nobody(
    attempt: Attempt, refusal: type[Refusal]
) -> None:
    here = Here()
    before = here.roles()
    with listening() as heard, pytest.raises(refusal):
        attempt(here)
    assert heard.nothing
    assert here.roles() == before


def test_nobody_has_a_role_in_a_direct_room(alice: User, bob: User) -> None:
    assert set(roles(direct(alice, bob)).values()) == {"member"}


def test_who_comes_into_a_room_that_everybody_left_owns_it(
    alice: User, bob: User, garden: Room
) -> None:
    for user in (alice, bob):
        actions.leave_room(user=user, room_id=garden.pk)
    join(bob, garden)
    join(alice, garden)
    assert roles(garden) == {"alice": "member", "bob": "owner"}
