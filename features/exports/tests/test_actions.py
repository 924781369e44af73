"""Who may have a room written to a file, and what happens when several ask."""

from functools import partial

import pytest
from django.db import transaction

from chat import actions as chat_actions
from chat import limits
from chat.models import Room, User
from features.exports import actions, writing
from features.exports.models import Export
from realtime.jobs import queue
from realtime.jobs.models import Job
from realtime.rate_limit import TokenBuckets
from realtime.wire import Forbidden, NotFound, RateLimited
from tests.factories import Interrupted, at_once, direct, listening, moderator, person, room, say

pytestmark = pytest.mark.django_db

NOWHERE = 2**63 - 1


def ask(user: User, room: Room) -> Export:
    return actions.ask_for_export(user=user, room_id=room.pk)


def test_the_owner_asks_and_the_workers_are_told_on_commit(alice: User, garden: Room) -> None:
    with listening() as heard:
        export = ask(alice, garden)
        assert heard.called == []
    assert heard.called == [("jobs", {"type": "look"})]
    assert (export.room, export.by, export.state) == (garden, alice, Export.State.WAITING)


def test_a_moderator_may(bob: User, garden: Room) -> None:
    assert ask(moderator(garden, bob), garden).by == bob


def test_a_member_may_not(bob: User, garden: Room) -> None:
    with listening() as heard, pytest.raises(Forbidden):
        ask(bob, garden)
    assert heard.called == []
    assert not Export.objects.exists()


def test_nobody_may_in_a_direct_room(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        ask(alice, direct(alice, bob))


def test_who_is_not_there_may_not(carol: User, garden: Room) -> None:
    with pytest.raises(Forbidden):
        ask(carol, garden)


def test_there_has_to_be_a_room(alice: User) -> None:
    with pytest.raises(NotFound):
        actions.ask_for_export(user=alice, room_id=NOWHERE)


def test_who_asks_while_one_is_under_way_gets_that(alice: User, bob: User, garden: Room) -> None:
    export = ask(alice, garden)
    assert ask(moderator(garden, bob), garden) == export
    writing.begin(export)
    assert ask(alice, garden) == export
    assert Job.objects.count() == 1


@pytest.mark.parametrize("state", [Export.State.READY, Export.State.FAILED])
def test_a_new_one_takes_the_place_of_one_that_is_over(
    alice: User, garden: Room, state: str
) -> None:
    earlier = ask(alice, garden)
    queue.work()
    Export.objects.update(state=state)
    export = ask(alice, garden)
    assert export != earlier
    assert list(Export.objects.all()) == [export]
    assert (export.state, export.parts.count()) == (Export.State.WAITING, 0)


def test_what_is_rolled_back_was_not_asked_for(alice: User, garden: Room) -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        ask(alice, garden)
        raise Interrupted
    assert heard.called == []
    assert not Export.objects.exists()


def test_who_asks_too_often_is_told(
    alice: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "changes", TokenBuckets(per_minute=1))
    ask(alice, garden)
    with pytest.raises(RateLimited):
        ask(alice, garden)


def test_who_may_no_longer_moderate_sees_it_no_longer(alice: User, bob: User, garden: Room) -> None:
    ask(moderator(garden, bob), garden)
    assert actions.export_of(bob, garden.pk)
    chat_actions.set_role(user=alice, room_id=garden.pk, member_id=bob.pk, role="member")
    with pytest.raises(Forbidden):
        actions.export_of(bob, garden.pk)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_each_gets_the_same(alice: User, garden: Room) -> None:
    asked = at_once(*[partial(ask, alice, garden)] * 8)
    assert asked == [Export.objects.get()] * 8


@pytest.mark.django_db(transaction=True)
def test_a_room_goes_with_its_export_while_a_worker_writes(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first, the other one neither fails nor leaves anything behind."""
    olga = person("olga", is_staff=True)
    monkeypatch.setattr(writing, "BATCH", 1)
    orchard = room(alice)
    for n in range(20):
        say(alice, orchard, f"Number {n}")
    ask(alice, orchard)
    outcomes = at_once(queue.work, partial(chat_actions.staff_delete_room, user=olga, room=orchard))
    assert outcomes == [None, None]
    queue.work()
    assert not Export.objects.exists()
