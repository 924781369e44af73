"""The pages: who may see which, what their forms do, and what a refusal looks like."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone

from chat import actions, queries, views
from chat.models import Invitation, Membership, Room, User
from tests.factories import direct, edit, fill, person, room, say
from tests.plugin import logged_in

pytestmark = pytest.mark.django_db

PAGES_OF_A_PERSON = ["home", "rooms", "room_new", "directory", "profile", "password_change"]


# --- who may see what ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES_OF_A_PERSON)
def test_a_stranger_is_sent_to_log_in(client: Client, alice: User, name: str) -> None:
    path = reverse(name)
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('login')}?next={path}"


def test_on_an_empty_site_the_first_visitor_is_led_to_the_set_up(client: Client) -> None:
    response = client.get("/", follow=True)
    assert response.redirect_chain[-1][0].partition("?")[0] == reverse("setup")


def test_the_set_up_makes_the_owner_and_is_closed_afterwards(client: Client) -> None:
    response = client.post(
        reverse("setup"),
        {"username": "olga", "display_name": "Olga", "password": "correct horse battery"},
    )
    assert response["Location"] == reverse("home")
    assert User.objects.get().is_owner
    assert Client().get(reverse("setup"))["Location"] == reverse("login")


@override_settings(SETUP_BY_LINK=True)
def test_on_a_network_the_set_up_is_for_who_has_the_link(client: Client) -> None:
    olga = {"username": "olga", "display_name": "Olga", "password": "correct horse battery"}
    for token in ("", "owner", f"{actions.setup_token()}x"):
        link = reverse("setup", query={"token": token})
        assert client.get(link).status_code == 403
        assert client.post(link, olga).status_code == 403
    assert not User.objects.exists()

    link = reverse("setup", query={"token": actions.setup_token()})
    assert client.get(link).status_code == 200
    assert client.post(link, olga)["Location"] == reverse("home")
    assert User.objects.get().is_owner


def test_a_weak_password_is_refused_on_the_form(client: Client) -> None:
    response = client.post(
        reverse("setup"), {"username": "olga", "display_name": "Olga", "password": "123"}
    )
    assert response.status_code == 200
    assert "too short" in response.content.decode()
    assert not User.objects.exists()


def test_a_room_that_does_not_exist_is_not_found(as_bob: Client) -> None:
    response = as_bob.get(reverse("room", args=[999]))
    assert response.status_code == 404
    assert "There is no such room." in response.content.decode()


def test_pages_of_a_person_are_kept_by_no_shared_cache(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    for path in (reverse("rooms"), reverse("room", args=[garden.pk])):
        assert as_alice.get(path)["Cache-Control"] == "private, no-cache"


def test_who_follows_a_link_to_an_open_room_is_offered_to_join_it(
    alice: User, bob: User, as_bob: Client
) -> None:
    garden = room(alice)
    actions.update_room(user=alice, room_id=garden.pk, name="Garden", topic="What grows")
    response = as_bob.get(garden.get_absolute_url())
    page = response.content.decode()
    assert response.status_code == 403
    assert "Join Garden" in page
    assert "What grows" in page
    assert f'action="{reverse("room_join", args=[garden.pk])}"' in page


def test_every_page_says_what_the_site_is_called(
    as_alice: Client, alice: User, settings: Any
) -> None:
    settings.SITE_NAME = "R&D"
    garden = room(alice).get_absolute_url()
    for path in (garden, reverse("rooms"), reverse("password_change"), "/nowhere/"):
        page = as_alice.get(path).content.decode()
        assert re.search("<title>[^·]+ · R&amp;D</title>", page), path
    assert 'data-site="R&amp;D"' in as_alice.get(garden).content.decode()
    for plain in ("500.html", "503.html", "chat/setup_closed.html"):  # rendered without a request
        assert re.search("<title>[^·]+ · R&amp;D</title>", render_to_string(plain)), plain


def test_browsers_find_an_icon_where_they_look_for_one(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"] == static("chat/icon.svg")


# --- the way home --------------------------------------------------------------------------------


def test_home_is_where_one_was_last(alice: User, as_alice: Client) -> None:
    first, second = room(alice, name="First"), room(alice, name="Second")
    say(alice, second)
    as_alice.get(first.get_absolute_url())
    assert as_alice.get("/")["Location"] == first.get_absolute_url()


def test_home_is_where_something_was_said_last(alice: User, as_alice: Client) -> None:
    first, second = room(alice, name="First"), room(alice, name="Second")
    say(alice, second)
    say(alice, first)
    assert as_alice.get("/")["Location"] == first.get_absolute_url()


def test_home_is_not_a_room_one_has_left(alice: User, bob: User, as_bob: Client) -> None:
    garden = room(alice, bob)
    as_bob.get(garden.get_absolute_url())
    as_bob.post(reverse("room_leave", args=[garden.pk]))
    assert as_bob.get("/").status_code == 200


def test_the_choice_of_a_consumer_survives_the_way_home(alice: User, client: Client) -> None:
    garden = room(alice)
    to_login = client.get("/?consumer=sync")["Location"]
    assert to_login == f"{reverse('login')}?next=/%3Fconsumer%3Dsync"
    client.force_login(alice)
    assert client.get("/?consumer=sync")["Location"] == f"/rooms/{garden.pk}/?consumer=sync"


def test_who_is_in_no_room_is_asked_where_to_begin(as_bob: Client) -> None:
    assert "Where would you like to begin?" in as_bob.get("/").content.decode()


# --- the page of a room --------------------------------------------------------------------------


def test_a_room_shows_its_newest_messages_and_says_that_there_are_more(
    alice: User, as_alice: Client
) -> None:
    garden = room(alice)
    fill(garden, alice, 60)
    page = as_alice.get(garden.get_absolute_url()).content.decode()
    positions = [int(position) for position in re.findall(r'data-position="(\d+)"', page)]
    assert positions == list(range(11, 61))
    assert 'data-more="true"' in page
    assert 'data-head="60"' in page


def test_a_room_with_little_said_shows_its_beginning(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    say(alice, garden, "The **first** word")
    page = as_alice.get(garden.get_absolute_url()).content.decode()
    assert "<strong>first</strong>" in page
    assert 'data-more="false"' in page


def opened_at(client: Client, room: Room, at: object) -> tuple[list[int], list[int], str]:
    """The positions on the page of a room, those that are marked, and the page."""
    response = client.get(room.get_absolute_url(), {"at": str(at)})
    assert response.status_code == 200
    page = response.content.decode()
    messages = re.findall(r'<article class="message".*?>', page, re.DOTALL)
    found = [
        (re.search(r'data-position="(\d+)"', each), "aria-current" in each) for each in messages
    ]
    positions = [(int(position[1]), marked) for position, marked in found if position]
    return [each for each, _ in positions], [each for each, marked in positions if marked], page


def test_a_room_opens_around_a_message_and_marks_it(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    fill(garden, alice, 200)
    positions, marked, page = opened_at(as_alice, garden, 100)
    assert positions == list(range(75, 125))
    assert marked == [100]
    assert 'data-more="true" data-newer="true"' in page


@pytest.mark.parametrize(("at", "more", "newer"), [(5, "false", "true"), (195, "true", "false")])
def test_a_room_that_opens_near_an_end_says_so(
    alice: User, as_alice: Client, at: int, more: str, newer: str
) -> None:
    garden = room(alice)
    fill(garden, alice, 200)
    _, marked, page = opened_at(as_alice, garden, at)
    assert marked == [at]
    assert f'data-more="{more}" data-newer="{newer}"' in page


def test_a_room_opens_at_a_tombstone_too(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    say(alice, garden)
    actions.delete_message(user=alice, message_id=say(alice, garden).pk)
    assert opened_at(as_alice, garden, 2)[1] == [2]


def test_where_nothing_was_said_the_message_after_it_is_marked(
    alice: User, as_alice: Client
) -> None:
    garden = room(alice)
    edit(alice, say(alice, garden))
    say(alice, garden)
    assert opened_at(as_alice, garden, 2)[:2] == ([1, 3], [3])


ODD = ["", "abc", "0", "-1", "1.5", "61", "²", "\x00", str(2**63), "9" * 5_000, "[]"]


@pytest.mark.parametrize("at", ODD, ids=lambda at: repr(at[:20]))
def test_at_an_odd_position_a_room_opens_as_ever(alice: User, as_alice: Client, at: str) -> None:
    garden = room(alice)
    fill(garden, alice, 60)
    positions, marked, page = opened_at(as_alice, garden, at)
    assert positions == list(range(11, 61))
    assert marked == []
    assert 'data-newer="false"' in page


def test_an_empty_room_opens_at_any_position(alice: User, as_alice: Client) -> None:
    assert opened_at(as_alice, room(alice), 1)[:2] == ([], [])


def test_a_tombstone_has_no_content(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    message = say(alice, garden, "Regrets")
    actions.delete_message(user=alice, message_id=message.pk)
    page = as_alice.get(garden.get_absolute_url()).content.decode()
    assert "Regrets" not in page
    assert "data-deleted" in page


def test_what_people_write_is_escaped(alice: User, as_alice: Client) -> None:
    garden = room(alice, name="<b>Garden</b>")
    say(alice, garden, "<script>alert(1)</script>")
    page = as_alice.get(garden.get_absolute_url()).content.decode()
    assert "<script>alert" not in page
    assert "<b>Garden" not in page


def test_the_number_of_queries_of_a_room_does_not_grow(
    alice: User,
    bob: User,
    as_alice: Client,
    django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    garden = room(alice, bob)
    for number in range(20):
        message = say(bob, garden, f"Number {number}")
        actions.react(user=alice, message_id=message.pk, emoji="👍", on=True)
        room(alice, bob, name=f"Room {number}")
    with django_assert_max_num_queries(16):
        as_alice.get(garden.get_absolute_url())


def test_a_direct_room_is_called_after_the_others(alice: User, bob: User, as_alice: Client) -> None:
    talk = direct(alice, bob)
    page = as_alice.get(talk.get_absolute_url()).content.decode()
    assert f'<h1 data-name-of="{talk.pk}">Bob</h1>' in page


def test_the_markup_of_a_message_is_the_same_for_history_and_for_what_is_said_later(
    alice: User, as_alice: Client
) -> None:
    garden = room(alice)
    say(alice, garden, "Hello")
    page = as_alice.get(garden.get_absolute_url()).content.decode()
    history, template = page.split('<template id="message">')
    classes = re.compile(r'class="([a-z- ]+)"')
    article = re.compile(r'<article class="message".*?</article>', re.DOTALL)
    shapes = [classes.findall(article.findall(part)[0]) for part in (history, template)]
    assert shapes[0] == shapes[1]


# --- what the browser is allowed -----------------------------------------------------------------


def test_the_import_map_names_every_module_and_carries_the_nonce(
    alice: User, as_alice: Client
) -> None:
    response = as_alice.get(room(alice).get_absolute_url())
    page, policy = response.content.decode(), response["Content-Security-Policy"]
    nonce = re.search(r'<script type="importmap" nonce="([^"]+)">', page)
    assert nonce and f"'nonce-{nonce[1]}'" in policy
    for name in re.findall(r'"chat/(\w+)":', page):
        assert finders.find(f"chat/{name}.js")
    assert '"chat/socket":' in page


def test_no_page_holds_an_inline_style_or_another_inline_script(
    alice: User, as_alice: Client
) -> None:
    garden = room(alice)
    paths = [reverse(name) for name in PAGES_OF_A_PERSON] + [garden.get_absolute_url()]
    for path in paths:
        page = as_alice.get(path, follow=True).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*", page)
        assert all('type="importmap"' in script for script in inline)


def test_html_enters_the_page_in_one_module_only() -> None:
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser")
    modules = (settings.BASE_DIR / "static" / "chat").glob("*.js")
    assert [path.name for path in modules if sinks.search(path.read_text())] == ["html.js"]


# --- what the browser has already ----------------------------------------------------------------


def again(client: Client, room: Room, response: HttpResponse) -> HttpResponse:
    """Asks for the page of a room as a browser does that has this answer."""
    return client.get(reverse("room", args=[room.pk]), headers={"If-None-Match": response["ETag"]})


@pytest.fixture
def kept(as_alice: Client, garden: Room) -> HttpResponse:
    """The page of the garden, as the browser of Alice keeps it; the first one brought a cookie."""
    say(garden.members.get(username="bob"), garden)
    User.objects.update(profile_changed_at=timezone.now() - queries.SETTLED)
    as_alice.get(reverse("room", args=[garden.pk]))
    return as_alice.get(reverse("room", args=[garden.pk]))


def test_a_page_that_is_as_it_was_is_not_sent_again(
    as_alice: Client, garden: Room, kept: HttpResponse
) -> None:
    response = again(as_alice, garden, kept)
    assert (response.status_code, response.content) == (304, b"")
    assert kept["Cache-Control"] == "private, no-cache"
    # With a policy of its own, its nonce would take the place of that of the page.
    assert "nonce-" in kept["Content-Security-Policy"]
    assert "Content-Security-Policy" not in response


def test_a_page_that_opens_elsewhere_is_another(
    as_alice: Client, garden: Room, kept: HttpResponse
) -> None:
    def status(etag: str, **query: str) -> int:
        headers = {"If-None-Match": etag}
        return as_alice.get(garden.get_absolute_url(), query, headers=headers).status_code

    there = as_alice.get(garden.get_absolute_url(), {"at": "1"})
    assert status(kept["ETag"], at="1") == 200
    assert status(there["ETag"], at="1") == 304
    assert status(there["ETag"]) == 200


def test_an_answer_that_nothing_has_changed_is_cheap(
    as_alice: Client, garden: Room, kept: HttpResponse
) -> None:
    with CaptureQueriesContext(connection) as of_the_page:
        as_alice.get(reverse("room", args=[garden.pk]))
    with CaptureQueriesContext(connection) as of_the_answer:
        again(as_alice, garden, kept)
    assert len(of_the_answer) == 5  # session, user, membership, profiles, rooms
    assert len(of_the_answer) < len(of_the_page)


CHANGES: dict[str, Callable[[User, User, Room], object]] = {
    "something was said": lambda alice, bob, garden: say(bob, garden),
    "it was edited": lambda alice, bob, garden: edit(bob, garden.messages.get()),
    "something was said in another room": lambda alice, bob, garden: say(bob, room(alice, bob)),
    "she has read on": lambda alice, bob, garden: actions.mark_read(
        user=alice, room_id=garden.pk, position=say(bob, garden).position
    ),
    "the room has another name": lambda alice, bob, garden: actions.update_room(
        user=alice, room_id=garden.pk, name="Meadow", topic=""
    ),
    "somebody looks different": lambda alice, bob, garden: actions.update_profile(
        user=bob, display_name="Robert", color=1
    ),
    "she was promoted": lambda alice, bob, garden: Membership.objects.filter(user=alice).update(
        role=Membership.Role.MODERATOR
    ),
    "she came into another room": lambda alice, bob, garden: actions.add_member(
        user=bob, room_id=room(bob, name="Kitchen").pk, member_id=alice.pk
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_page_that_changed_is_sent(
    as_alice: Client,
    alice: User,
    bob: User,
    garden: Room,
    kept: HttpResponse,
    change: Callable[[User, User, Room], object],
) -> None:
    change(alice, bob, garden)
    assert again(as_alice, garden, kept).status_code == 200


def test_nobody_else_and_no_later_session_is_told_that_nothing_changed(
    as_alice: Client, as_bob: Client, alice: User, garden: Room, kept: HttpResponse
) -> None:
    assert again(as_bob, garden, kept).status_code == 200
    assert again(logged_in(alice), garden, kept).status_code == 200
    Membership.objects.filter(user=alice, room=garden).delete()
    assert again(as_alice, garden, kept).status_code == 403


def test_a_name_that_was_just_changed_is_not_trusted_to_be_the_newest(
    as_alice: Client, bob: User, garden: Room, kept: HttpResponse
) -> None:
    """Another may have been changed before, and be committed after."""
    actions.update_profile(user=bob, display_name="Robert", color=1)
    assert "ETag" not in as_alice.get(reverse("room", args=[garden.pk]))


def test_a_message_to_the_reader_is_shown_whatever_the_browser_has(
    as_alice: Client, garden: Room, kept: HttpResponse
) -> None:
    as_alice.post(reverse("profile"), {"display_name": "Alice", "color": 1})
    response = as_alice.get(reverse("room", args=[garden.pk]))
    assert "Saved." in response.content.decode()
    assert "ETag" not in response


# --- rooms and people ----------------------------------------------------------------------------


def test_a_new_room_belongs_to_who_made_it(alice: User, as_alice: Client) -> None:
    response = as_alice.post(
        reverse("room_new"), {"name": "Kitchen", "topic": "Food", "kind": "closed"}
    )
    kitchen = Room.objects.get(name="Kitchen")
    assert response["Location"] == kitchen.get_absolute_url()
    assert kitchen.memberships.get(user=alice).owns


def test_a_room_without_a_name_is_refused_on_the_form(as_alice: Client) -> None:
    response = as_alice.post(reverse("room_new"), {"name": " ", "kind": "open"})
    assert response.status_code == 200
    assert not Room.objects.exists()


def test_an_open_room_is_listed_and_joined(alice: User, bob: User, as_bob: Client) -> None:
    garden = room(alice)
    room(alice, kind="closed", name="Secret")
    page = as_bob.get(reverse("rooms")).content.decode()
    assert "Garden" in page and "Secret" not in page
    as_bob.post(reverse("room_join", args=[garden.pk]))
    assert garden.memberships.filter(user=bob).exists()


def listed(client: Client, path: str) -> list[str]:
    """The open rooms that a page offers."""
    return re.findall(r'aria-label="Join ([^"]+)"', client.get(path).content.decode())


def link(client: Client, path: str, name: str) -> str:
    """Where a link of the page leads."""
    page = client.get(path).content.decode()
    [query] = re.findall(rf'href="(\?[^"]+)">{name}</a>', page)
    return reverse("rooms") + str(query)


def test_however_many_rooms_are_open_a_page_lists_some_and_leads_to_the_rest(
    alice: User, as_bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ROOMS", 2)
    names = [f"Room {number}" for number in range(5)]
    for name in names:
        room(alice, name=name)
    first = reverse("rooms")
    second = link(as_bob, first, "Next")
    third = link(as_bob, second, "Next")
    assert [listed(as_bob, path) for path in (first, second, third)] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert "page 2 of 3" in as_bob.get(second).content.decode()
    assert listed(as_bob, link(as_bob, third, "Previous")) == names[2:4]
    for page, name in ((first, "Previous"), (third, "Next")):
        assert f">{name}</a>" not in as_bob.get(page).content.decode()
    for nowhere in ("?page=9", "?page=two", "?page=-1"):
        assert as_bob.get(first + nowhere).status_code == 200


def test_where_all_open_rooms_are_on_a_page_it_speaks_of_none(alice: User, as_bob: Client) -> None:
    room(alice)
    page = as_bob.get(reverse("rooms")).content.decode()
    assert 'aria-label="Pages"' not in page and "page 1" not in page


def test_the_list_of_open_rooms_takes_as_many_queries_however_many_there_are(
    alice: User, as_bob: Client
) -> None:
    counts = []
    for size in (1, views.ROOMS):
        for number in range(size):
            room(alice, name=f"Room {size} {number}")
        with CaptureQueriesContext(connection) as queries:
            assert len(listed(as_bob, reverse("rooms"))) == min(size, views.ROOMS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_member_does_not_change_the_room(alice: User, bob: User, as_bob: Client) -> None:
    garden = room(alice, bob)
    path = reverse("room_settings", args=[garden.pk])
    assert 'name="name"' not in as_bob.get(path).content.decode()
    assert as_bob.post(path, {"name": "Mine", "topic": ""}).status_code == 403


def test_the_owner_changes_the_room(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    as_alice.post(reverse("room_settings", args=[garden.pk]), {"name": "Park", "topic": "Trees"})
    garden.refresh_from_db()
    assert (garden.name, garden.topic) == ("Park", "Trees")


def test_members_are_added_promoted_and_removed(alice: User, bob: User, as_alice: Client) -> None:
    garden = room(alice)
    as_alice.post(reverse("member_add", args=[garden.pk]), {"person": bob.pk})
    membership = garden.memberships.get(user=bob)
    as_alice.post(reverse("member_role", args=[garden.pk, bob.pk]), {"role": "moderator"})
    membership.refresh_from_db()
    assert membership.role == Membership.Role.MODERATOR
    as_alice.post(reverse("member_remove", args=[garden.pk, bob.pk]))
    assert not garden.memberships.filter(user=bob).exists()


def test_the_owner_may_make_another_person_the_owner(
    alice: User, bob: User, as_alice: Client
) -> None:
    garden = room(alice, bob)
    people = reverse("people", args=[garden.pk])
    assert "Make Bob the owner?" in as_alice.get(people).content.decode()
    as_alice.post(reverse("member_role", args=[garden.pk, bob.pk]), {"role": "owner"})
    assert garden.memberships.get(user=bob).owns
    assert "Make Bob the owner?" not in as_alice.get(people).content.decode()


def test_who_was_deactivated_is_marked_and_given_no_role(
    alice: User, bob: User, as_alice: Client
) -> None:
    garden = room(alice, bob)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    page = as_alice.get(reverse("people", args=[garden.pk])).content.decode()
    assert "bob · deactivated" in page
    assert "Make moderator" not in page


def test_an_unknown_role_is_refused(alice: User, bob: User, as_alice: Client) -> None:
    garden = room(alice, bob)
    path = reverse("member_role", args=[garden.pk, bob.pk])
    assert as_alice.post(path, {"role": "emperor"}).status_code == 400


def test_the_same_people_always_talk_in_the_same_room(
    alice: User, bob: User, as_alice: Client, as_bob: Client
) -> None:
    first = as_alice.post(reverse("direct"), {"people": [bob.pk]})
    again = as_bob.post(reverse("direct"), {"people": [alice.pk]})
    assert first["Location"] == again["Location"]


def test_a_direct_conversation_has_eight_people_at_most(as_alice: Client) -> None:
    others = [person(f"person{number}").pk for number in range(8)]
    response = as_alice.post(reverse("direct"), {"people": others})
    assert response.status_code == 200
    assert "2 to 8 people" in response.content.decode()


def test_a_profile_is_changed(alice: User, as_alice: Client) -> None:
    as_alice.post(reverse("profile"), {"display_name": "Alice the First", "color": "3"})
    alice.refresh_from_db()
    assert (alice.display_name, alice.color) == ("Alice the First", 3)


# --- coming in -----------------------------------------------------------------------------------


def link_to(garden: Room, user: User) -> str:
    return actions.invite(user=user, room_id=garden.pk).get_absolute_url()


def test_an_invitation_shows_its_link(alice: User, as_alice: Client) -> None:
    garden = room(alice)
    response = as_alice.post(reverse("invite", args=[garden.pk]))
    link = f"http://testserver{Invitation.objects.get().get_absolute_url()}"
    for _reload in range(2):
        assert link in as_alice.get(response["Location"]).content.decode()
    assert Invitation.objects.count() == 1


def test_only_a_valid_invitation_of_the_room_is_shown(alice: User, as_alice: Client) -> None:
    garden, kitchen = room(alice), room(alice, name="Kitchen")
    of_garden = actions.invite(user=alice, room_id=garden.pk)
    people = reverse("people", args=[kitchen.pk])
    for token in (of_garden.token, "unknown", "\0"):
        page = as_alice.get(people, {"invitation": token}).content.decode()
        assert "Your invitation" not in page
    Invitation.objects.update(expires_at=timezone.now())
    page = as_alice.get(reverse("people", args=[garden.pk]), {"invitation": of_garden.token})
    assert "Your invitation" not in page.content.decode()


def test_the_address_of_a_form_leads_to_the_page_that_holds_it(
    alice: User, as_alice: Client
) -> None:
    garden = room(alice)
    people = reverse("people", args=[garden.pk])
    assert as_alice.get(reverse("invite", args=[garden.pk]))["Location"] == people
    assert as_alice.post(reverse("direct")).status_code == 200
    assert as_alice.get(reverse("direct"))["Location"] == reverse("directory")


def offered(client: Client, link: str) -> dict[str, str]:
    """The user name that the page of an invitation offers, as the form sends it back."""
    page = client.get(link).content.decode()
    fields = re.findall(r'<input[^>]*name="(offer|username)"[^>]*>', page)
    assert sorted(fields) == ["offer", "username"]
    return {
        name: re.findall(rf'name="{name}"[^>]*?value="([^"]+)"', page)[0] for name in fields
    } | {"display_name": "Gil", "password": "staple correct horse"}


def test_who_is_invited_signs_up_and_is_in_the_room(alice: User, client: Client) -> None:
    garden = room(alice)
    link = link_to(garden, alice)
    account = offered(client, link)
    assert client.post(link, account)["Location"] == garden.get_absolute_url()
    assert client.get(garden.get_absolute_url()).status_code == 200
    assert User.objects.get(username=account["username"]).name == "Gil"


def test_every_visit_of_an_invitation_offers_another_name_that_is_free(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(room(alice), alice)
    taken = [offered(client, link)["username"] for _ in range(5)]
    assert len(set(taken)) == 5
    monkeypatch.setattr("chat.forms.HOW", ["calm"])
    monkeypatch.setattr("chat.forms.WHAT", ["otter"])
    monkeypatch.setattr("chat.forms.NUMBERS", [1, 2])
    person("calm-otter-1")
    assert offered(client, link)["username"] == "calm-otter-2"


def test_a_password_manager_sees_what_it_needs_to_keep_an_account(
    alice: User, client: Client
) -> None:
    page = client.get(link_to(room(alice), alice)).content.decode()
    assert re.search(r'name="username"[^>]*readonly', page)
    for name, kind in (("username", "username"), ("password", "new-password")):
        assert re.search(rf'<input[^>]*name="{name}"[^>]*autocomplete="{kind}"', page)


def test_a_refused_sign_up_keeps_its_name(alice: User, client: Client) -> None:
    link = link_to(room(alice), alice)
    account = offered(client, link) | {"password": "short"}
    page = client.post(link, account).content.decode()
    assert "too short" in page
    assert f'value="{account["username"]}"' in page
    assert f'value="{account["offer"]}"' in page


def test_who_has_an_account_joins_with_a_button(alice: User, bob: User, as_bob: Client) -> None:
    garden = room(alice, kind="closed")
    link = link_to(garden, alice)
    assert "Join Garden" in as_bob.get(link).content.decode()
    assert as_bob.post(link)["Location"] == garden.get_absolute_url()
    assert garden.memberships.filter(user=bob).exists()


def test_an_invitation_that_ended_is_a_friendly_page(alice: User, client: Client) -> None:
    link = link_to(room(alice), alice)
    Invitation.objects.update(expires_at=timezone.now())
    for path in (link, reverse("invitation", args=["unknown"])):
        response = client.get(path)
        assert response.status_code == 404
        assert "This invitation has ended" in response.content.decode()


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["400.html", "500.html"])
def test_the_last_resort_pages_need_nothing(template: str) -> None:
    assert "<h1>" in render_to_string(template)


def test_a_form_without_its_token_gets_a_page_that_explains(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("login"), {"username": "alice", "password": "x"})
    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()


def test_the_page_of_a_room_takes_as_many_queries_however_many_are_in_it(alice: User) -> None:
    client = logged_in(alice)
    small, large = direct(alice, person("dora")), direct(alice, *map(person, "efghij"))
    counts = []
    for place in (small, large):
        client.get(f"/rooms/{place.pk}/")  # now the session remembers it
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/rooms/{place.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
