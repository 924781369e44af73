"""Who said it, and when, the server knows; a client that claims it is refused or not heard."""

import pytest
from django.test import Client
from django.urls import reverse

from chat import actions
from chat.models import Message, Room, User
from tests.abuse.conftest import Connect
from tests.factories import room, say

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]


def test_a_message_is_its_senders_and_of_now(
    connect: Connect, alice: User, bob: User, garden: Room
) -> None:
    before = say(alice, garden)
    listener = connect(alice)
    message = listener.expect("message", client_id=connect(bob).say(garden.pk, "Hello"))
    assert message["author"]["id"] == bob.pk
    assert message["position"] == message["version"] == before.version + 1
    assert Message.objects.get(pk=message["id"]).created_at >= before.created_at


EXTRA = {
    "id": "1",
    "is_owner": "on",
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "",
    "groups": "1",
    "user_permissions": "1",
    "owner": "1",
    "head": "1000",
    "direct_key": "1-2",
    "created_by": "1",
    "room": "1",
    "user": "1",
}


def test_a_profile_changes_how_one_is_shown_and_nothing_else(bob: User) -> None:
    before = User.objects.values().get(pk=bob.pk)
    client = Client()
    client.force_login(bob)
    form = {"username": "root", "display_name": "Robert", "color": "3"}
    client.post(reverse("profile"), EXTRA | form)
    after = User.objects.values().get(pk=bob.pk)
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"last_login", "color", "profile_changed_at"} == {"display_name"}


def test_a_new_room_begins_at_nought_and_belongs_to_who_made_it(alice: User, bob: User) -> None:
    client = Client()
    client.force_login(bob)
    client.post(reverse("room_new"), EXTRA | {"name": "Kitchen", "kind": "open", "topic": ""})
    kitchen = Room.objects.get()
    assert (kitchen.head, kitchen.direct_key) == (0, None)
    assert kitchen.memberships.get().user == bob


def test_a_room_of_a_kind_one_may_not_make_is_not_made(bob: User) -> None:
    client = Client()
    client.force_login(bob)
    for kind in ("direct", "", "secret"):
        client.post(reverse("room_new"), {"name": "Kitchen", "kind": kind, "topic": ""})
    assert not Room.objects.exists()


def test_who_signs_up_is_nobody_in_particular(alice: User) -> None:
    garden = room(alice)
    page = actions.invite(user=alice, room_id=garden.pk).get_absolute_url()
    client = Client()
    form = client.get(page).context["form"]
    account = {"display_name": "Gil", "password": "staple correct horse", "offer": form.offer}
    client.post(page, EXTRA | account | {"username": form.initial["username"]})
    gil = User.objects.get(display_name="Gil")
    assert not (gil.is_owner or gil.is_staff or gil.is_superuser)
    assert gil.is_active and not gil.groups.exists()
    assert garden.memberships.get(user=gil).role == "member"
