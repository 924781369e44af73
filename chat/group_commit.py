"""Group commit: what several threads want to write to the same room is written together.

They would wait for each other in any case, for the lock of the room's row, each with a transaction
of its own. Here they wait in front of the database: one writes for all who have come, while the
next ones gather. So the busier a room is, the less each of them costs.
"""

from collections.abc import Callable, Sequence
from copy import copy
from threading import Event, Lock
from typing import Generic, TypeVar

Draft = TypeVar("Draft")  # what somebody wants to be written
Row = TypeVar("Row")  # what it is once it was


class Interrupted(Exception):
    """The thread that wrote for others was ended."""


class Entry(Generic[Draft, Row]):
    """A draft on its way, and the thread that waits for it."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.outcome: Row | Exception = Interrupted()
        self.group: list[Entry[Draft, Row]] = []  # what its thread has to write for all of them
        self.woken = Event()  # it was written, or has a group to write


class GroupCommit(Generic[Draft, Row]):
    """Passes drafts to `commit`, those of a room together.

    `commit` gets the room's id and drafts, writes them in a transaction of its own, and returns for
    each its row or why it was refused. What it raises is raised for each of them. If that is one of
    `blames_one`, though, a single draft spoiled it for all, and each is written alone.
    """

    def __init__(
        self,
        commit: Callable[[int, list[Draft]], Sequence[Row | Exception]],
        blames_one: type[Exception],
    ) -> None:
        self._commit = commit
        self._blames_one = blames_one
        self._lock = Lock()
        self._waiting: dict[int, list[Entry[Draft, Row]]] = {}  # in rooms where somebody writes

    def write(self, room_id: int, draft: Draft) -> Row:
        """Returns once it is committed, by this thread or by another."""
        entry: Entry[Draft, Row] = Entry(draft)
        if self._must_wait(room_id, entry):
            entry.woken.wait()
        else:
            entry.group = [entry]
        if entry.group:
            self._write_group(room_id, entry.group)
        if isinstance(entry.outcome, Exception):
            raise entry.outcome
        return entry.outcome

    def _must_wait(self, room_id: int, entry: Entry[Draft, Row]) -> bool:
        with self._lock:
            somebody_writes = room_id in self._waiting
            self._waiting.setdefault(room_id, [])
            if somebody_writes:
                self._waiting[room_id].append(entry)
            return somebody_writes

    def _write_group(self, room_id: int, group: list[Entry[Draft, Row]]) -> None:
        try:
            self._write_all(room_id, group)
        finally:
            for entry in group:
                entry.woken.set()
            self._hand_over(room_id)

    def _hand_over(self, room_id: int) -> None:
        """Lets the first of those who wait write for all of them."""
        with self._lock:
            waiting = self._waiting.pop(room_id)
            if not waiting:
                return
            self._waiting[room_id] = []
        first = waiting[0]
        first.group = waiting
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
        except Exception as error:  # each thread raises one of its own
            return [copy(error) for _ in drafts]
