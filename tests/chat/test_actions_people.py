"""How people come to the site, and how they are shown."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from pytest_django import Settings

from chat import actions
from chat.models import Invitation, Room, User
from realtime.wire import Forbidden, Invalid, NotFound, Refusal
from tests.factories import at_once, direct, listening, person, roles, room, say

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def set_up(username: str = "alice", **fields: str) -> User:
    fields = {"display_name": "Alice", "password": PASSWORD} | fields
    return actions.create_owner(username=username, **fields)


def sign_up(invitation: Invitation, username: str = "bob", **fields: str) -> User:
    fields = {"display_name": "Bob", "password": PASSWORD} | fields
    return actions.sign_up(token=invitation.token, username=username, **fields)


def accept(user: User, invitation: Invitation) -> Room:
    return actions.accept_invitation(user=user, token=invitation.token)


@pytest.fixture
def garden(alice: User) -> Room:
    return room(alice, kind="closed")


@pytest.fixture
def invitation(alice: User, garden: Room) -> Invitation:
    """Into Alice's closed room."""
    return actions.invite(user=alice, room_id=garden.pk)


# --- the owner -----------------------------------------------------------------------------------


def test_the_first_person_owns_the_site() -> None:
    owner = set_up()
    assert owner.is_owner and owner.is_staff and owner.is_superuser
    assert owner.check_password(PASSWORD)


def test_the_first_person_finds_an_open_room() -> None:
    set_up()
    assert Room.objects.get().kind == "open"
    assert roles(Room.objects.get()) == {"alice": "owner"}


def test_on_a_network_the_first_person_needs_a_token_that_holds_for_a_day(
    settings: Settings,
) -> None:
    settings.SETUP_BY_LINK = True
    with patch("django.core.signing.time.time", return_value=time.time() - 86_500):
        old = actions.setup_token()
    for token in ("", old):
        with pytest.raises(Forbidden):
            set_up(token=token)
    assert set_up(token=actions.setup_token()).is_owner


def test_there_is_no_second_first_person(alice: User) -> None:
    with pytest.raises(Forbidden):
        set_up("bob")
    assert User.objects.get() == alice


@pytest.mark.django_db(transaction=True)
def test_of_several_first_persons_at_once_one_owns_the_site() -> None:
    names = [f"owner-{number}" for number in range(6)]
    with listening():
        outcomes = at_once(*[partial(set_up, name) for name in names])
    assert [User.objects.get()] == [each for each in outcomes if isinstance(each, User)]
    assert sum(isinstance(each, Refusal) for each in outcomes) == 5
    assert Room.objects.count() == 1


# --- invitations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_every_member_may_invite(alice: User, kind: str) -> None:
    bob = person("bob")
    here = room(alice, bob, kind=kind)
    invitation = actions.invite(user=bob, room_id=here.pk)
    assert (invitation.room, invitation.created_by) == (here, bob)


def test_who_is_not_in_a_room_invites_nobody(garden: Room) -> None:
    with pytest.raises(Forbidden):
        actions.invite(user=person("eve"), room_id=garden.pk)


def test_nobody_is_invited_to_a_direct_room(alice: User) -> None:
    here = direct(alice, person("bob"))
    with pytest.raises(Forbidden):
        actions.invite(user=alice, room_id=here.pk)


def test_nobody_is_invited_to_a_room_that_does_not_exist(alice: User) -> None:
    with pytest.raises(NotFound):
        actions.invite(user=alice, room_id=1)


def test_a_new_person_comes_to_the_room_of_the_invitation(
    garden: Room, invitation: Invitation
) -> None:
    with listening() as heard:
        bob = sign_up(invitation)
    assert roles(garden) == {"alice": "owner", "bob": "member"}
    assert heard.woke(bob, "user.room")


def test_a_new_person_has_read_what_was_said_before(
    alice: User, garden: Room, invitation: Invitation
) -> None:
    say(alice, garden)
    bob = sign_up(invitation)
    assert garden.memberships.get(user=bob).read == 1


def test_a_new_person_is_nobody_in_particular(invitation: Invitation) -> None:
    bob = sign_up(invitation)
    assert bob.check_password(PASSWORD)
    assert not (bob.is_owner or bob.is_staff or bob.is_superuser)


def test_who_has_an_account_is_taken_into_the_room(garden: Room, invitation: Invitation) -> None:
    bob = person("bob")
    with listening() as heard:
        assert accept(bob, invitation) == garden
    assert roles(garden)["bob"] == "member"
    assert heard.woke(bob, "user.room")


def test_an_invitation_is_good_for_many(garden: Room, invitation: Invitation) -> None:
    sign_up(invitation, "bob")
    sign_up(invitation, "carol")
    accept(person("dave"), invitation)
    assert roles(garden).keys() == {"alice", "bob", "carol", "dave"}


def test_accepting_again_changes_nothing(alice: User, garden: Room, invitation: Invitation) -> None:
    with listening() as heard:
        assert accept(alice, invitation) == garden
    assert roles(garden) == {"alice": "owner"}
    assert heard.nothing


@pytest.mark.django_db(transaction=True)
def test_accepting_in_many_pages_at_once_makes_one_member(
    garden: Room, invitation: Invitation
) -> None:
    bob = person("bob")
    with listening():
        assert at_once(*[partial(accept, bob, invitation)] * 16) == [garden] * 16
    assert roles(garden) == {"alice": "owner", "bob": "member"}


def expire(invitation: Invitation) -> None:
    Invitation.objects.update(expires_at=timezone.now())


def mistype(invitation: Invitation) -> None:
    invitation.token = invitation.token.swapcase()


def take_back(invitation: Invitation) -> None:
    Invitation.objects.all().delete()


@pytest.mark.parametrize("spoil", [expire, mistype, take_back])
def test_an_invitation_that_is_not_valid_leads_nowhere(
    spoil: Callable[[Invitation], None], garden: Room, invitation: Invitation
) -> None:
    bob = person("bob")
    spoil(invitation)
    with pytest.raises(NotFound):
        accept(bob, invitation)
    with pytest.raises(NotFound):
        sign_up(invitation, "carol")
    assert roles(garden) == {"alice": "owner"}
    assert not User.objects.filter(username="carol").exists()


# --- accounts ------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_invalid(invitation: Invitation) -> None:
    with pytest.raises(Invalid):
        sign_up(invitation, "alice")
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_name_that_several_want_at_once_goes_to_one(invitation: Invitation) -> None:
    with listening():
        outcomes = at_once(*[partial(sign_up, invitation)] * 4)
    assert User.objects.get(username="bob") in outcomes
    assert sorted(type(each).__name__ for each in outcomes) == ["Invalid"] * 3 + ["User"]


@pytest.mark.parametrize("username", ["", "a b", "<b>", "a\x00b", "bob\n", "x" * 151])
def test_a_username_is_made_of_letters_and_digits(username: str, invitation: Invitation) -> None:
    with pytest.raises(Invalid):
        sign_up(invitation, username)


@pytest.mark.parametrize("name", ["a\x00b", "a\x07b", "a\u202eb", "x" * 61])
def test_a_display_name_can_be_read(name: str, invitation: Invitation) -> None:
    with pytest.raises(Invalid):
        sign_up(invitation, display_name=name)


def test_without_a_display_name_one_goes_by_the_username(invitation: Invitation) -> None:
    assert sign_up(invitation, display_name="").display_name == "bob"


def test_space_in_a_display_name_is_not_kept(invitation: Invitation) -> None:
    assert sign_up(invitation, display_name=" Bob\n  Brandt ").display_name == "Bob Brandt"


@pytest.mark.parametrize("password", ["", "short", "password", "12345678901", "bob-brandt"])
def test_a_password_is_not_an_easy_guess(password: str, invitation: Invitation) -> None:
    with pytest.raises(Invalid):
        sign_up(invitation, "bob-brandt", password=password)
    assert not User.objects.filter(username="bob-brandt").exists()


@pytest.mark.parametrize("fields", [{"username": "a b"}, {"password": "short"}])
def test_the_owner_keeps_the_rules_of_everybody(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        set_up(**fields)
    assert not User.objects.exists()


# --- how people are shown ------------------------------------------------------------------------


def test_a_profile_is_changed(alice: User) -> None:
    actions.update_profile(user=alice, display_name=" Alice  Ahmadi ", color=11)
    alice.refresh_from_db()
    assert (alice.display_name, alice.color) == ("Alice Ahmadi", 11)


@pytest.mark.parametrize("color", [-1, 12])
def test_a_colour_that_is_not_in_the_palette_is_invalid(color: int, alice: User) -> None:
    with pytest.raises(Invalid):
        actions.update_profile(user=alice, display_name="Alice", color=color)


@pytest.mark.parametrize("name", ["a\x00b", "a\u202eb", "x" * 61])
def test_a_profile_has_a_name_one_can_read(name: str, alice: User) -> None:
    with pytest.raises(Invalid):
        actions.update_profile(user=alice, display_name=name, color=1)


def test_a_profile_changes_nothing_but_how_one_is_shown(alice: User) -> None:
    stale = User.objects.get(pk=alice.pk)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    actions.update_profile(user=stale, display_name="Alice", color=1)
    alice.refresh_from_db()
    assert not alice.is_active


def test_who_was_removed_does_not_come_back_by_their_own_invitation(
    alice: User, garden: Room
) -> None:
    bob = person("bob")
    actions.add_member(user=alice, room_id=garden.pk, member_id=bob.pk)
    token = actions.invite(user=bob, room_id=garden.pk).token
    actions.remove_member(user=alice, room_id=garden.pk, member_id=bob.pk)
    with pytest.raises(NotFound):
        actions.accept_invitation(user=bob, token=token)


def test_a_new_name_reaches_those_who_have_a_direct_room_with_one(alice: User) -> None:
    bob = person("bob")
    direct(alice, bob)
    with listening() as heard:
        actions.update_profile(user=bob, display_name="Robert", color=1)
    assert heard.woke(alice, "user.room")
