"""Which database connections this process has open, and since when: Django tells of each one."""

import time
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS
from django.db import connections as of_threads
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Connection:
    """A connection as long as it lasts. What Django calls so outlives many: it opens the next one
    when it needs it."""

    name: str  # on PostgreSQL the process id of its backend, else a running number
    opened: float  # seconds since 1970
    before: str | None  # the one that this thread had before


_latest: WeakKeyDictionary[BaseDatabaseWrapper, Connection] = WeakKeyDictionary()
_numbers = count(1)
_remembering = Lock()


def remember(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A receiver of django.db.backends.signals.connection_created."""
    with _remembering:
        before = _latest.get(connection)
        _latest[connection] = Connection(
            name=name(connection), opened=time.time(), before=before.name if before else None
        )


def name(connection: BaseDatabaseWrapper) -> str:
    if connection.vendor == "postgresql":
        return str(connection.connection.info.backend_pid)
    return f"#{next(_numbers)}"


def of_this_thread() -> Connection | None:
    """None if it is closed."""
    wrapper = of_threads[DEFAULT_DB_ALIAS]
    return _latest.get(wrapper) if wrapper.connection is not None else None


def open_here() -> int:
    """How many this process has open."""
    with _remembering:
        return sum(wrapper.connection is not None for wrapper in _latest)


def open_anywhere() -> int:
    """How many the database has open, whoever did. SQLite is a file and counts nobody: those of
    this process then."""
    wrapper = of_threads[DEFAULT_DB_ALIAS]
    if wrapper.vendor != "postgresql":
        return open_here()
    with wrapper.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        number: int = cursor.fetchone()[0]
        return number
