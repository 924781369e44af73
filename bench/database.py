"""What the bench sees of PostgreSQL, beside the server that it measures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg

from tests.site import wait_until

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
LOGGED = r"""
    SELECT count(*) FROM regexp_matches(
        pg_read_file('log'), '(statement|execute \S+): (SELECT|INSERT|UPDATE|DELETE)', 'g')"""
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


@contextmanager
def log_of_statements(url: str) -> Iterator[Callable[[], int]]:
    """What is yielded tells how many statements others have sent so far."""
    with (
        psycopg.connect(url, autocommit=True) as database,
        psycopg.connect(url, autocommit=True) as witness,
    ):
        database.execute("SET log_statement = 'none'")  # but for this connection
        database.execute("ALTER SYSTEM SET log_statement = 'all'")
        database.execute("SELECT pg_reload_conf()")

        def heard() -> bool:
            return witness.execute("SHOW log_statement").fetchone() == ("all",)

        wait_until(heard, "the connections have heard that statements are logged")

        def count() -> int:
            (count,) = database.execute(LOGGED).fetchone() or (0,)
            return int(count)

        yield count
