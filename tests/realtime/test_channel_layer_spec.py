"""HintLayer and the specification of channel layers, and where it differs on purpose.

https://channels.readthedocs.io/en/stable/channel_layer_spec.html

What holds for every layer is asked of Channels' own as well: so these tests say what it says.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from chatsite.settings import channel_layers as configured
from realtime import channel_layer
from realtime.channel_layer import HintLayer
from tests.chat.fixtures import Clock
from tests.realtime.test_channel_layer import awaited

pytestmark = pytest.mark.once

CAPACITY = 3
AN_HOUR_AND_A_DAY = 25 * 60 * 60.0
HELLO = {"type": "hello"}


@pytest.fixture
def over_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """The alias of a pub/sub layer of channels_redis."""
    url = request.getfixturevalue("redis_url")
    config = configured([url], "pubsub")["default"]["CONFIG"]
    alias = f"tests-{uuid4().hex}"
    channel_layers.set(alias, RedisPubSubChannelLayer(**config | {"prefix": alias}))
    yield alias
    del channel_layers.backends[alias]


@pytest.fixture(params=["ours", "ours over Redis", "of Channels"])
def layer(request: pytest.FixtureRequest) -> Any:
    if request.param == "of Channels":
        return InMemoryChannelLayer(capacity=CAPACITY)
    beneath = request.getfixturevalue("over_redis") if "Redis" in request.param else None
    return HintLayer(beneath, capacity=CAPACITY)


async def waiting(layer: Any, channel: str) -> list[Any]:
    """All that waits in a channel. Nothing is received from it afterwards."""
    messages = []
    try:
        while True:
            messages.append(await asyncio.wait_for(layer.receive(channel), 0.05))
    except TimeoutError:
        return messages


# --- channels ------------------------------------------------------------------------------------


@awaited
async def test_what_is_sent_is_received_once_and_in_its_order(layer: Any) -> None:
    channel = await layer.new_channel()
    for n in range(3):
        await layer.send(channel, {"type": "test", "n": n})
    assert [message["n"] for message in await waiting(layer, channel)] == [0, 1, 2]


@awaited
async def test_who_waits_gets_what_is_sent_later(layer: Any) -> None:
    channel = await layer.new_channel()
    receiving = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    await layer.send(channel, HELLO)
    assert await receiving == HELLO


@awaited
async def test_a_new_channel_is_nobody_else_s_and_local_to_its_process(layer: Any) -> None:
    one, two = await layer.new_channel(), await layer.new_channel("mine")
    assert one != two
    assert "!" in one and "!" in two
    assert two.startswith("mine")
    await layer.send(one, HELLO)
    assert await waiting(layer, two) == []
    assert await waiting(layer, one) == [HELLO]


@awaited
async def test_a_full_channel_takes_no_more_and_says_so(layer: Any) -> None:
    full, other = await layer.new_channel(), await layer.new_channel()
    for _ in range(CAPACITY):
        await layer.send(full, HELLO)
    with pytest.raises(ChannelFull):
        await layer.send(full, HELLO)
    await layer.send(other, HELLO)
    await layer.receive(full)
    await layer.send(full, HELLO)
    assert len(await waiting(layer, full)) == CAPACITY


@awaited
async def test_what_the_sender_does_to_a_message_later_changes_nothing(layer: Any) -> None:
    channel = await layer.new_channel()
    message: dict[str, Any] = {"type": "test", "list": [1], "more": {"a": "b"}}
    await layer.send(channel, message)
    message["list"].append(2)
    message["more"]["a"] = message["type"] = "c"
    assert await layer.receive(channel) == {"type": "test", "list": [1], "more": {"a": "b"}}


# --- groups --------------------------------------------------------------------------------------


@awaited
async def test_a_group_reaches_each_of_its_channels_once(layer: Any) -> None:
    one, two, outside = [await layer.new_channel() for _ in range(3)]
    for channel in (one, one, two):
        await layer.group_add("g", channel)
    await layer.group_send("g", HELLO)
    assert await waiting(layer, one) == await waiting(layer, two) == [HELLO]
    assert await waiting(layer, outside) == []


@awaited
async def test_a_channel_that_was_discarded_gets_nothing_more(layer: Any) -> None:
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    await layer.group_discard("g", channel)
    await layer.group_discard("g", channel)  # which changes nothing
    await layer.group_discard("unknown", channel)
    await layer.group_send("g", HELLO)
    assert await waiting(layer, channel) == []


@awaited
async def test_a_group_of_nobody_may_be_sent_to(layer: Any) -> None:
    await layer.group_send("nobody", HELLO)


@awaited
async def test_a_group_does_not_raise_for_a_full_channel_and_reaches_the_others(layer: Any) -> None:
    full, free = await layer.new_channel(), await layer.new_channel()
    for channel in (full, free):
        await layer.group_add("g", channel)
    for _ in range(CAPACITY):
        await layer.send(full, {"type": "before"})
    await layer.group_send("g", HELLO)
    assert await waiting(layer, free) == [HELLO]
    assert await waiting(layer, full) == [{"type": "before"}] * CAPACITY


# --- messages ------------------------------------------------------------------------------------

MAY_BE_SENT = [b"bytes", "text", 2**63 - 1, -(2**63), 1.5, True, None, [1, [2]], {"a": {"b": []}}]
MAY_NOT = [{7: "a number for a key"}, datetime.now(), 2**64, {1, 2}, uuid4(), Decimal(1), object()]


@pytest.mark.parametrize("value", MAY_BE_SENT, ids=repr)
@awaited
async def test_what_may_be_sent_comes_as_it_was(layer: Any, value: object) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "test", "value": value})
    assert await layer.receive(channel) == {"type": "test", "value": value}


@pytest.mark.parametrize("value", MAY_NOT, ids=lambda value: type(value).__name__)
@awaited
async def test_what_may_not_be_sent_raises_and_nobody_gets_it(value: object) -> None:
    """Also within one process, where it could be passed on: else it would raise in production."""
    layer = HintLayer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    for sending in (
        layer.send(channel, {"type": "test", "value": value}),
        layer.group_send("g", {"type": "test", "value": value}),
    ):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            await sending
    assert await waiting(layer, channel) == []


# --- where ours differs, as its docstring says ---------------------------------------------------


@awaited
async def test_other_than_specified_a_channel_of_another_process_is_not_reached() -> None:
    here, there = HintLayer(), HintLayer()
    channel = await there.new_channel()
    await here.send(channel, HELLO)
    assert await waiting(there, channel) == []


@awaited
async def test_other_than_specified_a_fixed_channel_keeps_nothing_for_who_comes_later() -> None:
    layer = HintLayer()
    await layer.send("work", HELLO)
    assert await waiting(layer, "work") == []


@awaited
async def test_other_than_specified_a_fixed_channel_is_never_full() -> None:
    layer = HintLayer(capacity=CAPACITY)
    receiving = asyncio.create_task(layer.receive("work"))
    await asyncio.sleep(0)
    for _ in range(CAPACITY + 1):
        await layer.send("work", HELLO)
    assert await receiving == HELLO
    assert layer.dropped == 1


@awaited
async def test_other_than_specified_nothing_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(channel_layer, "time", clock)
    layer = HintLayer()
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    await layer.group_send("g", HELLO)
    clock.now += AN_HOUR_AND_A_DAY
    await layer.group_send("g", HELLO)
    assert await waiting(layer, channel) == [HELLO, HELLO]


@awaited
async def test_other_than_specified_there_is_no_flush() -> None:
    assert HintLayer.extensions == ["groups"]
