"""Many write to one room at once: no gap, no double, and numbers in the order of the commits."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import Count, F, Max

from chat import actions
from chat.models import Message, Room, User
from tests.factories import (
    EMOJI,
    at_once,
    delete,
    edit,
    head,
    listening,
    meanwhile,
    person,
    react,
    say,
)

WRITERS, EACH = 20, 6


@pytest.fixture
def crowd(garden: Room, alice: User) -> list[User]:
    people = [person(f"writer-{number}") for number in range(WRITERS)]
    for member in people:
        actions.add_member(user=alice, room_id=garden.pk, member_id=member.pk)
    return people


@pytest.mark.django_db(transaction=True)
def test_twenty_who_talk_at_once_leave_no_gap_and_no_double(
    crowd: list[User], garden: Room
) -> None:
    def talk(user: User) -> None:
        for _ in range(EACH):
            say(user, garden)

    with listening() as heard:
        outcomes = at_once(*[partial(talk, user) for user in crowd])

    everything = list(range(1, WRITERS * EACH + 1))
    said = garden.messages.order_by("position")
    assert outcomes == [None] * WRITERS
    assert list(said.values_list("position", flat=True)) == everything
    assert list(said.values_list("version", flat=True)) == everything
    assert sorted(heard.numbers) == everything
    assert head(garden) == everything[-1]


@pytest.mark.django_db(transaction=True)
def test_twenty_who_talk_edit_and_react_at_once_leave_no_gap_and_no_double(
    crowd: list[User], garden: Room
) -> None:
    def live(user: User) -> None:
        first, second = say(user, garden), say(user, garden)
        edit(user, first)
        react(user, second)
        react(user, second, on=False)
        delete(user, first)

    with listening() as heard:
        outcomes = at_once(*[partial(live, user) for user in crowd])

    assert outcomes == [None] * WRITERS
    assert sorted(heard.numbers) == list(range(1, WRITERS * EACH + 1))
    assert head(garden) == WRITERS * EACH
    assert {number: event.version for _, number, event in heard.published} == {
        number: number for number in heard.numbers
    }


@pytest.mark.django_db(transaction=True)
def test_twenty_who_change_the_same_message_leave_no_gap_and_no_double(
    crowd: list[User], garden: Room, alice: User
) -> None:
    message = say(alice, garden)

    def change(user: User, emoji: str) -> None:
        for on in (True, False) * (EACH // 2):
            react(user, message, emoji, on)

    with listening() as heard:
        outcomes = at_once(
            *[partial(change, user, emoji) for user, emoji in zip(crowd, EMOJI, strict=False)]
        )

    assert outcomes == [None] * WRITERS
    assert sorted(heard.numbers) == list(range(2, WRITERS * EACH + 2))
    message.refresh_from_db()
    assert message.version == head(garden) == WRITERS * EACH + 1
    assert not message.reactions.exists()


@pytest.mark.django_db(transaction=True)
def test_who_sees_a_number_sees_all_that_came_before_it(crowd: list[User], garden: Room) -> None:
    """The order of the numbers is the order of the commits."""
    seen: set[int] = set()

    def look() -> None:
        room = Room.objects.annotate(said=Count("messages"), newest=Max("messages__version"))
        head, said, newest = room.values_list("head", "said", "newest").get()
        assert (said, newest or 0) == (head, head)
        seen.add(head)

    def talk(user: User) -> None:
        for _ in range(EACH):
            say(user, garden)

    with listening(), meanwhile(look):
        at_once(*[partial(talk, user) for user in crowd])
    assert len(seen) > 2  # it looked in the middle


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [edit, delete, react])
def test_the_newest_change_always_has_the_room_s_number(
    change: Callable[[User, Message], Message], crowd: list[User], garden: Room
) -> None:
    messages = [say(user, garden) for user in crowd]

    def look() -> None:
        room = Room.objects.annotate(newest=Max("messages__version"))
        head, newest = room.values_list("head", "newest").get()
        assert newest == head

    with listening(), meanwhile(look):
        outcomes = at_once(*[partial(change, message.author, message) for message in messages])
    assert outcomes == list(Message.objects.order_by("position"))
    assert head(garden) == 2 * WRITERS
    assert not Message.objects.exclude(version__gt=F("position")).exists()
