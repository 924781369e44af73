"""How a worker writes a room to a file, and what happens when it does not come to the end."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from chat import actions, exports
from chat.models import EXPORT_ATTEMPTS, EXPORT_LEASE, EXPORT_LIFE, Export, ExportPart, Room, User
from tests.factories import at_once, delete, edit, fill, react, room, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 10)


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
    actions.amend(message_id=question.pk, part="previews", value=[{"title": "Tomatoes"}])
    delete(bob, say(bob, garden, "Wrong room."))
    exports.work()
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
    exports.work()
    export = written(asked)
    assert [line["position"] for line in said(export)] == list(range(1, size + 1))
    assert (export.messages, export.size) == (size, len(content(export)))


def test_other_rooms_are_not_in_it(alice: User, garden: Room, asked: Export) -> None:
    say(alice, room(alice, name="Orchard"), "Elsewhere")
    exports.work()
    assert said(written(asked)) == []


def test_a_part_takes_as_many_queries_however_long_the_room(
    alice: User, garden: Room, asked: Export
) -> None:
    def queries() -> int:
        Export.objects.update(state=Export.State.WAITING, finished_at=None, attempts=0)
        with CaptureQueriesContext(connection) as captured:
            exports.work()
        return len(captured)

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
    with patch.object(exports, "add_part", first(one_more, exports.add_part)):
        exports.work()
    assert len(said(written(asked))) == 20


def first(before: Callable[[], object], then: Callable[..., None]) -> Callable[..., None]:
    def both(*args: Any) -> None:
        before()
        then(*args)

    return both


# --- a worker that does not come to the end -------------------------------------------------------


def half_written(garden: Room, alice: User) -> Export:
    """The worker died over the second part."""
    fill(garden, alice, 25)
    export = exports.take()
    assert export
    batches = exports.batches(export.room_id, export.until)
    exports.add_part(export, 0, next(batches))
    return export


def grow_old(export: Export) -> None:
    Export.objects.filter(pk=export.pk).update(heard_at=timezone.now() - EXPORT_LEASE * 1.1)


def test_what_another_worker_is_at_is_left_to_it(alice: User, garden: Room, asked: Export) -> None:
    half_written(garden, alice)
    assert exports.take() is None


def test_what_a_worker_died_over_is_begun_anew(alice: User, garden: Room, asked: Export) -> None:
    grow_old(half_written(garden, alice))
    exports.work()
    export = written(asked)
    assert (len(said(export)), export.attempts, export.messages) == (25, 2, 25)


def test_who_was_thought_dead_and_is_not_writes_nothing_more(
    alice: User, garden: Room, asked: Export
) -> None:
    slow = half_written(garden, alice)
    grow_old(slow)
    exports.work()
    with pytest.raises(exports.TakenOver):
        exports.add_part(slow, 1, [b"late\n"])
    exports.write(slow)  # says so in the log, and that is all
    assert len(said(written(asked))) == 25


def test_each_part_says_that_the_worker_lives(alice: User, garden: Room, asked: Export) -> None:
    export = half_written(garden, alice)
    grow_old(export)
    exports.add_part(export, 1, [])
    assert exports.take() is None


def test_what_ends_its_workers_is_given_up(alice: User, garden: Room, asked: Export) -> None:
    for _ in range(EXPORT_ATTEMPTS):
        grow_old(half_written(garden, alice))
    exports.work()
    asked.refresh_from_db()
    assert asked.state == Export.State.FAILED


def test_a_fault_fails_the_export_and_no_other(
    alice: User, garden: Room, asked: Export, caplog: pytest.LogCaptureFixture
) -> None:
    actions.ask_for_export(user=alice, room_id=room(alice, name="Orchard").pk)
    with patch.object(exports, "line", side_effect=ZeroDivisionError):
        say(alice, garden)
        exports.work()
    states = Export.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [Export.State.FAILED, Export.State.READY]
    assert "ZeroDivisionError" in caplog.text


def test_an_outage_fails_nothing(asked: Export) -> None:
    with (
        patch.object(exports, "add_part", side_effect=OperationalError),
        pytest.raises(DatabaseError),
    ):
        exports.work()
    grow_old(asked)
    exports.work()
    assert written(asked).attempts == 2


# --- afterwards ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [Export.State.READY, Export.State.FAILED])
def test_it_is_kept_for_a_day(asked: Export, state: str) -> None:
    exports.work()
    for age, is_kept in ((0.9, True), (1.1, False)):
        Export.objects.update(state=state, finished_at=timezone.now() - EXPORT_LIFE * age)
        exports.work()
        assert Export.objects.exists() == ExportPart.objects.exists() == is_kept


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_share_the_work(alice: User) -> None:
    rooms = [room(alice, name=f"Room {n}") for n in range(8)]
    for each in rooms:
        fill(each, alice, 25)
        actions.ask_for_export(user=alice, room_id=each.pk)
    assert at_once(*[exports.work] * 4) == [None] * 4
    for export in Export.objects.all():
        assert (len(said(written(export))), export.attempts) == (25, 1)


def test_signs_of_life_are_left_while_all_is_well_and_a_long_room_is_written(
    alice: User, garden: Room, asked: Export, settings: Settings, tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    settings.WORKER_ALIVE = str(alive)
    gone = patch.object(exports, "take", side_effect=OperationalError("gone"))
    with gone, pytest.raises(OperationalError):
        exports.work()
    assert not alive.exists()

    signs = []

    def batches(*_: Any) -> Iterator[list[bytes]]:
        for _ in range(3):
            alive.unlink(missing_ok=True)
            yield []
            signs.append(alive.exists())

    with patch.object(exports, "batches", batches):
        exports.work()
    assert signs == [True] * 3

    alive.unlink()
    exports.work()  # nothing is due
    assert alive.exists()
