"""Group commit: what several threads want to write under the same lock is written together.

They would wait for each other in any case, for the lock of one row, each with a transaction of its
own. Here they wait in front of the database: one writes for all who have come, while the next ones
gather, at a busy row a moment longer. So the busier it is, the less each of them costs.
"""

import time
from collections.abc import Callable, Sequence
from threading import Condition, Event
from typing import Generic, TypeVar

from django.db import transaction

GATHER = 0.02  # seconds that a row gathers drafts, after a write for several
MAX_ROWS = 1_000  # of which it is known that they do

Draft = TypeVar("Draft")  # what somebody wants to be written
Row = TypeVar("Row")  # what it is once it was


class Interrupted(Exception):
    """The thread that wrote for others was ended."""


class Entry(Generic[Draft, Row]):
    """A draft on its way, and the thread that waits for it."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.outcome: Row | Exception = Interrupted()
        self.leads = False  # its thread writes for all who have come
        self.woken = Event()  # it was written, or leads


def _row(outcome: Row | Exception) -> Row:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class GroupCommit(Generic[Draft, Row]):
    """Passes drafts to `commit`, those for one row together.

    `commit` gets the key and the drafts, writes them in a transaction of its own, and returns for
    each its row or why it was refused. What it raises is raised for each of them. If that is one of
    `blames_one`, though, a single draft spoiled it for all, and each is written alone. While
    `enough` drafts are on their way, to all rows together, no row gathers: each of them keeps a
    thread waiting.
    """

    def __init__(
        self,
        commit: Callable[[int, list[Draft]], Sequence[Row | Exception]],
        blames_one: type[Exception],
        enough: int,
    ) -> None:
        self._commit = commit
        self._enough = enough
        self._blames_one = blames_one
        self._lock = Condition()  # notified when enough have come
        self._waiting: dict[int, list[Entry[Draft, Row]]] = {}  # for rows that somebody writes to
        self._gathered: dict[int, float] = {}  # when rows that gather are written to next

    def write(self, key: int, draft: Draft) -> Row:
        """Returns once it is committed, by this thread or by another. In a transaction of the
        caller's, whose end decides about this as well, it is written at once."""
        if transaction.get_connection().in_atomic_block:
            return _row(self._commit(key, [draft])[0])
        entry: Entry[Draft, Row] = Entry(draft)
        self._enter(key, entry)
        if not entry.leads:
            entry.woken.wait()
        if entry.leads:
            self._write_group(key, entry)
        return _row(entry.outcome)

    def _enter(self, key: int, entry: Entry[Draft, Row]) -> None:
        with self._lock:
            if key in self._waiting:
                self._waiting[key].append(entry)
            else:
                self._waiting[key] = []
                entry.leads = True
            if self._has_enough():
                self._lock.notify_all()

    def _write_group(self, key: int, first: Entry[Draft, Row]) -> None:
        group = [first]
        try:
            group += self._gather(key)
            self._write_all(key, group)
        finally:
            for entry in group:
                entry.woken.set()
            self._hand_over(key, is_busy=len(group) > 1)

    def _gather(self, key: int) -> list[Entry[Draft, Row]]:
        """Who has come by the time that the row is written to next."""
        with self._lock:
            rest = self._gathered.get(key, 0) - time.monotonic()
            self._lock.wait_for(self._has_enough, timeout=max(0, rest))
            come, self._waiting[key] = self._waiting[key], []
        return come

    def _has_enough(self) -> bool:
        leaders = len(self._waiting)
        return leaders + sum(map(len, self._waiting.values())) >= self._enough

    def _hand_over(self, key: int, is_busy: bool) -> None:
        """Lets the first of those who wait lead."""
        with self._lock:
            if len(self._gathered) > MAX_ROWS:
                self._gathered.clear()  # then none of them waits, once
            self._gathered[key] = time.monotonic() + GATHER if is_busy else 0
            if not self._waiting[key]:
                del self._waiting[key]
                return
            first = self._waiting[key].pop(0)
            first.leads = True
        first.woken.set()

    def _write_all(self, key: int, group: list[Entry[Draft, Row]]) -> None:
        outcomes = self._outcomes(key, [entry.draft for entry in group])
        if any(isinstance(each, self._blames_one) for each in outcomes) and len(group) > 1:
            for entry in group:
                self._write_all(key, [entry])
            return
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome

    def _outcomes(self, key: int, drafts: list[Draft]) -> Sequence[Row | Exception]:
        try:
            return self._commit(key, drafts)
        except Exception as error:  # each thread raises it, as of the result of a Future
            return [error] * len(drafts)
