"""The comparison finds what is not as it should be."""

from collections import defaultdict

import pytest

from tests.chaos.check import Findings, Truth, compare
from tests.chaos.client import Person
from tests.test_view import message, state, welcome
from tests.view import Event

ALICE = 7  # the author of the messages of `tests.test_view`


def truth(*messages: Event) -> Truth:
    room = {said["id"]: said for said in messages}
    return Truth(messages=defaultdict(dict, {1: room}), reads={(ALICE, 1): 0})


def alice(*messages: Event) -> Person:
    """Holds these messages of room 1, and has said all of the first three."""
    person = Person(ALICE, cookie="", path="/ws/chat/", seed="1")
    for event in (welcome(state(0)), *messages):
        person.view.apply(event)
    for number in (1, 2, 3):
        said = message(number)
        person.outbox.said["body", said["client_id"]].add(said["body"])
    return person


def found(person: Person, truth: Truth) -> Findings:
    return compare([person], truth)


def test_nothing_where_all_is_well() -> None:
    assert not found(alice(message(1), message(2)), truth(message(1), message(2))).all


def test_what_is_missing_or_old_is_lost() -> None:
    edited = message(2, version=3, edited=True)
    assert len(found(alice(message(1)), truth(message(1), message(2))).lost) == 1
    assert len(found(alice(message(1), message(2)), truth(message(1), edited)).lost) == 1


def test_a_room_that_is_missing_is_lost() -> None:
    person = alice()
    person.view.rooms.clear()
    assert len(found(person, truth()).lost) == 1


def test_what_the_database_does_not_hold_is_doubled() -> None:
    assert len(found(alice(message(1), message(2)), truth(message(1))).doubled) == 1


def test_what_was_said_once_and_stored_twice_is_doubled() -> None:
    both = message(1), message(2, client_id="c1", body="Number 1")
    assert found(alice(*both), truth(*both)).doubled


@pytest.mark.parametrize(
    "fact, value",
    [
        (("body", "c1"), "Another one"),
        (("body", "never arrived"), "Number 1"),
        (("deleted", "c1"), True),
        (("reaction", 101, "👍"), True),
        (("read", 1), 1),
    ],
)
def test_what_was_acknowledged_and_is_not_so_is_lost(fact: tuple[str, ...], value: object) -> None:
    person = alice(message(1))
    person.outbox.facts[fact] = {value}
    assert len(found(person, truth(message(1))).lost) == 1


def test_what_nobody_asked_for_is_wrong() -> None:
    deleted = message(1, version=2, body="", html="", deleted=True)
    assert len(found(alice(deleted), truth(deleted)).wrong) == 1


def test_what_no_right_server_says_is_wrong() -> None:
    person = alice(message(1), message(1, body="Something else"))
    person.closes[1011] += 1
    person.closes[4503] += 1
    assert len(found(person, truth(message(1))).wrong) == 2
