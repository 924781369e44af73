"""What a person wants is said until it is answered, and only then something else."""

from tests.chaos.outbox import Outbox
from tests.view import Event

BODY = ("body", "c1")


def outbox(*bodies: str) -> Outbox:
    """With a frame for each of these bodies of one message."""
    outbox = Outbox("alice")
    for body in bodies:
        outbox.add({"type": "edit", "body": body}, BODY, body)
    return outbox


def said(outbox: Outbox) -> str:
    frame = outbox.next()
    assert frame
    return str(frame["body"])


def ok(number: int) -> Event:
    return {"type": "ok", "ref": f"alice {number}"}


def error(number: int, code: str) -> Event:
    return {"type": "error", "code": code, "ref": f"alice {number}"}


def test_one_is_on_its_way_at_a_time() -> None:
    box = outbox("one", "two")
    assert said(box) == "one"
    assert box.next() is None
    assert box.is_answer(ok(1)) and not box.is_answer(ok(2))
    box.take(ok(1))
    assert said(box) == "two"


def test_what_was_not_answered_is_said_again() -> None:
    box = outbox("one")
    said(box)
    box.lost()
    assert not box.is_answer(ok(1))
    assert said(box) == "one"
    box.take(error(1, "unavailable"))
    assert said(box) == "one"
    box.take(ok(1))
    assert not len(box)
    assert (box.answered, box.acknowledged) == (1, 1)


def test_what_was_refused_is_given_up() -> None:
    box = outbox("one", "two")
    said(box)
    box.take(error(1, "forbidden"))
    assert said(box) == "two"
    assert (box.answered, box.acknowledged, box.facts) == (1, 0, {})


def test_the_last_that_was_acknowledged_is_so() -> None:
    box = outbox("one", "two")
    for number in (1, 2):
        said(box)
        box.take(ok(number))
    assert box.facts == {BODY: {"two"}}


def test_what_was_said_twice_may_come_late() -> None:
    box = outbox("one", "two")
    said(box)
    box.lost()
    for number in (1, 2):
        said(box)
        box.take(ok(number))
    assert box.facts == {BODY: {"one", "two"}}
