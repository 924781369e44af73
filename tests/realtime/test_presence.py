"""Who is in a room, over all processes."""

import pytest

from chat.protocol import Presence as Event
from realtime import presence
from realtime.presence import EXPIRES, Presence
from tests.realtime.test_relay import presence as presence_event
from tests.realtime.test_sequence import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(presence, "time", clock)
    return clock


@pytest.fixture
def room() -> Presence:
    return Presence(7, presence_event)


def told(here: list[int], gone: list[int]) -> Event:
    return presence_event(7, here, gone)


def test_who_comes_is_told_and_who_goes(room: Presence) -> None:
    assert room.changes({2, 1}) == told(here=[1, 2], gone=[])
    assert room.changes({2, 3}) == told(here=[3], gone=[1])


def test_where_nobody_came_or_went_nothing_is_told(room: Presence) -> None:
    assert room.changes(set()) is None
    room.changes({1})
    assert room.changes({1}) is None


def test_who_is_in_another_process_is_here_too(room: Presence) -> None:
    room.hear("other", [2, 3])
    assert room.changes({1}) == told(here=[1, 2, 3], gone=[])


def test_the_newest_list_of_a_process_counts(room: Presence) -> None:
    room.hear("other", [2, 3])
    room.changes({1})
    room.hear("other", [3])
    assert room.changes({1}) == told(here=[], gone=[2])


def test_who_is_in_two_processes_goes_with_the_last(room: Presence) -> None:
    room.hear("other", [1])
    room.changes({1})
    assert room.changes(set()) is None
    room.hear("other", [])
    assert room.changes(set()) == told(here=[], gone=[1])


def test_a_list_that_is_not_repeated_expires(room: Presence, clock: Clock) -> None:
    room.hear("other", [2])
    room.changes({1})
    clock.now += EXPIRES
    assert room.changes({1}) == told(here=[], gone=[2])


def test_a_list_that_is_repeated_does_not_expire(room: Presence, clock: Clock) -> None:
    room.hear("other", [2])
    room.changes({1})
    clock.now += EXPIRES - 1
    room.hear("other", [2])
    clock.now += EXPIRES - 1
    assert room.changes({1}) is None


def test_a_process_that_was_not_known_is_news(room: Presence) -> None:
    assert room.hear("other", [2])


def test_a_list_that_says_the_same_is_no_news(room: Presence) -> None:
    room.hear("other", [2, 3])
    assert not room.hear("other", [3, 2])


def test_a_list_that_says_something_else_is_news(room: Presence) -> None:
    room.hear("other", [2])
    assert room.hear("other", [2, 3])


def test_who_has_just_come_is_told_of_everybody_the_others_know(room: Presence) -> None:
    room.hear("other", [3])
    assert room.snapshot({1, 2}) == told(here=[1, 2, 3], gone=[])
