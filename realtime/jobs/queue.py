"""Jobs: a synchronous function with a name, run at least once.

    @job("exports.write")
    def write(claim: Claim, *, export: int) -> None: ...

    queue.ask("exports.write", export=7)  # in the transaction of the change it belongs to

The row is the truth; a hint through the channel layer only says that there is one. A function may
run again after it was done, when its worker died before it could say so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from realtime import hints
from realtime.jobs.models import Job
from realtime.outage import OUTAGE

CHANNEL = "jobs"  # `manage.py runworker jobs`
LEASE = timedelta(minutes=1)  # after which a worker that was not heard of is given up
ATTEMPTS = 3  # it may be the job that ends its workers
BACK_OFF = timedelta(seconds=10)  # after the first failure; twice as long after each further one

logger = logging.getLogger(__name__)


class TakenOver(Exception):
    """Another worker has this job now."""


@dataclass(frozen=True)
class Kind:
    """What a name means."""

    work: Callable[..., None]
    give_up: Callable[..., None] | None
    attempts: int


kinds: dict[str, Kind] = {}


class Claim:
    """A job that this worker has taken. It is this worker's as long as its number of attempts."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def renew(self) -> None:
        """Puts off the moment at which the worker is given up. Raises TakenOver if it was.

        Called in the transaction of each piece of work, it keeps a worker that was thought dead
        from writing beside its successor.
        """
        self._change(due_at=timezone.now() + LEASE)
        leave_sign_of_life()

    def retry_later(self) -> None:
        self._change(due_at=timezone.now() + BACK_OFF * 2 ** (self.job.attempts - 1))

    def finish(self) -> None:
        self._mine().delete()

    def _change(self, **fields: object) -> None:
        if not self._mine().update(**fields):
            raise TakenOver

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job.pk, attempts=self.job.attempts)


def job(
    name: str, *, give_up: Callable[..., None] | None = None, attempts: int = ATTEMPTS
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function, which gets its Claim and the arguments it was asked for with.

    `give_up` gets the arguments once the job has failed, or ended its worker, `attempts` times.
    """

    def register(work: Callable[..., None]) -> Callable[..., None]:
        kinds[name] = Kind(work, give_up, attempts)
        return work

    return register


def ask(name: str, *, after: timedelta = timedelta(), **arguments: Any) -> Job:
    """Has a job done once the transaction commits, `after` a while. Arguments are JSON."""
    asked = Job.objects.create(name=name, arguments=arguments, due_at=timezone.now() + after)
    transaction.on_commit(wake)
    return asked


def wake() -> None:
    """Tells the workers to look."""
    hints.send(CHANNEL, {"type": "look"})


def work() -> None:
    """Does all that is due. An outage of the database is raised: the jobs wait for its end."""
    while claim := take():
        run(claim)
    leave_sign_of_life()


@transaction.atomic
def take() -> Claim | None:
    """The job that has been due the longest. Those of unknown names wait for a version of the site
    that knows them."""
    due = Job.objects.filter(due_at__lte=timezone.now(), name__in=kinds).order_by("due_at", "pk")
    taken = due.select_for_update(skip_locked=True).first()
    if taken is None:
        return None
    taken.attempts += 1
    taken.due_at = timezone.now() + LEASE
    taken.save(update_fields=["attempts", "due_at"])
    return Claim(taken)


def run(claim: Claim) -> None:
    try:
        attempt(claim)
    except TakenOver:
        logger.info("Job %s (%s) was taken over", claim.job.pk, claim.job.name)


def attempt(claim: Claim) -> None:
    """Raises TakenOver, also where the job failed when it was another worker's already."""
    job, kind = claim.job, kinds[claim.job.name]
    try:
        if job.attempts > kind.attempts:
            return fail(claim)
        kind.work(claim, **job.arguments)
        claim.finish()
    except (TakenOver, *OUTAGE):
        raise
    except Exception:  # a fault of ours; other jobs have their turn meanwhile
        logger.exception("Job %s (%s) failed", job.pk, job.name)
        if job.attempts >= kind.attempts:
            return fail(claim)
        claim.retry_later()


def fail(claim: Claim) -> None:
    """It was tried as often as it may be."""
    job, kind = claim.job, kinds[claim.job.name]
    logger.error("Job %s (%s) is given up", job.pk, job.name)
    try:
        with transaction.atomic():
            if kind.give_up:
                kind.give_up(**job.arguments)
            claim.finish()
    except OUTAGE:
        raise
    except Exception:  # it would come back for ever, before all others
        logger.exception("Job %s (%s) could not be given up", job.pk, job.name)
        claim.finish()


def leave_sign_of_life() -> None:
    """For whatever supervises the worker: the database answers, and work gets on."""
    if settings.WORKER_ALIVE:
        Path(settings.WORKER_ALIVE).touch()
