"""The channel layer, with a Redis beneath it that comes and goes."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import wraps
from typing import Any
from unittest.mock import Mock, patch
from urllib.parse import urlsplit

import pytest
import redis
from channels.exceptions import ChannelFull
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from chatsite.settings import channel_layers as configured
from realtime import channel_layer
from realtime.channel_layer import PATIENCE, HintLayer
from tests.metrics import grows
from tests.plugin import need
from tests.services import Missing, free_port, redis_server
from tests.site import until

pytestmark = pytest.mark.once

DEADLINE = 20.0
Steps = Coroutine[Any, Any, None]


def awaited(test: Callable[..., Steps]) -> Callable[..., None]:
    """Runs a test on an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Listener:
    """A channel of a process, and what came through it."""

    def __init__(self, layer: HintLayer) -> None:
        self.layer = layer
        self.channel = ""
        self.heard: list[int] = []

    async def open(self, *groups: str) -> "Listener":
        self.channel = await self.layer.new_channel()
        for group in groups:
            await self.layer.group_add(group, self.channel)
        self._task = asyncio.create_task(self._listen())
        await asyncio.sleep(0)  # until it listens
        return self

    async def receive_from(self, channel: str) -> "Listener":
        """Listens to a fixed channel."""
        self.channel = channel
        self._task = asyncio.create_task(self._listen())
        await until(lambda: bool(self.layer.groups), "the group is joined")
        return self

    async def _listen(self) -> None:
        while True:
            self.heard.append((await self.layer.receive(self.channel))["n"])

    async def hears(self, n: int) -> None:
        await until(lambda: n in self.heard, f"{n} is heard")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def says(layer: HintLayer, n: int, group: str = "g") -> None:
    await layer.group_send(group, {"type": "test", "n": n})


async def gets_through(layer: HintLayer, to: Listener, after: int, group: str = "g") -> None:
    """Says numbers until one is heard."""
    async with asyncio.timeout(DEADLINE):
        n = after
        while not any(heard > after for heard in to.heard):
            n += 1
            await says(layer, n, group)
            await asyncio.sleep(0.05)


# --- within a process ----------------------------------------------------------------------------


@awaited
async def test_a_group_reaches_its_channels_and_no_others() -> None:
    layer = HintLayer()
    one, two = await Listener(layer).open("g"), await Listener(layer).open("g", "h")
    await says(layer, 1)
    await says(layer, 2, group="h")
    await two.hears(2)
    assert (one.heard, two.heard) == ([1], [1, 2])


@awaited
async def test_who_left_a_group_hears_it_no_more() -> None:
    layer = HintLayer()
    stays, goes = await Listener(layer).open("g"), await Listener(layer).open("g")
    await layer.group_discard("g", goes.channel)
    await says(layer, 1)
    await stays.hears(1)
    assert goes.heard == []


@awaited
async def test_each_channel_has_a_message_of_its_own() -> None:
    layer = HintLayer()
    channels = [await layer.new_channel() for _ in range(2)]
    for channel in channels:
        await layer.group_add("g", channel)
    await says(layer, 1)
    (await layer.receive(channels[0]))["n"] = 2
    assert (await layer.receive(channels[1]))["n"] == 1


@awaited
async def test_of_who_stopped_listening_nothing_is_kept() -> None:
    layer = HintLayer()
    goes = await Listener(layer).open("g", "h")
    await goes.close()
    assert layer.groups == {}
    assert layer._mailboxes == layer._groups_of == {}


@awaited
async def test_a_channel_that_nobody_reads_is_bounded_and_does_not_stop_the_others() -> None:
    layer = HintLayer(capacity=3)
    idle, reads = await layer.new_channel(), await Listener(layer).open("g")
    await layer.group_add("g", idle)
    with grows(2, "chat_hints_lost_total", cause="full"):
        for n in range(5):
            await says(layer, n)
            await reads.hears(n)
    assert layer.dropped == 2
    with pytest.raises(ChannelFull):
        await layer.send(idle, {"type": "test"})


@awaited
async def test_a_fixed_channel_reaches_who_receives_from_it() -> None:
    layer = HintLayer()
    worker = await Listener(layer).receive_from("work")
    await layer.send("work", {"type": "test", "n": 1})
    await worker.hears(1)
    await worker.close()
    await layer.send("work", {"type": "test", "n": 2})  # nobody is there: it is lost
    assert layer.groups == {}


BAD_NAMES = ["", "white space", "x" * 200, "ümlaut", 7]


@pytest.mark.parametrize("name", BAD_NAMES)
@awaited
async def test_a_name_that_is_not_allowed_is_the_caller_s_mistake(name: Any) -> None:
    layer = HintLayer()
    channel = await layer.new_channel()
    for call in (
        layer.group_add(name, channel),
        layer.group_send(name, {"type": "test"}),
        layer.send(name, {"type": "test"}),
        layer.receive(name),
    ):
        with pytest.raises(TypeError):
            await call


@awaited
async def test_a_message_is_a_dict() -> None:
    with pytest.raises(TypeError):
        await HintLayer().group_send("g", ["no"])  # type: ignore[arg-type]


# --- with others, through Redis ------------------------------------------------------------------


@pytest.fixture
def port(request: pytest.FixtureRequest) -> int:
    try:
        with redis_server():
            return free_port()
    except Missing as missing:
        need(request, missing)
        raise


@pytest.fixture
def processes(port: int) -> Iterator[tuple[HintLayer, HintLayer]]:
    """Two layers over one Redis, as two processes have them."""
    config = configured([f"redis://127.0.0.1:{port}/0"], "hints")["redis"]["CONFIG"]
    for name in ("one", "two"):
        channel_layers.set(name, RedisPubSubChannelLayer(**config))
    yield HintLayer(beneath="one"), HintLayer(beneath="two")
    for name in ("one", "two"):
        del channel_layers.backends[name]


@contextmanager
def frozen(url: str) -> Iterator[None]:
    pid = redis.Redis.from_url(url).info()["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


Processes = tuple[HintLayer, HintLayer]


@awaited
async def test_a_group_reaches_other_processes_once(processes: Processes, port: int) -> None:
    with redis_server(port):
        here, there = processes
        listeners = [await Listener(layer).open("g") for layer in processes]
        await says(here, 1)
        await says(there, 2)
        for listener in listeners:
            await listener.hears(1)
            await listener.hears(2)
            assert sorted(listener.heard) == [1, 2]


@awaited
async def test_a_fixed_channel_reaches_a_worker_in_another_process(
    processes: Processes, port: int
) -> None:
    here, there = processes
    worker = await Listener(there).receive_from("work")
    async with asyncio.timeout(DEADLINE):
        with redis_server(port):  # which the worker did not find at first
            n = 0
            while not worker.heard:
                n += 1
                await here.send("work", {"type": "test", "n": n})
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "what", [{7: "a number for a key"}, {"n": datetime.now()}, {"n": 2**64}, {"n": {1, 2}}]
)
@awaited
async def test_what_another_process_could_not_read_is_the_caller_s_mistake(
    processes: Processes, port: int, what: dict[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = processes
    with redis_server(port):
        listeners = [await Listener(layer).open("g") for layer in processes]
        with pytest.raises((TypeError, ValueError, OverflowError)):
            await here.group_send("g", {"type": "test", "n": 0, **what})
        await says(here, 1)
        for listener in listeners:
            await listener.hears(1)
            assert listener.heard == [1]
    assert here.uplink and here.uplink.failures == 0
    assert "Redis is away" not in caplog.text


@awaited
async def test_of_many_messages_none_is_lost_while_channels_come_and_go(
    processes: Processes, port: int
) -> None:
    with redis_server(port):
        here, there = processes
        stays = await Listener(here).open("g")
        for n in range(300):
            passing = await Listener(here).open()
            await says(there, n)
            await passing.close()
        await stays.hears(299)
        assert sorted(stays.heard) == list(range(300))


@contextmanager
def hints_of(layer: HintLayer) -> Iterator[Mock]:
    """Counts what it publishes to Redis."""
    assert layer.uplink
    beneath = layer.uplink.redis
    with patch.object(beneath, "group_send", wraps=beneath.group_send) as hint:
        yield hint


@awaited
async def test_messages_that_wait_for_redis_leave_together_and_in_their_order(
    processes: Processes, port: int
) -> None:
    with redis_server(port):
        here, there = processes
        listener = await Listener(there).open("g")
        with hints_of(here) as hint:
            await asyncio.gather(*(says(here, n) for n in range(250)))
        await listener.hears(249)
        assert listener.heard == list(range(250))
        assert hint.call_count == 3  # each with as many as it may hold


@awaited
async def test_what_is_said_soon_after_a_hint_leaves_together(
    processes: Processes, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis_server(port):
        here, there = processes
        listener = await Listener(there).open("g")
        with hints_of(here) as hint:
            monkeypatch.setattr("realtime.channel_layer.GATHER", 0.5)
            await says(here, 0)  # does not wait
            saying = [asyncio.create_task(says(here, n)) for n in (1, 2)]
            await asyncio.sleep(0)
            await asyncio.gather(*saying, says(here, 3))
        await listener.hears(3)
        assert listener.heard == [0, 1, 2, 3]
        assert hint.call_count == 2


@awaited
async def test_what_another_version_says_is_passed_over(processes: Processes, port: int) -> None:
    with redis_server(port):
        here, there = processes
        listener = await Listener(there).open("g")
        assert here.uplink
        await here.uplink.redis.group_send("g", {"type": "hint", "from": "elsewhere", "what": "?"})
        await says(here, 1)
        await listener.hears(1)


@awaited
async def test_without_redis_a_process_goes_on_by_itself(processes: Processes) -> None:
    here, _ = processes
    listener = await Listener(here).open("g")
    with grows(1, "chat_hints_lost_total", cause="redis"):
        await says(here, 1)
        await listener.hears(1)
    assert here.uplink and here.uplink.failures == 1


@awaited
async def test_who_came_while_redis_was_away_is_reached_when_it_is_back(
    processes: Processes, port: int
) -> None:
    here, there = processes
    listener = await Listener(here).open("g")
    with redis_server(port):
        await gets_through(there, listener, after=0)


@awaited
async def test_redis_may_be_restarted(
    processes: Processes, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = processes
    with redis_server(port):
        listener = await Listener(here).open("g")
        await says(there, 1)
        await listener.hears(1)
    await says(there, 2)
    late = await Listener(here).open("h")
    with redis_server(port):
        await gets_through(there, listener, after=2)
        await gets_through(there, late, after=0, group="h")
    assert 2 not in listener.heard
    assert not [line for line in caplog.records if line.exc_info]


@awaited
async def test_a_frozen_redis_costs_a_moment_and_then_nothing(
    processes: Processes, port: int
) -> None:
    here, there = processes
    now = asyncio.get_running_loop().time
    with redis_server(port) as url:
        listener = await Listener(here).open("g")
        with frozen(url):
            before = now()
            await asyncio.gather(*(says(here, n) for n in range(20)))
            assert now() - before < 5 * PATIENCE  # rather than 20 times that
            await listener.hears(19)
        await gets_through(there, listener, after=100)


@awaited
async def test_what_nobody_here_listens_to_does_not_come_here(
    processes: Processes, port: int
) -> None:
    here, _ = processes
    with redis_server(port):
        one, two = await Listener(here).open("g"), await Listener(here).open("g")
        await one.close()
        uplink = here.uplink
        assert uplink
        assert "g" in uplink._joined
        await two.close()
        await until(lambda: "g" not in uplink._joined, "the group is left")


class Wire:
    """Carries connections from one port to another, until those that are open go silent."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.open: set[asyncio.StreamWriter] = set()
        self.silent: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Wire":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in self.open:
            writer.transport.abort()
        await until(lambda: not self.open, "all are closed")

    def go_silent(self) -> None:
        self.silent |= self.open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, far_writer}
        self.open |= both
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        self.open -= both

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if writer not in self.silent:
                    writer.write(data)
        writer.transport.abort()


@awaited
async def test_a_network_that_went_silent_is_noticed(
    processes: Processes, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_layer, "PING", 0.5)
    monkeypatch.setattr(channel_layer, "DEAF", 3.0)
    here, there = processes
    with redis_server() as url:
        async with Wire(port, target=urlsplit(url).port or 0) as wire:
            listener = await Listener(here).open("g")
            await says(there, 1)
            await listener.hears(1)
            wire.go_silent()
            await gets_through(there, listener, after=1)
