"""Group commit: what several threads want to write to the same room is written together.

They would wait for each other in any case, for the lock of the room's row, each with a connection
and a transaction of its own. Here they wait in front of the database: the first writes for all who
have come by then, while the next ones gather. So the busier a room, the less a message costs, and
the fewer of the ORM threads stand before its lock.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

Draft = TypeVar("Draft")
Row = TypeVar("Row")


class Desk(Generic[Draft, Row]):
    """Where the writers of one room meet."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Draft, Future[Row]]] = deque()
        self.writing = Lock()


class GroupCommit(Generic[Draft, Row]):
    """Passes drafts to `write`, those of a room together.

    `write` gets the room's id and drafts, and returns a row for each; it runs in one transaction,
    which it begins. What it raises is raised for each draft of the group. If that is one of
    `blames_one`, then only a draft of the group was wrong, and each is written alone.
    """

    def __init__(
        self,
        write: Callable[[int, list[Draft]], list[Row]],
        blames_one: tuple[type[Exception], ...],
    ) -> None:
        self._write = write
        self._blames_one = blames_one
        self._desks: WeakValueDictionary[int, Desk[Draft, Row]] = WeakValueDictionary()
        self._lock = Lock()

    def write(self, room_id: int, draft: Draft) -> Row:
        """Returns once it is committed, by this thread or by another."""
        row: Future[Row] = Future()
        with self._lock:
            desk = self._desks.setdefault(room_id, Desk())
        desk.waiting.append((draft, row))
        with desk.writing:
            if not row.done():
                self._write_all(room_id, [desk.waiting.popleft() for _ in range(len(desk.waiting))])
        return row.result()

    def _write_all(self, room_id: int, group: list[tuple[Draft, Future[Row]]]) -> None:
        try:
            rows = self._write(room_id, [draft for draft, _ in group])
        except self._blames_one as error:
            if len(group) == 1:
                return group[0][1].set_exception(error)
            for each in group:
                self._write_all(room_id, [each])
        except BaseException as error:  # whoever waits has to hear of it
            for _, row in group:
                row.set_exception(error)
        else:
            for (_, row), written in zip(group, rows, strict=True):
                row.set_result(written)
