"""A WebSocket that cannot be served now is told so with a code."""

import asyncio
import logging
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from chat.models import User
from realtime import outage
from realtime.outage import ComeBackLater
from tests.metrics import grows
from tests.plugin import logged_in


def opened(app: Any) -> list[dict[str, Any]]:
    """What a client gets that opens a socket on the application."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(ComeBackLater(app)({"type": "websocket"}, None, send))
    return sent


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})


@pytest.mark.parametrize("outage", [OperationalError, InterfaceError])
def test_without_a_database_it_is_to_come_back_later(outage: type[Exception]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise outage("the connection is closed")

    with grows(1, "chat_sockets_turned_away_total"):
        assert [message.get("code") for message in opened(app)] == [None, 4503]


def test_from_a_process_that_is_leaving_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "draining", True)
    assert [message.get("code") for message in opened(accepting)] == [None, 4503]


def test_else_it_is_served() -> None:
    assert opened(accepting) == [{"type": "websocket.accept"}]


def test_a_fault_of_ours_is_not_hidden() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError):
        opened(app)


@pytest.mark.django_db
def test_pages_without_a_database_are_counted_each_and_said_once(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*query: object) -> None:
        raise OperationalError("the connection is closed")

    client = logged_in(alice)
    with (
        connection.execute_wrapper(refuse),
        grows(3, "chat_refusals_total", code="unavailable"),
    ):
        pages = [client.get("/rooms/") for _ in range(3)]
    assert [page.status_code for page in pages] == [503] * 3
    assert pages[0]["Retry-After"] == "5"
    assert caplog.messages == ["The database is not available: the connection is closed"]


def test_an_outage_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    outage.log(OperationalError("the connection is closed\nIs the server running?"))
    assert caplog.record_tuples == [
        ("outage", logging.WARNING, "The database is not available: the connection is closed")
    ]
