"""Waking the consumers of a user: on commit, and not if it is rolled back."""

import asyncio
from unittest.mock import patch

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from chat.consumers import AsyncChatConsumer, ChatConsumer
from realtime.consumer import SocketConsumer
from realtime.hints import channel_layer, wake
from tests.factories import Interrupted, listening

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("consumer", [ChatConsumer, AsyncChatConsumer])
def test_a_socket_that_the_channel_layer_refuses_ends_with_its_reason(
    consumer: type[SocketConsumer],
) -> None:
    """A stock layer raises while its Redis is away; nothing hides that, and no task is left."""

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def open_socket() -> None:
        scope = {"type": "websocket", "user": AnonymousUser(), "subprotocols": []}
        with patch.object(channel_layer(), "new_channel", side_effect=ConnectionError("gone")):
            await consumer()(scope, receive, receive)

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(open_socket())


def test_a_user_is_woken_with_what_happened() -> None:
    with listening() as heard:
        wake(7, "user.read", room=1, position=2)
    assert heard.woken == [(7, {"type": "user.read", "room": 1, "position": 2})]


def test_nobody_is_woken_before_the_commit() -> None:
    with listening() as heard:
        with transaction.atomic():
            wake(7, "user.session")
            assert heard.nothing
        assert heard.woken == [(7, {"type": "user.session"})]


def test_nobody_is_woken_by_what_is_rolled_back() -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        wake(7, "user.session")
        raise Interrupted
    assert heard.nothing
