"""The admin: every model has its pages, and what is changed there reaches open pages."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from chat import actions
from chat.models import Invitation, Membership, Message, Reaction, Room, User
from tests.factories import direct, head, listening, person, roles, room, say, staff
from tests.plugin import logged_in

pytestmark = pytest.mark.django_db

MODELS = [User, Room, Membership, Message, Reaction, Invitation]
ADDED_HERE = [User, Room, Membership]


@pytest.fixture
def sue() -> User:
    return staff("sue")


@pytest.fixture
def admin(sue: User) -> Client:
    """The browser of Sue, who is in no room."""
    return logged_in(sue)


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    """Alice's room, in which Bob said something; there is one row of each model."""
    garden = room(alice, bob)
    message = say(bob, garden)
    actions.react(user=bob, message_id=message.pk, emoji="🎉", on=True)
    actions.invite(user=alice, room_id=garden.pk)
    return garden


def listed(model: type[Model]) -> str:
    return reverse(f"admin:chat_{model._meta.model_name}_changelist")


def added(model: type[Model]) -> str:
    return reverse(f"admin:chat_{model._meta.model_name}_add")


def changed(row: Model) -> str:
    return reverse(f"admin:chat_{row._meta.model_name}_change", args=[row.pk])


def deleted(row: Model) -> str:
    return reverse(f"admin:chat_{row._meta.model_name}_delete", args=[row.pk])


def save(client: Client, path: str, **changes: Any) -> Any:
    """Opens a form, fills in some fields and sends it. Returns the answer."""
    form = client.get(path).context["adminform"].form
    fields = {name: form[name].value() for name in form.fields} | changes
    data = {name: value for name, value in fields.items() if filled_in(value)}
    return client.post(path, data)


def filled_in(value: object) -> bool:
    """A browser sends neither what is empty nor a box without its tick."""
    return value is not None and value is not False


def delete(client: Client, row: Model) -> None:
    """Deletes a row, past the question whether one is sure."""
    assert client.get(deleted(row)).status_code == 200
    assert client.post(deleted(row), {"post": "yes"}).status_code == 302


def delete_selected(client: Client, *rows: Model) -> None:
    """Deletes rows as those selected in their list."""
    numbers = [row.pk for row in rows]
    selected = {"action": "delete_selected", "_selected_action": numbers, "post": "yes"}
    assert client.post(listed(type(rows[0])), selected).status_code == 302


both_ways = pytest.mark.parametrize("delete", [delete, delete_selected])


# --- the pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_list_and_a_page(model: type[Model], admin: Client, garden: Room) -> None:
    row = model._default_manager.order_by("pk")[0]
    assert admin.get(listed(model)).status_code == 200
    assert admin.get(changed(row)).status_code == 200


def test_every_model_is_among_those() -> None:
    models = set(apps.get_app_config("chat").get_models())
    assert models == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_is_searched_where_it_can_be_and_takes_few_queries(
    model: type[Model],
    admin: Client,
    garden: Room,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(10):
        message = say(garden.members.get(username="bob"), garden)
        actions.react(user=message.author, message_id=message.pk, emoji="🎉", on=True)
        actions.add_member(
            user=message.author, room_id=garden.pk, member_id=person(f"guest-{number}").pk
        )
    with django_assert_max_num_queries(10):
        assert admin.get(listed(model), {"q": "a"}).status_code in (200, 302)


@pytest.mark.parametrize("model", ADDED_HERE)
def test_people_rooms_and_members_are_added_here(model: type[Model], admin: Client) -> None:
    assert admin.get(added(model)).status_code == 200


@pytest.mark.parametrize("model", [m for m in MODELS if m not in ADDED_HERE])
def test_nothing_is_said_or_invited_here(model: type[Model], admin: Client) -> None:
    assert admin.get(added(model)).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_who_is_not_staff_is_sent_to_log_in(model: type[Model], garden: Room, bob: User) -> None:
    for client in (Client(), logged_in(bob)):
        response = client.get(listed(model))
        assert response.status_code == 302
        assert "/login/" in response["Location"]


@pytest.mark.parametrize("model", MODELS)
def test_staff_without_permission_are_refused(model: type[Model], garden: Room) -> None:
    client = logged_in(person("tom", is_staff=True))
    row = model._default_manager.order_by("pk")[0]
    for path in (listed(model), changed(row), deleted(row), added(model)):
        assert client.get(path).status_code == 403


def test_staff_who_may_only_look_change_nothing(garden: Room) -> None:
    tom = person("tom", is_staff=True)
    tom.user_permissions.set(Permission.objects.filter(codename="view_room"))
    client = logged_in(tom)
    assert client.get(changed(garden)).status_code == 200
    assert client.post(changed(garden), {"name": "Orchard"}).status_code == 403


def content_policy(client: Client, path: str) -> set[str]:
    """The names of its directives, and that of scripts whole but for the nonce."""
    directives = client.get(path)["Content-Security-Policy"].split("; ")
    names = {directive.split()[0] for directive in directives}
    return names | {d.partition(" 'nonce-")[0] for d in directives if d.startswith("script-src ")}


def test_the_admin_keeps_the_content_policy_but_for_trusted_types(admin: Client) -> None:
    trusted_types = {"require-trusted-types-for", "trusted-types"}
    policy = content_policy(admin, reverse("profile"))
    assert trusted_types | {"default-src", "script-src 'self'"} <= policy
    assert content_policy(admin, listed(Room)) == policy - trusted_types


@pytest.mark.parametrize("field", ["user", "room"])
def test_a_member_and_a_room_are_found_as_one_types(
    field: str, admin: Client, garden: Room
) -> None:
    asked = {"app_label": "chat", "model_name": "membership", "field_name": field, "term": "a"}
    assert admin.get(reverse("admin:autocomplete"), asked).json()["results"]


# --- people --------------------------------------------------------------------------------------


def test_who_is_deactivated_is_shut_out_at_once(admin: Client, bob: User) -> None:
    with listening() as heard:
        assert save(admin, changed(bob), is_active=False).status_code == 302
    bob.refresh_from_db()
    assert not bob.is_active
    assert heard.woken == [(bob.pk, {"type": "user.session"})]


def test_a_new_name_shuts_nobody_out(admin: Client, bob: User) -> None:
    with listening() as heard:
        save(admin, changed(bob), display_name="Bob Brandt")
    bob.refresh_from_db()
    assert (bob.name, bob.is_active) == ("Bob Brandt", True)
    assert heard.woke(bob, "user.session")  # whose sockets find that their session holds


def test_a_person_is_added(admin: Client) -> None:
    password = "correct horse battery staple"
    fields = {"username": "carol", "display_name": "Carol", "usable_password": "true"}
    response = save(admin, added(User), **fields, password1=password, password2=password)
    assert response.status_code == 302
    assert User.objects.get(username="carol").check_password(password)


def test_nobody_is_deleted(admin: Client, bob: User) -> None:
    assert admin.post(deleted(bob), {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"}
    admin.post(listed(User), selected)
    assert User.objects.filter(pk=bob.pk).exists()


def test_the_owner_of_the_site_is_not_made_here(admin: Client, bob: User) -> None:
    save(admin, changed(bob), is_owner="on")
    bob.refresh_from_db()
    assert not bob.is_owner


# --- rooms ---------------------------------------------------------------------------------------


def test_a_room_that_is_added_belongs_to_who_added_it(admin: Client, sue: User) -> None:
    with listening() as heard:
        response = save(admin, added(Room), name="Cellar", kind="closed")
    assert response.status_code == 302
    assert roles(Room.objects.get(name="Cellar", kind="closed")) == {"sue": "owner"}
    assert heard.woke(sue, "user.room")


def test_a_room_is_renamed_and_its_members_hear_of_it(
    admin: Client, alice: User, bob: User, garden: Room
) -> None:
    with listening() as heard:
        assert save(admin, changed(garden), name="Orchard").status_code == 302
    garden.refresh_from_db()
    assert garden.name == "Orchard"
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


def test_renaming_a_room_keeps_the_number_it_has_meanwhile(
    admin: Client, bob: User, garden: Room
) -> None:
    say(bob, garden)
    save(admin, changed(garden), name="Orchard")
    assert head(garden) == 3


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "a\x1bb"}, {"name": "A", "kind": "direct"}]
)
def test_a_room_that_is_not_allowed_is_not_made(fields: dict[str, str], admin: Client) -> None:
    assert save(admin, added(Room), **{"kind": "open"} | fields).status_code in (200, 302)
    assert not Room.objects.exists()


def test_a_room_does_not_change_its_kind(admin: Client, garden: Room) -> None:
    save(admin, changed(garden), kind="closed")
    garden.refresh_from_db()
    assert garden.kind == "open"


@both_ways
def test_a_room_that_is_deleted_is_left_by_everybody(
    delete: Any, admin: Client, alice: User, bob: User, garden: Room
) -> None:
    with listening() as heard:
        delete(admin, garden)
    assert not Room.objects.exists()
    assert sorted(user_id for _, _, user_id in heard.revoked) == [alice.pk, bob.pk]
    assert heard.woke(alice, "user.room") and heard.woke(bob, "user.room")


# --- members -------------------------------------------------------------------------------------


def test_a_member_is_added_and_hears_of_it(admin: Client, garden: Room) -> None:
    carol = person("carol")
    with listening() as heard:
        response = save(admin, added(Membership), room=garden.pk, user=carol.pk, role="moderator")
    assert response.status_code == 302
    assert roles(garden)["carol"] == "moderator"
    assert heard.woke(carol, "user.room")


def test_a_member_is_not_added_twice(admin: Client, bob: User, garden: Room) -> None:
    assert save(admin, added(Membership), room=garden.pk, user=bob.pk).status_code == 200
    assert garden.memberships.filter(user=bob).count() == 1


def test_nobody_is_added_to_a_direct_room(admin: Client, alice: User, bob: User) -> None:
    talk, carol = direct(alice, bob), person("carol")
    assert save(admin, added(Membership), room=talk.pk, user=carol.pk).status_code == 302
    assert roles(talk).keys() == {"alice", "bob"}


def test_a_role_is_given_and_its_bearer_hears_of_it(admin: Client, bob: User, garden: Room) -> None:
    with listening() as heard:
        save(admin, changed(garden.memberships.get(user=bob)), role="moderator")
    assert roles(garden)["bob"] == "moderator"
    assert heard.woke(bob, "user.room")


def test_a_room_that_gets_another_owner_has_one(admin: Client, bob: User, garden: Room) -> None:
    response = save(admin, changed(garden.memberships.get(user=bob)), role="owner")
    assert response.status_code == 302
    assert roles(garden) == {"alice": "moderator", "bob": "owner"}


def test_a_member_stays_who_and_where_they_are(admin: Client, bob: User, garden: Room) -> None:
    elsewhere, membership = room(bob), garden.memberships.get(user=bob)
    save(admin, changed(membership), room=elsewhere.pk, user=person("carol").pk)
    assert garden.memberships.get(pk=membership.pk).user == bob


@both_ways
def test_a_member_who_is_removed_hears_nothing_more(
    delete: Any, admin: Client, bob: User, garden: Room
) -> None:
    with listening() as heard:
        delete(admin, garden.memberships.get(user=bob))
    assert roles(garden) == {"alice": "owner"}
    assert heard.revoked == [(garden.pk, Room.objects.get(pk=garden.pk).serial, bob.pk)]
    assert heard.woke(bob, "user.room")


def test_an_owner_and_the_heir_who_are_removed_together_leave_another(
    admin: Client, alice: User, bob: User, garden: Room
) -> None:
    """The admin reads the rows first, and goes from the newest to the oldest."""
    actions.add_member(user=alice, room_id=garden.pk, member_id=person("carol").pk)
    actions.set_role(user=alice, room_id=garden.pk, member_id=bob.pk, role="owner")
    delete_selected(admin, *garden.memberships.filter(user__in=[alice, bob]))
    assert roles(garden) == {"carol": "owner"}


# --- messages, reactions, invitations ------------------------------------------------------------


def test_an_edited_message_is_published(admin: Client, garden: Room) -> None:
    with listening() as heard:
        assert save(admin, changed(garden.messages.get()), body="*Better*").status_code == 302
    [(_, number, event)] = heard.published
    assert (number, event.html) == (3, "<p><em>Better</em></p>")


@pytest.mark.parametrize("body", ["", " ", "x" * 10_001])
def test_a_message_that_is_not_allowed_is_not_written(
    body: str, admin: Client, garden: Room
) -> None:
    assert save(admin, changed(garden.messages.get()), body=body).status_code in (200, 302)
    assert garden.messages.get().body == "Hello"


@both_ways
def test_a_deleted_message_leaves_a_tombstone_and_is_published(
    delete: Any, admin: Client, garden: Room
) -> None:
    with listening() as heard:
        delete(admin, garden.messages.get())
    tombstone = garden.messages.get()
    assert tombstone.deleted_at and not tombstone.body
    [(_, number, event)] = heard.published
    assert (number, event.deleted) == (3, True)


def test_a_tombstone_is_only_looked_at(admin: Client, garden: Room) -> None:
    delete(admin, garden.messages.get())
    path = changed(garden.messages.get())
    assert admin.get(path).status_code == 200
    assert admin.post(path, {"body": "Hello again"}).status_code == 403


@both_ways
def test_a_reaction_that_is_taken_away_is_published(
    delete: Any, admin: Client, garden: Room
) -> None:
    with listening() as heard:
        delete(admin, Reaction.objects.get())
    [(_, number, event)] = heard.published
    assert (number, event.reactions) == (3, [])


def test_an_invitation_that_is_deleted_leads_nowhere(admin: Client, garden: Room) -> None:
    invitation = Invitation.objects.get()
    delete(admin, invitation)
    assert Client().get(invitation.get_absolute_url()).status_code == 404
