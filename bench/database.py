"""What the bench sees of PostgreSQL, beside the server that it measures."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
EVERY = 0.05  # seconds


class Connections:
    """The most that others had at the same time, while this was watched."""

    def __init__(self) -> None:
        self.most = 0


@contextmanager
def watched(url: str) -> Iterator[Connections]:
    connections, end = Connections(), Event()

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as database:
            while not end.wait(EVERY):
                (now,) = database.execute(OTHERS).fetchone() or (0,)
                connections.most = max(connections.most, now)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield connections
    finally:
        end.set()
        watcher.join()
