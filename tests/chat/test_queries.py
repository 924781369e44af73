"""What is read: rooms and what is unread in them, what was missed, what is older, who one is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat import actions, protocol, queries, serializers
from chat.models import Room, User
from chat.protocol import MAX_UNREAD
from chat.queries import PAGE
from realtime import wire
from realtime.wire import Forbidden, NotFound
from tests.factories import direct, fill, head, moderator, person, room, say
from tests.plugin import logged_in, session_of

pytestmark = pytest.mark.django_db


def unread(user: User) -> int:
    """Of somebody who is in one room."""
    [membership] = queries.memberships(user)
    return membership.unread


# --- rooms ---------------------------------------------------------------------------------------


def test_a_place_in_a_room_is_found(bob: User, garden: Room) -> None:
    assert queries.membership(bob, garden.pk) == garden.memberships.get(user=bob)


def test_who_is_not_in_a_room_is_kept_out(garden: Room) -> None:
    with pytest.raises(Forbidden):
        queries.membership(person("eve"), garden.pk)


def test_who_was_shut_out_is_kept_out_everywhere(bob: User, garden: Room) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(Forbidden):
        queries.membership(bob, garden.pk)
    assert queries.memberships(bob) == []


@pytest.mark.parametrize("room_id", [0, 2**63 - 1])
def test_a_room_that_does_not_exist_is_not_found(alice: User, room_id: int) -> None:
    with pytest.raises(NotFound):
        queries.membership(alice, room_id)


def test_rooms_come_in_the_order_of_their_names_for_whom_they_are(alice: User, bob: User) -> None:
    room(alice, name="cellar")
    room(alice, name="Attic")
    direct(alice, bob)
    room(bob, name="Bathroom")
    names = [m.room.name_for(alice) for m in queries.memberships(alice)]
    assert names == ["Attic", "Bob", "cellar"]


@pytest.mark.parametrize("rooms", [1, 15])
def test_all_rooms_take_three_queries_however_many(
    rooms: int, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rooms):
        say(alice, room(alice, name=f"Room {number}"))
        say(alice, direct(alice, person(f"guest-{number}")))
    with django_assert_num_queries(3):
        found = queries.memberships(alice)
        serializers.welcome(alice, found, consumer="sync")
    assert len(found) == 2 * rooms


def test_people_are_the_owner_the_moderators_and_the_rest_by_name(alice: User, bob: User) -> None:
    carol, dave, eve = person("carol"), person("dave"), person("eve")
    here = room(carol, eve, dave, bob, alice)
    moderator(here, dave)
    moderator(here, bob)
    assert [m.user for m in queries.people(here.pk)] == [carol, bob, dave, alice, eve]


def test_people_take_one_query(
    garden: Room, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert [m.user.name for m in queries.people(garden.pk)] == ["Alice", "Bob"]


# --- unread --------------------------------------------------------------------------------------


def test_what_others_said_since_one_read_is_unread(alice: User, bob: User, garden: Room) -> None:
    for _ in range(3):
        say(alice, garden)
    assert unread(bob) == 3
    actions.mark_read(user=bob, room_id=garden.pk, position=2)
    assert unread(bob) == 1


def test_what_one_said_oneself_is_not_unread(alice: User, garden: Room) -> None:
    say(alice, garden)
    assert unread(alice) == 0


def test_who_says_something_has_read_what_came_before(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    say(bob, garden)
    assert unread(bob) == 0


def test_what_was_deleted_is_not_unread(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    actions.delete_message(user=alice, message_id=say(alice, garden).pk)
    assert unread(bob) == 1


def test_what_was_only_changed_is_not_unread(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    actions.mark_read(user=bob, room_id=garden.pk, position=1)
    actions.edit_message(user=alice, message_id=message.pk, body="Hello again")
    actions.react(user=alice, message_id=message.pk, emoji="🎉", on=True)
    assert unread(bob) == 0


def test_what_is_unread_elsewhere_does_not_count(alice: User, bob: User, garden: Room) -> None:
    say(alice, room(alice, name="Elsewhere"))
    assert unread(bob) == 0


@pytest.mark.parametrize("said", [MAX_UNREAD - 1, MAX_UNREAD, MAX_UNREAD + 1])
def test_unread_messages_are_counted_so_far_and_no_further(
    said: int, alice: User, bob: User, garden: Room
) -> None:
    fill(garden, alice, said)
    assert unread(bob) == min(said, MAX_UNREAD)


# --- history -------------------------------------------------------------------------------------


def test_the_newest_page_ends_with_the_newest_message(alice: User, garden: Room) -> None:
    fill(garden, alice, PAGE + 10)
    positions = [m.position for m in queries.newest_messages(garden.pk)]
    assert positions == list(range(11, PAGE + 11))


def test_a_page_of_history_comes_before_a_position_oldest_first(
    bob: User, alice: User, garden: Room
) -> None:
    fill(garden, alice, PAGE + 10)
    page = queries.history(bob, garden.pk, before=PAGE + 5)
    assert [m.position for m in page.messages] == list(range(5, PAGE + 5))
    assert page.more


def test_history_is_read_to_its_beginning(bob: User, alice: User, garden: Room) -> None:
    fill(garden, alice, 2 * PAGE + 10)
    positions: list[int] = []
    before, more = head(garden) + 1, True
    while more:
        page = queries.history(bob, garden.pk, before)
        positions = [m.position for m in page.messages] + positions
        before, more = positions[0], page.more
    assert positions == list(range(1, 2 * PAGE + 11))


def test_the_first_page_has_no_more_before_it(bob: User, alice: User, garden: Room) -> None:
    fill(garden, alice, PAGE)
    page = queries.history(bob, garden.pk, before=PAGE + 1)
    assert (len(page.messages), page.more) == (PAGE, False)


def test_before_the_beginning_there_is_nothing(bob: User, alice: User, garden: Room) -> None:
    say(alice, garden)
    page = queries.history(bob, garden.pk, before=1)
    assert (page.messages, page.more) == ([], False)


def test_tombstones_keep_their_place_in_history(alice: User, garden: Room) -> None:
    first, second, third = (say(alice, garden) for _ in range(3))
    actions.delete_message(user=alice, message_id=second.pk)
    page = queries.history(alice, garden.pk, before=9)
    assert [m.id for m in page.messages] == [first.pk, second.pk, third.pk]
    assert [m.deleted for m in page.messages] == [False, True, False]


def positions(page: protocol.Older) -> list[int]:
    return [message.position for message in page.messages]


def test_a_page_of_history_comes_after_a_position(bob: User, alice: User, garden: Room) -> None:
    fill(garden, alice, PAGE + 10)
    page = queries.history(bob, garden.pk, after=5)
    assert positions(page) == list(range(6, PAGE + 6))
    assert page.more


def test_the_last_page_has_no_more_after_it(bob: User, alice: User, garden: Room) -> None:
    fill(garden, alice, PAGE + 5)
    page = queries.history(bob, garden.pk, after=5)
    assert (len(page.messages), page.more) == (PAGE, False)
    assert queries.history(bob, garden.pk, after=PAGE + 5).messages == []


def test_a_page_around_a_position_has_two_halves(bob: User, alice: User, garden: Room) -> None:
    fill(garden, alice, 3 * PAGE)
    page = queries.history(bob, garden.pk, around=PAGE)
    assert positions(page) == list(range(PAGE // 2, PAGE // 2 + PAGE))
    assert page.more


def test_a_page_around_the_beginning_has_no_more_before_it(
    bob: User, alice: User, garden: Room
) -> None:
    fill(garden, alice, 3 * PAGE)
    page = queries.history(bob, garden.pk, around=3)
    assert positions(page) == list(range(1, PAGE // 2 + 3))
    assert not page.more


@pytest.mark.parametrize("around", [0, 2, 3, 5, 2**63 - 1])
def test_around_a_position_without_a_message_are_its_neighbours(
    bob: User, alice: User, garden: Room, around: int
) -> None:
    first = say(alice, garden)
    say(alice, garden)
    actions.edit_message(user=alice, message_id=first.pk, body="Three")
    actions.edit_message(user=alice, message_id=first.pk, body="Four")
    say(alice, garden)
    page = queries.history(bob, garden.pk, around=around)
    assert (positions(page), page.more) == ([1, 2, 5], False)


def test_beyond_the_newest_is_half_a_page_of_what_is_older(
    bob: User, alice: User, garden: Room
) -> None:
    fill(garden, alice, PAGE)
    page = queries.history(bob, garden.pk, around=2**63 - 1)
    assert positions(page) == list(range(PAGE // 2 + 1, PAGE + 1))
    assert page.more


@pytest.mark.parametrize("side", ["before", "after", "around"])
def test_a_page_of_history_is_bounded_by_its_size(
    bob: User, alice: User, garden: Room, side: str
) -> None:
    for _ in range(PAGE):
        say(alice, garden, "長" * 8_000)
    at = {"before": PAGE + 1, "after": 0, "around": PAGE // 2}[side]
    page = queries.history(bob, garden.pk, **{side: at})
    sizes = [len(wire.encode(message)) for message in page.messages]
    assert page.more
    assert queries.PAGE_SIZE - 3 * sizes[0] < sum(sizes) <= queries.PAGE_SIZE


def test_around_a_message_that_fills_the_page_it_is_alone(
    bob: User, alice: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(garden, alice, 3)
    monkeypatch.setattr(queries, "PAGE_SIZE", 10)
    page = queries.history(bob, garden.pk, around=2)
    assert (positions(page), page.more) == ([2], True)
    page = queries.history(bob, garden.pk, around=9)
    assert (positions(page), page.more) == ([3], True)


@pytest.mark.parametrize("said", [1, PAGE])
def test_a_page_of_history_takes_three_queries_however_long(
    said: int,
    alice: User,
    bob: User,
    garden: Room,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(said):
        message = say(alice, garden)
        actions.react(user=bob, message_id=message.pk, emoji="🎉", on=True)
    with django_assert_num_queries(3):
        page = queries.history(bob, garden.pk, before=2**63 - 1)
    assert len(page.messages) == said
    assert page.messages[0].reactions


# --- sync ----------------------------------------------------------------------------------------


def missed(user: User, room: Room, since: int = 0) -> list[protocol.Message]:
    """All that changed after a number, page after page, as a client asks for it."""
    changes: list[protocol.Message] = []
    more = True
    while more:
        page = queries.sync(user, room.pk, since)
        assert page.head == head(room)
        assert len(page.messages) <= PAGE
        changes += page.messages
        since, more = page.messages[-1].version if page.messages else page.head, page.more
    return changes


def test_what_was_missed_comes_in_the_order_of_the_changes(
    alice: User, bob: User, garden: Room
) -> None:
    first, second, third = (say(alice, garden) for _ in range(3))
    actions.edit_message(user=alice, message_id=second.pk, body="Hello again")
    actions.react(user=alice, message_id=first.pk, emoji="🎉", on=True)
    assert [(m.id, m.version) for m in missed(bob, garden)] == [
        (third.pk, 3),
        (second.pk, 4),
        (first.pk, 5),
    ]


def test_only_what_changed_after_the_number_was_missed(
    alice: User, bob: User, garden: Room
) -> None:
    first, _, third = (say(alice, garden) for _ in range(3))
    actions.delete_message(user=alice, message_id=first.pk)
    assert [(m.id, m.deleted) for m in missed(bob, garden, since=2)] == [
        (third.pk, False),
        (first.pk, True),
    ]


def test_who_has_everything_missed_nothing(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    page = queries.sync(bob, garden.pk, since=1)
    assert (page.messages, page.head, page.more) == ([], 1, False)


def test_a_long_absence_is_made_up_for_page_after_page(
    alice: User, bob: User, garden: Room
) -> None:
    fill(garden, alice, 2 * PAGE + 20)
    ids = list(garden.messages.order_by("position").values_list("pk", flat=True))
    for id in ids[:3]:
        actions.edit_message(user=alice, message_id=id, body="Changed")
    for id in ids[PAGE : PAGE + 3]:
        actions.delete_message(user=alice, message_id=id)
    changes = missed(bob, garden)
    assert sorted(m.id for m in changes) == ids
    assert [m.id for m in changes[-6:]] == ids[:3] + ids[PAGE : PAGE + 3]
    assert [m.version for m in changes] == sorted(m.version for m in changes)


@pytest.mark.parametrize(("said", "more"), [(PAGE, False), (PAGE + 1, True)])
def test_there_is_more_only_if_there_is(
    said: int, more: bool, alice: User, bob: User, garden: Room
) -> None:
    fill(garden, alice, said)
    assert queries.sync(bob, garden.pk, since=0).more is more


def test_a_crowd_that_asks_the_same_is_answered_from_one_look(
    alice: User,
    bob: User,
    garden: Room,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(queries, "MOMENT", 1e9)
    message = say(alice, garden)
    asked = queries.sync(alice, garden.pk, since=0)
    with django_assert_num_queries(1):  # whether Bob may
        assert queries.sync(bob, garden.pk, since=0) == asked
    actions.delete_message(user=alice, message_id=message.pk)
    assert queries.sync(bob, garden.pk, since=0).messages[0].deleted


def test_a_moment_later_all_is_looked_up_anew(
    alice: User, bob: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOMENT", 1e-9)
    say(alice, garden)
    queries.sync(bob, garden.pk, since=0)
    User.objects.filter(pk=alice.pk).update(display_name="Alice Liddell")
    assert queries.sync(bob, garden.pk, since=0).messages[0].author.name == "Alice Liddell"


@pytest.mark.parametrize("query", [queries.sync, queries.history])
def test_who_is_not_in_a_room_misses_nothing_of_it(
    query: Callable[[User, int, int], object], alice: User, garden: Room
) -> None:
    say(alice, garden)
    with pytest.raises(Forbidden):
        query(person("eve"), garden.pk, 0)
    with pytest.raises(NotFound):
        query(alice, garden.pk + 1, 0)


# --- the session ---------------------------------------------------------------------------------


Who = Callable[[str | None], User | None]


@pytest.fixture(params=[queries.session_user, async_to_sync(queries.asession_user)])
def who(request: pytest.FixtureRequest) -> Who:
    """Both spellings of the question."""
    asked: Who = request.param
    return asked


def test_a_session_says_who_one_is(who: Who, alice: User) -> None:
    assert who(session_of(alice).session_key) == alice


def test_without_a_session_one_is_nobody(who: Who) -> None:
    assert who(None) is None
    assert who("x" * 32) is None


def logs_out(client: Client, user: User) -> None:
    client.logout()


def stays_away(client: Client, user: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def is_shut_out(client: Client, user: User) -> None:
    User.objects.update(is_active=False)


def has_a_new_password(client: Client, user: User) -> None:
    user.set_password("another one")
    user.save()


def is_no_more(client: Client, user: User) -> None:
    user.delete()


ENDS = [logs_out, stays_away, is_shut_out, has_a_new_password, is_no_more]


@pytest.mark.parametrize("happens", ENDS)
def test_whose_session_ended_is_nobody(
    who: Who, happens: Callable[[Client, User], None], alice: User
) -> None:
    client = logged_in(alice)
    key = client.session.session_key
    happens(client, alice)
    assert who(key) is None


@pytest.mark.parametrize("a_session", [True, False])
def test_who_one_is_takes_two_queries_at_most(
    who: Who,
    a_session: bool,
    alice: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    key = session_of(alice).session_key if a_session else "x" * 32
    with django_assert_num_queries(2 if a_session else 1):
        who(key)
