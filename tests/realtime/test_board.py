"""realtime/ carries another product than the chat: tests/realtime/board.py, of some lines."""

import json
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from chat.models import User
from tests.realtime.board import BoardConsumer
from tests.realtime.test_channel_layer import awaited

pytestmark = pytest.mark.once


async def artist(number: int) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(BoardConsumer.as_asgi(), "/", subprotocols=["board.v1"])
    socket.scope["user"] = User(pk=number)  # AuthMiddleware would have found it
    assert await socket.connect() == (True, "board.v1")
    return socket


async def hears(socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    """The next event of this kind."""
    while True:
        for event in json.loads((await socket.receive_output(timeout=10))["text"]):
            if event["type"] == kind:
                return dict(event)


@awaited
async def test_what_one_draws_the_other_sees_and_nonsense_is_refused() -> None:
    one, two = await artist(1), await artist(2)
    assert 2 in (await hears(two, "artists"))["here"]
    await one.send_to(text_data='{"type": "draw", "x": 3, "y": 4}')
    assert await hears(two, "drawn") == {"type": "drawn", "by": 1, "x": 3, "y": 4}
    await one.send_to(text_data='{"type": "draw", "x": "left"}')
    assert (await hears(one, "error"))["code"] == "invalid"
    for socket in (one, two):
        await socket.disconnect(timeout=10)
