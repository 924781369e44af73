"""Group commit: what several threads want to write to the same room is written together.

They would wait for each other in any case, for the lock of the room's row, each with a transaction
of its own. Here they wait in front of the database: one writes for all who have come, while the
next ones gather, in a busy room a moment longer. So the busier it is, the less each of them costs.
"""

import time
from collections.abc import Callable, Sequence
from threading import Condition, Event
from typing import Generic, TypeVar

GATHER = 0.02  # seconds that a room gathers drafts, after a write for several
MAX_ROOMS = 1_000  # of which it is known that they do

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


class GroupCommit(Generic[Draft, Row]):
    """Passes drafts to `commit`, those of a room together.

    `commit` gets the room's id and drafts, writes them in a transaction of its own, and returns for
    each its row or why it was refused. What it raises is raised for each of them. If that is one of
    `blames_one`, though, a single draft spoiled it for all, and each is written alone. While
    `enough` drafts are on their way, in all rooms together, no room gathers: each of them keeps a
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
        self._waiting: dict[int, list[Entry[Draft, Row]]] = {}  # in rooms where somebody writes
        self._gathered: dict[int, float] = {}  # when rooms that gather are written to next

    def write(self, room_id: int, draft: Draft) -> Row:
        """Returns once it is committed, by this thread or by another."""
        entry: Entry[Draft, Row] = Entry(draft)
        self._enter(room_id, entry)
        if not entry.leads:
            entry.woken.wait()
        if entry.leads:
            self._write_group(room_id, entry)
        if isinstance(entry.outcome, Exception):
            raise entry.outcome
        return entry.outcome

    def _enter(self, room_id: int, entry: Entry[Draft, Row]) -> None:
        with self._lock:
            if room_id in self._waiting:
                self._waiting[room_id].append(entry)
            else:
                self._waiting[room_id] = []
                entry.leads = True
            if self._has_enough():
                self._lock.notify_all()

    def _write_group(self, room_id: int, first: Entry[Draft, Row]) -> None:
        group = [first]
        try:
            group += self._gather(room_id)
            self._write_all(room_id, group)
        finally:
            for entry in group:
                entry.woken.set()
            self._hand_over(room_id, is_busy=len(group) > 1)

    def _gather(self, room_id: int) -> list[Entry[Draft, Row]]:
        """Who has come by the time that the room is written to next."""
        with self._lock:
            rest = self._gathered.get(room_id, 0) - time.monotonic()
            self._lock.wait_for(self._has_enough, timeout=max(0, rest))
            come, self._waiting[room_id] = self._waiting[room_id], []
        return come

    def _has_enough(self) -> bool:
        leaders = len(self._waiting)
        return leaders + sum(map(len, self._waiting.values())) >= self._enough

    def _hand_over(self, room_id: int, is_busy: bool) -> None:
        """Lets the first of those who wait lead."""
        with self._lock:
            if len(self._gathered) > MAX_ROOMS:
                self._gathered.clear()  # then none of them waits, once
            self._gathered[room_id] = time.monotonic() + GATHER if is_busy else 0
            if not self._waiting[room_id]:
                del self._waiting[room_id]
                return
            first = self._waiting[room_id].pop(0)
            first.leads = True
        first.woken.set()

    def _write_all(self, room_id: int, group: list[Entry[Draft, Row]]) -> None:
        outcomes = self._outcomes(room_id, [entry.draft for entry in group])
        if any(isinstance(each, self._blames_one) for each in outcomes) and len(group) > 1:
            for entry in group:
                self._write_all(room_id, [entry])
            return
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome

    def _outcomes(self, room_id: int, drafts: list[Draft]) -> Sequence[Row | Exception]:
        try:
            return self._commit(room_id, drafts)
        except Exception as error:  # each thread raises it, as of the result of a Future
            return [error] * len(drafts)
