"""Jobs: what is asked for is done at least once, whatever became of the hint or of a worker."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from pytest_django import Settings

from realtime.channel_layer import HintLayer
from realtime.jobs import queue, worker
from realtime.jobs.models import Job
from realtime.jobs.queue import ATTEMPTS, BACK_OFF, LEASE, Claim, TakenOver
from realtime.jobs.worker import JobConsumer, Lifespan, PunctualWorker
from tests.factories import Interrupted, at_once, listening
from tests.plugin import on_a_loop
from tests.site import until

# --- the queue -----------------------------------------------------------------------------------

in_the_database = pytest.mark.django_db


class Done:
    """A kind of job that keeps what it was called with, and fails if it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[dict[str, Any]] = []
        self.given_up: list[dict[str, Any]] = []
        self.error: Exception | None = None
        kind = queue.Kind(self.work, lambda **what: self.given_up.append(what), ATTEMPTS)
        monkeypatch.setitem(queue.kinds, "test.note", kind)

    def work(self, claim: Claim, **what: Any) -> None:
        self.calls.append(what)
        if self.error:
            raise self.error


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Done:
    return Done(monkeypatch)


def make_due() -> None:
    Job.objects.update(due_at=timezone.now())


@in_the_database
def test_a_job_is_done_once_and_then_gone(done: Done) -> None:
    queue.ask("test.note", number=1)
    queue.work()
    queue.work()
    assert done.calls == [{"number": 1}]
    assert not Job.objects.exists()


@in_the_database
def test_the_workers_are_told_on_commit() -> None:
    with listening() as heard:
        queue.ask("test.note")
        assert heard.called == []
    assert heard.called == [("jobs", {"type": "look"})]


@in_the_database
def test_a_job_goes_with_the_change_it_belongs_to() -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        queue.ask("test.note")
        raise Interrupted
    assert heard.called == []
    assert not Job.objects.exists()


@in_the_database
def test_a_job_for_later_waits(done: Done) -> None:
    queue.ask("test.note", after=timedelta(hours=1))
    queue.work()
    assert done.calls == []


@in_the_database
def test_a_job_of_an_unknown_name_waits_for_a_version_that_knows_it() -> None:
    queue.ask("test.unknown")
    queue.work()
    assert Job.objects.get().attempts == 0


@in_the_database
def test_a_job_that_another_worker_is_at_is_left_to_it(done: Done) -> None:
    queue.ask("test.note")
    assert queue.take()
    assert queue.take() is None


@in_the_database
def test_a_job_whose_worker_died_is_done_by_another(done: Done) -> None:
    queue.ask("test.note", number=1)
    dead = queue.take()
    assert dead and dead.job.due_at - timezone.now() > LEASE * 0.9
    make_due()
    queue.work()
    assert done.calls == [{"number": 1}]
    with pytest.raises(TakenOver):
        dead.renew()


@in_the_database
def test_a_worker_that_renews_its_claim_keeps_it(done: Done) -> None:
    queue.ask("test.note")
    claim = queue.take()
    assert claim
    make_due()
    claim.renew()
    assert queue.take() is None


@in_the_database
def test_a_job_that_fails_is_tried_again_ever_later_and_then_given_up(
    done: Done, caplog: pytest.LogCaptureFixture
) -> None:
    done.error = ZeroDivisionError()
    queue.ask("test.note", number=1)
    waits = []
    for _ in range(ATTEMPTS - 1):
        queue.work()
        waits.append(Job.objects.get().due_at - timezone.now())
        make_due()
    assert [round(wait / BACK_OFF) for wait in waits] == [1, 2]
    queue.work()
    assert (done.given_up, Job.objects.exists()) == ([{"number": 1}], False)
    assert "ZeroDivisionError" in caplog.text and "is given up" in caplog.text


@in_the_database
def test_a_job_that_ends_its_workers_is_given_up(done: Done) -> None:
    queue.ask("test.note", number=1)
    for _ in range(ATTEMPTS):
        assert queue.take()
        make_due()
    queue.work()
    assert (done.calls, done.given_up) == ([], [{"number": 1}])


@in_the_database
def test_a_job_that_cannot_even_be_given_up_is_gone_all_the_same(
    done: Done, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**what: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(queue.kinds, "test.note", queue.Kind(done.work, broken, attempts=1))
    done.error = ValueError()
    queue.ask("test.note")
    queue.work()
    assert not Job.objects.exists()
    assert "could not be given up" in caplog.text


@in_the_database
def test_a_fault_keeps_no_other_job_waiting(done: Done) -> None:
    queue.ask("test.note", number=1)
    queue.ask("test.note", number=2)
    done.error = ZeroDivisionError()
    queue.work()
    assert len(done.calls) == 2


@in_the_database
def test_a_worker_that_fails_after_it_was_given_up_goes_on_with_the_next_job(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over_and_broken(claim: Claim) -> None:
        Job.objects.filter(pk=claim.job.pk).update(attempts=2)
        raise ZeroDivisionError

    monkeypatch.setitem(
        queue.kinds, "test.break", queue.Kind(taken_over_and_broken, None, ATTEMPTS)
    )
    queue.ask("test.break")
    queue.ask("test.note", number=2)
    queue.work()
    assert done.calls == [{"number": 2}]


@in_the_database
def test_an_outage_is_no_failure(done: Done) -> None:
    done.error = OperationalError("gone")
    queue.ask("test.note")
    with pytest.raises(OperationalError):
        queue.work()
    assert done.given_up == []


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_do_each_job_once(done: Done) -> None:
    for number in range(20):
        queue.ask("test.note", number=number)
    assert at_once(*[queue.work] * 4) == [None] * 4
    assert sorted(call["number"] for call in done.calls) == list(range(20))


@in_the_database
def test_a_worker_leaves_signs_of_life_while_the_database_answers(
    done: Done, settings: Settings, tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    settings.WORKER_ALIVE = str(alive)
    with (
        patch.object(queue, "take", side_effect=OperationalError("gone")),
        pytest.raises(OperationalError),
    ):
        queue.work()
    assert not alive.exists()
    queue.work()
    assert alive.exists()
    alive.unlink()
    queue.ask("test.note")
    claim = queue.take()
    assert claim
    claim.renew()
    assert alive.exists()


# --- a clock beside the channel ------------------------------------------------------------------


class Looks:
    """An application that counts how often it was told to look."""

    def __init__(self) -> None:
        self.count = 0
        self.busy = asyncio.Event()
        self.busy.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope == {"type": "channel", "channel": "jobs"}
        while (await receive())["type"] == "look":
            self.count += 1
            await self.busy.wait()

    async def reach(self, count: int) -> None:
        await until(lambda: self.count >= count, f"it has looked {count} times")


@contextmanager
def working(looks: Looks) -> Iterator[HintLayer]:
    layer = HintLayer()
    task = asyncio.create_task(PunctualWorker(looks, ["jobs"], layer).arun())
    yield layer
    task.cancel()


def test_a_worker_looks_at_its_start_and_when_it_is_told() -> None:
    async def steps() -> None:
        looks = Looks()
        with working(looks) as layer:
            await looks.reach(1)
            await layer.send("jobs", {"type": "look"})
            await looks.reach(2)

    asyncio.run(steps())


def test_a_worker_looks_now_and_then_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.02)

    async def steps() -> None:
        looks = Looks()
        with working(looks):
            await looks.reach(3)

    asyncio.run(steps())


def test_while_a_worker_is_busy_its_clock_does_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.001)

    async def steps() -> None:
        looks = Looks()
        looks.busy.clear()
        with working(looks):
            await looks.reach(1)
            await asyncio.sleep(0.2)  # for hundreds of looks
            monkeypatch.setattr(worker, "LOOK", 60)
            await asyncio.sleep(0.01)
            looks.busy.set()
            await looks.reach(2)
            await asyncio.sleep(0.05)
            assert looks.count == 2

    asyncio.run(steps())


def test_a_lifespan_is_that_of_its_worker() -> None:
    async def steps() -> None:
        looks, events, said = Looks(), asyncio.Queue[dict[str, str]](), asyncio.Queue[Any]()
        lifespan = Lifespan(PunctualWorker(looks, ["jobs"], HintLayer()))
        life = asyncio.create_task(lifespan({"type": "lifespan"}, events.get, said.put))
        events.put_nowait({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
        await looks.reach(1)
        events.put_nowait({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await life

    asyncio.run(steps())


def test_a_worker_that_ends_says_why_and_begins_anew(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.02)

    class Broken(PunctualWorker):
        async def remind(self) -> None:
            if not caplog.text:
                raise ValueError("broken")
            await super().remind()

    async def steps() -> None:
        looks = Looks()
        work = asyncio.create_task(Lifespan(Broken(looks, ["jobs"], HintLayer())).work())
        await looks.reach(1)
        work.cancel()

    asyncio.run(steps())
    assert "ValueError: broken" in caplog.text


# --- what the consumer does ----------------------------------------------------------------------


def test_a_consumer_outlives_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    consumer = JobConsumer()
    with patch.object(queue, "work", side_effect=OperationalError("gone")):
        on_a_loop(consumer.look({"type": "look"}))
    assert "The database is not available: gone" in caplog.text
