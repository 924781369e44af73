"""In an outage a line now and then is enough."""

import logging

import pytest

from chatsite import logs
from chatsite.logs import PAUSE, Seldom
from tests.chat.test_sequence import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


def record(message: str, *values: str) -> logging.LogRecord:
    return logging.LogRecord("outage", logging.WARNING, "", 0, message, values, None)


def test_the_same_message_is_let_through_once_in_a_while(clock: Clock) -> None:
    seldom = Seldom()
    assert seldom.filter(record("away: %s", "refused"))
    assert not seldom.filter(record("away: %s", "timed out"))
    clock.now += PAUSE
    assert seldom.filter(record("away: %s", "refused"))


def test_another_message_is_let_through_beside_it() -> None:
    seldom = Seldom()
    assert seldom.filter(record("away"))
    assert seldom.filter(record("back"))
