"""What is measured of an event: on the thread that serves it, by the clock of the server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Exists, QuerySet
from django.utils import timezone

from chat.models import User
from features.lab import connections
from features.lab.protocol import Cause, Used


def now() -> float:
    """Milliseconds since 1970."""
    return time.time() * 1000


class Measurement:
    """Of one event. `asked` is when the client's frame came in, when the channel layer was told,
    or when the heartbeat was due."""

    def __init__(self, cause: Cause, asked: float) -> None:
        self.cause = cause
        self.asked = asked
        self.thread = ""
        self.thread_id = 0
        self.began = self.ended = asked
        self.connection: Used | None = None
        self.open: int | None = None
        self.error = ""

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Measures the block, which uses the ORM."""
        self.began = now()
        self.thread, self.thread_id = threading.current_thread().name, threading.get_ident()
        try:
            yield
            self.open = connections.open_anywhere()
        finally:
            self.ended = now()
            self.connection = self._used()

    def fail(self, error: Exception) -> None:
        """The database did not do what was asked."""
        self.error = str(error).partition("\n")[0] or type(error).__name__

    def _used(self) -> Used | None:
        used = connections.of_this_thread()
        if used is None:
            return None
        is_new = used.opened * 1000 >= self.began
        age = max(0.0, self.began / 1000 - used.opened)
        return Used(name=used.name, age=age, new=is_new, before=used.before if is_new else None)


def sleep(measurement: Measurement, seconds: float) -> None:
    """A query that takes as long as that. SQLite is taught the function of PostgreSQL."""
    with measurement.taken(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            connection.connection.create_function("pg_sleep", 1, time.sleep)
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
        cursor.fetchall()


class MeasuredQuerySet(QuerySet[User]):
    """`get` is measured, and by that Django's own `aget`, which is `get` on another thread."""

    measurement: Measurement

    def get(self, *args: Any, **kwargs: Any) -> User:
        with self.measurement.taken():
            return super().get(*args, **kwargs)


def users(measurement: Measurement, session_key: str | None) -> MeasuredQuerySet:
    """People, as long as this session lasts; nobody afterwards."""
    session = Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now())
    measured = MeasuredQuerySet(User).filter(Exists(session))
    measured.measurement = measurement
    return measured
