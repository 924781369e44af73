"""Which connection a thread has, since when, and how many there are."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from features.lab import connections
from tests.factories import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    connection.close()
    yield
    connection.close()


def query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_closed_connection_is_none() -> None:
    assert connections.of_this_thread() is None


def test_it_is_named_dated_and_the_same_until_it_is_closed() -> None:
    before = time.time()
    query()
    first = connections.of_this_thread()
    assert first is not None
    assert before <= first.opened <= time.time()
    query()
    assert connections.of_this_thread() == first
    connection.close()
    query()
    second = connections.of_this_thread()
    assert second is not None
    assert second.name != first.name
    assert second.before == first.name


def test_on_postgresql_its_name_is_that_of_the_backend() -> None:
    query()
    used = connections.of_this_thread()
    assert used is not None
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert used.name == str(cursor.fetchone()[0])
    else:
        assert used.name.startswith("#")


def test_each_thread_has_its_own_and_all_are_counted() -> None:
    query()
    alone = connections.open_here()

    def look() -> tuple[str, int, int]:
        query()
        used = connections.of_this_thread()
        assert used is not None
        return used.name, connections.open_here(), connections.open_anywhere()

    looks = [look for look in at_once(look, look, look) if isinstance(look, tuple)]
    assert len({name for name, _, _ in looks}) == 3
    assert max(here for _, here, _ in looks) > alone
    assert all(anywhere >= 2 for _, _, anywhere in looks)  # our own, and that of the one who asks
    assert connections.open_here() == alone
