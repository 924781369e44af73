"""The topics of a process, and what reaches them through the channel layer."""

import asyncio
from collections.abc import Iterator

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from chat.protocol import Left
from chatsite.settings import channel_layers as configured
from realtime.fanout import Fanout
from realtime.hints import channel_layer
from tests.plugin import needed
from tests.realtime.test_relay import ROOM, Page, awaited, presence
from tests.services import free_port, redis_server


@awaited
async def test_a_message_that_cannot_be_read_is_not_the_end_of_the_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fanout, page = Fanout("room", presence), Page()
    await page.outlet.release()
    await fanout.join(page.outlet, {ROOM: 0})
    await channel_layer().group_send(fanout.group(ROOM), {"serial": 1, "events": None})
    fanout.publish(ROOM, 1, Left(room=ROOM))
    while "left" not in [event["type"] for event in await page.next()]:
        pass
    assert f"room.{ROOM} could not take in a message" in caplog.text
    page.outlet.end()


@awaited
async def test_a_socket_that_was_closed_before_it_came_in_does_not_wait_for_the_topic() -> None:
    fanout, page = Fanout("room", presence), Page()
    page.outlet.end()
    await asyncio.wait_for(fanout.join(page.outlet, {ROOM: 0}), 5)


@pytest.fixture
def stock_layer() -> Iterator[int]:
    """The pub/sub layer of channels_redis as the site's, and the port where it looks for Redis."""
    port, before = free_port(), channel_layers["default"]
    config = configured([f"redis://127.0.0.1:{port}/0"], "pubsub")["default"]["CONFIG"]
    channel_layers.set("default", RedisPubSubChannelLayer(**config))
    yield port
    channel_layers.set("default", before)


@awaited
async def test_a_layer_that_raises_keeps_nobody_waiting_and_is_heard_once_redis_is_there(
    request: pytest.FixtureRequest, stock_layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.fanout.RETRY", 0.1)
    fanout, page = Fanout("room", presence), Page()
    await page.outlet.release()
    await fanout.join(page.outlet, {ROOM: 0})  # returns, although Redis is away
    fanout.pass_on(ROOM, Left(room=1))  # and neither does this raise
    with needed(request, lambda: redis_server(stock_layer)):
        typed = asyncio.create_task(types(fanout))
        while "left" not in [event["type"] for event in await page.next()]:
            pass
        typed.cancel()
        page.outlet.end()
        await channel_layers["default"].flush()


async def types(fanout: Fanout) -> None:
    while True:
        fanout.pass_on(ROOM, Left(room=2))
        await asyncio.sleep(0.05)
