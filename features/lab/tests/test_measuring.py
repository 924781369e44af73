"""What is measured of an event, in both spellings of a query."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections

from chat.models import User
from features.lab.measuring import Measurement, now, sleep, users
from tests.plugin import session_of

pytestmark = pytest.mark.django_db(transaction=True)


def measurement() -> Measurement:
    return Measurement("heartbeat", asked=now())


def test_a_query_takes_as_long_as_it_is_told() -> None:
    measured = measurement()
    sleep(measured, 0.1)
    assert measured.ended - measured.began >= 100
    assert measured.asked <= measured.began
    assert measured.thread_id == threading.get_ident()
    assert measured.thread == threading.current_thread().name
    assert measured.connection is not None


def test_a_new_connection_is_told_from_one_that_was_there() -> None:
    connection.close()
    first, second = measurement(), measurement()
    sleep(first, 0.05)
    sleep(second, 0.05)
    assert first.connection and second.connection
    assert first.connection.name == second.connection.name
    assert (first.connection.new, first.connection.age) == (True, 0)
    assert second.connection.new is False
    assert second.connection.age >= 0.05
    assert second.connection.before is None


def test_what_fails_is_measured_too() -> None:
    measured = measurement()
    with pytest.raises(OperationalError), measured.taken():
        raise OperationalError("it is gone\nand more")
    measured.fail(OperationalError("it is gone\nand more"))
    assert measured.error == "it is gone"
    assert measured.began <= measured.ended


def test_a_failure_without_words_has_the_name_of_its_kind() -> None:
    measured = measurement()
    measured.fail(OperationalError())
    assert measured.error == "OperationalError"


@pytest.mark.parametrize("spelling", ["get", "aget"])
def test_the_user_is_read_and_that_is_measured(alice: User, spelling: str) -> None:
    session, measured = session_of(alice), measurement()
    found = users(measured, session.session_key)

    async def ask() -> User:
        try:
            return await found.aget(pk=alice.pk)
        finally:
            await sync_to_async(connections.close_all)()

    assert (found.get(pk=alice.pk) if spelling == "get" else asyncio.run(ask())) == alice
    assert measured.ended > measured.asked
    is_here = measured.thread_id == threading.get_ident()
    assert is_here == (spelling == "get")  # Django takes its a-methods to another thread


def test_nobody_is_found_without_the_session(alice: User, bob: User) -> None:
    session = session_of(alice)
    session.delete()
    with pytest.raises(User.DoesNotExist):
        users(measurement(), session.session_key).get(pk=alice.pk)
    with pytest.raises(User.DoesNotExist):
        users(measurement(), None).get(pk=bob.pk)
