"""The events of a room leave in the order of their numbers, however they come."""

from itertools import permutations

import pytest

from realtime.sequence import PATIENCE, Sequence
from tests.chat.fixtures import Clock


def test_nothing_came_so_nothing_goes_out() -> None:
    assert Sequence(after=6).take() == []


def test_what_comes_in_order_goes_out_at_once() -> None:
    events = Sequence(after=6)
    for number in (7, 8, 9):
        events.put(number, str(number))
    assert events.take() == ["7", "8", "9"]
    assert not events.waits


def test_what_was_handed_out_is_not_handed_out_again() -> None:
    events = Sequence(after=6)
    events.put(7, "7")
    events.take()
    assert events.take() == []


@pytest.mark.parametrize("order", list(permutations([7, 8, 9])))
def test_in_whatever_order_they_come_they_go_out_as_they_happened(order: tuple[int, ...]) -> None:
    events = Sequence(after=6)
    out: list[str] = []
    for number in order:
        events.put(number, str(number))
        out += events.take()
    assert out == ["7", "8", "9"]


def test_what_comes_after_a_gap_waits(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(8, "8")
    clock.now += PATIENCE / 2
    assert events.take() == []
    assert events.waits


def test_what_comes_before_a_gap_does_not_wait() -> None:
    events = Sequence(after=6)
    events.put(7, "7")
    events.put(9, "9")
    assert events.take() == ["7"]
    assert events.waits


def test_after_a_while_a_missing_number_is_given_up(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(8, "8")
    clock.now += PATIENCE
    assert events.take() == ["8"]
    assert not events.waits


def test_each_gap_is_waited_for_on_its_own(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(8, "8")
    clock.now += PATIENCE
    events.put(10, "10")
    assert events.take() == ["8"]
    assert events.waits


def test_a_number_that_comes_after_all_goes_out_at_once(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(8, "8")
    clock.now += PATIENCE
    events.take()
    events.put(7, "7")
    assert events.take() == ["7"]


def test_a_late_number_does_not_turn_the_order_back(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(3, "3")
    assert events.take() == ["3"]
    events.put(7, "7")
    assert events.take() == ["7"]


def test_the_first_number_of_a_new_room_is_one() -> None:
    events = Sequence(after=0)
    events.put(2, "2")
    assert events.take() == []
    events.put(1, "1")
    assert events.take() == ["1", "2"]


def test_what_passes_has_no_place_in_the_order_and_never_waits() -> None:
    events = Sequence(after=6)
    events.put(8, "8")
    events.put(0, "typing")
    events.put(0, "presence")
    assert events.take() == ["typing", "presence"]
    assert events.take() == []
