"""How a worker writes a room to a file, and what happens when it does not come to the end."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import actions as chat_actions
from chat.models import Room, User
from features.exports import actions, writing
from features.exports.models import EXPORT_LIFE, Export, ExportPart
from realtime.jobs import queue
from realtime.jobs.models import Job
from realtime.jobs.queue import Claim, TakenOver
from tests.factories import at_once, delete, edit, fill, react, room, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BATCH", 10)


@pytest.fixture
def asked(alice: User, garden: Room) -> Export:
    return actions.ask_for_export(user=alice, room_id=garden.pk)


def content(export: Export) -> bytes:
    return b"".join(bytes(part.content) for part in export.parts.order_by("number"))


def said(export: Export) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(content(export)).splitlines()]


def written(export: Export) -> Export:
    export.refresh_from_db()
    assert export.state == Export.State.READY
    return export


def test_each_message_is_a_line(alice: User, bob: User, garden: Room, asked: Export) -> None:
    question = say(alice, garden, "Who waters the *tomatoes*?\n\nThey are dry. 🍅")
    say(bob, garden, "I do.", reply_to=question.pk)
    react(alice, question, "🎉")
    react(bob, question, "🎉")
    edit(alice, question, "Who waters the tomatoes? 🍅")
    chat_actions.amend(message_id=question.pk, part="previews", value=[{"title": "Tomatoes"}])
    delete(bob, say(bob, garden, "Wrong room."))
    queue.work()
    first, second, third = said(written(asked))
    question.refresh_from_db()
    assert first == {
        "position": 1,
        "author": {"username": "alice", "name": "Alice"},
        "body": "Who waters the tomatoes? 🍅",
        "created": question.created_at.isoformat(),
        "edited": question.edited_at and question.edited_at.isoformat(),
        "deleted": None,
        "reactions": {"🎉": ["alice", "bob"]},
        "reply_to": None,
        "parts": {"previews": [{"title": "Tomatoes"}]},
    }
    assert (second["body"], second["reply_to"]) == ("I do.", 1)
    assert (third["body"], bool(third["deleted"])) == ("", True)


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 25])
def test_nothing_is_left_out_or_doubled(
    alice: User, garden: Room, asked: Export, size: int
) -> None:
    fill(garden, alice, size)
    queue.work()
    export = written(asked)
    assert [line["position"] for line in said(export)] == list(range(1, size + 1))
    assert (export.messages, export.size) == (size, len(content(export)))


def test_other_rooms_are_not_in_it(alice: User, garden: Room, asked: Export) -> None:
    say(alice, room(alice, name="Orchard"), "Elsewhere")
    queue.work()
    assert said(written(asked)) == []


def test_a_part_takes_as_many_queries_however_long_the_room(
    alice: User, garden: Room, asked: Export
) -> None:
    def queries() -> int:
        Export.objects.update(state=Export.State.WAITING, finished_at=None)
        queue.ask("exports.write", export=asked.pk)
        with CaptureQueriesContext(connection) as captured:
            queue.work()
        return len(captured)

    queue.work()
    fill(garden, alice, 11)
    two_parts = queries()
    fill(garden, alice, 10)
    three_parts = queries()
    fill(garden, alice, 10)
    assert queries() - three_parts == three_parts - two_parts


def test_what_is_said_meanwhile_does_not_keep_it_from_ending(
    alice: User, garden: Room, asked: Export
) -> None:
    fill(garden, alice, 20)
    one_more = partial(say, alice, garden, "And another thing")
    with patch.object(writing, "add_part", first(one_more, writing.add_part)):
        queue.work()
    assert len(said(written(asked))) == 20


def first(before: Callable[[], object], then: Callable[..., None]) -> Callable[..., None]:
    def both(*args: Any) -> None:
        before()
        then(*args)

    return both


# --- a worker that does not come to the end -------------------------------------------------------


def half_written(garden: Room, alice: User, asked: Export) -> Claim:
    """The worker died over the second part."""
    fill(garden, alice, 25)
    claim = queue.take()
    assert claim
    writing.begin(asked)
    asked.until = garden.head + 25
    writing.add_part(claim, asked, 0, next(writing.batches(garden.pk, asked.until)))
    return claim


def give_up_waiting() -> None:
    """As if the worker had not been heard of for as long as its lease."""
    Job.objects.filter(name="exports.write").update(due_at=timezone.now())


def test_an_export_whose_worker_died_is_written_from_the_beginning(
    alice: User, garden: Room, asked: Export
) -> None:
    half_written(garden, alice, asked)
    give_up_waiting()
    queue.work()
    export = written(asked)
    assert (len(said(export)), export.messages) == (25, 25)


def test_a_worker_that_was_given_up_writes_nothing_more(
    alice: User, garden: Room, asked: Export
) -> None:
    slow = half_written(garden, alice, asked)
    give_up_waiting()
    queue.work()
    with pytest.raises(TakenOver):
        writing.add_part(slow, asked, 1, [b"late\n"])
    assert len(said(written(asked))) == 25


def test_a_worker_that_was_given_up_before_it_began_leaves_the_file_alone(
    alice: User, garden: Room, asked: Export
) -> None:
    slow = half_written(garden, alice, asked)
    give_up_waiting()
    queue.work()
    with pytest.raises(TakenOver):
        writing.write(slow, asked)
    assert len(said(written(asked))) == 25


def test_a_worker_that_was_given_up_at_the_end_does_not_call_half_a_file_ready(
    alice: User, garden: Room, asked: Export
) -> None:
    fill(garden, alice, 25)
    slow = queue.take()
    assert slow

    def successor_begins() -> None:
        give_up_waiting()
        assert queue.take()
        writing.begin(asked)

    with (
        patch.object(writing, "batches", then_nothing(successor_begins)),
        pytest.raises(TakenOver),
    ):
        writing.write(slow, asked)
    asked.refresh_from_db()
    assert asked.state == Export.State.WRITING


def then_nothing(before: Callable[[], None]) -> Callable[..., Iterator[list[bytes]]]:
    def batches(*_: object) -> Iterator[list[bytes]]:
        before()
        yield from ()

    return batches


def test_an_export_that_was_deleted_does_not_come_back(
    alice: User, garden: Room, asked: Export
) -> None:
    claim = queue.take()
    assert claim
    actions.remove(Export.objects.get())
    with pytest.raises(TakenOver):
        writing.write(claim, asked)
    assert not Export.objects.exists()


def test_an_export_that_fails_again_and_again_is_given_up(
    alice: User, garden: Room, asked: Export
) -> None:
    with patch.object(writing, "line", side_effect=ZeroDivisionError):
        say(alice, garden)
        for _ in range(queue.ATTEMPTS):
            give_up_waiting()
            queue.work()
    asked.refresh_from_db()
    assert asked.state == Export.State.FAILED


# --- afterwards ----------------------------------------------------------------------------------


def test_a_file_is_removed_after_a_day(asked: Export) -> None:
    queue.work()
    expiry = Job.objects.get(name="exports.expire")
    assert expiry.due_at - timezone.now() > EXPORT_LIFE * 0.99
    Job.objects.update(due_at=timezone.now())
    queue.work()
    assert not Export.objects.exists() and not ExportPart.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_share_the_work(alice: User) -> None:
    rooms = [room(alice, name=f"Room {n}") for n in range(8)]
    for each in rooms:
        fill(each, alice, 25)
        actions.ask_for_export(user=alice, room_id=each.pk)
    assert at_once(*[queue.work] * 4) == [None] * 4
    for export in Export.objects.all():
        assert len(said(written(export))) == 25
