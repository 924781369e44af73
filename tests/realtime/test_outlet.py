"""An open socket: what waits for its welcome, and how far behind a client may be."""

import asyncio
import json
from typing import Any
from unittest.mock import patch

import pytest

from realtime import outlet, wire
from realtime.outlet import MAX_BEATS, OVERHEAD, PATIENCE, Outlet, text
from realtime.relay import Relay
from tests.realtime.test_relay import ROOM, Page, awaited, presence

SMALL = {"PROBE": 1_000, "HEADS_ONLY": 5_000, "TOO_SLOW": 8_000}  # bytes
FRAME = "x" * (500 - OVERHEAD)
NEVER = 3_600.0  # seconds


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in SMALL.items():
        monkeypatch.setattr(outlet, name, size)


class Client:
    """The other end: keeps what was sent to it, and answers only when a test says so."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.outlet = Outlet(self._send)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def frames(self) -> int:
        return sum(message.get("text") == FRAME for message in self.sent)

    @property
    def beats(self) -> list[int]:
        frames = [json.loads(m["text"]) for m in self.sent if m.get("text", "x").startswith("[")]
        return [event["n"] for frame in frames for event in frame if event["type"] == "heartbeat"]

    @property
    def code(self) -> int | None:
        return next((m["code"] for m in self.sent if m["type"] == "websocket.close"), None)


async def opened() -> Client:
    client = Client()
    await client.outlet.release()
    return client


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


# --- before the welcome --------------------------------------------------------------------------


@awaited
async def test_a_socket_holds_what_comes_before_its_welcome() -> None:
    page = Page()
    await page.outlet.write("[1]")
    await page.outlet.write("[2]")
    assert page.heard_nothing_more


@awaited
async def test_released_it_lets_through_what_it_held_in_order() -> None:
    page = Page()
    for number in (1, 2, 3):
        await page.outlet.write(f"[{number}]")
    await page.outlet.release()
    await page.outlet.write("[4]")
    assert [await page.next() for _ in range(4)] == [[1], [2], [3], [4]]


@awaited
async def test_what_comes_while_a_socket_is_released_keeps_its_place() -> None:
    written: list[str] = []

    async def send(message: Any) -> None:
        written.append(message["text"])
        if message["text"] == "[1]":
            await outlet.write("[3]")

    outlet = Outlet(send)
    await outlet.write("[1]")
    await outlet.write("[2]")
    await outlet.release()
    assert written == ["[1]", "[2]", "[3]"]


@awaited
async def test_it_holds_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "MAX_HELD", 2)
    page = Page()
    for number in range(5):
        await page.outlet.write(f"[{number}]")
    await page.outlet.release()
    assert [await page.next() for _ in range(2)] == [[0], [1]]
    assert page.heard_nothing_more


@awaited
async def test_a_socket_knows_its_rooms() -> None:
    relay, page = Relay(ROOM, 0, presence), Page()
    relay.add(page.outlet, 0)
    assert page.outlet.relays == {relay}
    relay.drop(page.outlet)
    assert page.outlet.relays == set()


# --- a client that reads, or does not ------------------------------------------------------------


@awaited
async def test_a_client_that_answers_gets_everything(small_limits: None) -> None:
    client = await opened()
    for _ in range(100):
        await client.outlet.write(FRAME)
        await client.outlet.probe()
        client.outlet.answered(client.beats[-1])
    assert client.frames == 100
    assert client.outlet.behind <= 100 + OVERHEAD


@awaited
async def test_far_behind_it_gets_heartbeats_only_until_it_answers(small_limits: None) -> None:
    client = await opened()
    for _ in range(100):
        await client.outlet.write(FRAME)
    got = client.frames
    assert got * 500 <= SMALL["HEADS_ONLY"]
    await client.outlet.probe()
    [beat] = client.beats
    for forged in (beat - 1, beat + 1, 2**53):
        client.outlet.answered(forged)
    await client.outlet.write(FRAME)
    assert client.frames == got
    client.outlet.answered(beat)
    await client.outlet.write(FRAME)
    assert client.frames == got + 1


@awaited
async def test_answers_do_not_wait_for_the_slow_but_end_their_socket(small_limits: None) -> None:
    client = await opened()
    for _ in range(100):
        await client.outlet.send(text(FRAME))
    assert client.code == client.outlet.code == wire.TOO_SLOW
    assert client.frames * 500 <= SMALL["TOO_SLOW"]


@awaited
async def test_who_has_much_to_answer_for_is_asked_early(small_limits: None) -> None:
    client = await opened()

    async def beat() -> None:
        async for _ in client.outlet.beats(NEVER):
            raise AssertionError("That was not due.")

    heart = asyncio.create_task(beat())
    await turns()
    await client.outlet.write(FRAME)
    await turns()
    assert client.beats == []
    for _ in range(2):
        await client.outlet.write(FRAME)
    await turns()
    assert len(client.beats) == 1
    client.outlet.end()
    await heart


@awaited
async def test_who_is_far_behind_for_too_long_is_sent_away(small_limits: None) -> None:
    client = await opened()
    for _ in range(100):
        await client.outlet.write(FRAME)
    beats = [n async for n in client.outlet.beats(0.01)]
    assert len(beats) == PATIENCE
    assert client.code == wire.TOO_SLOW


@awaited
async def test_who_took_nothing_hears_of_no_room_until_it_answers_a_later_heartbeat() -> None:
    client = await opened()
    for _ in range(2):
        await client.outlet.probe()
    client.outlet.stall()
    client.outlet.answered(client.beats[0])  # which it had before
    await client.outlet.write(FRAME)
    assert client.frames == 0
    await client.outlet.probe()
    client.outlet.answered(client.beats[-1])
    await client.outlet.write(FRAME)
    assert client.frames == 1


@awaited
async def test_of_a_client_that_never_answers_only_the_newest_heartbeats_are_known() -> None:
    client = await opened()
    for _ in range(MAX_BEATS + 1):
        await client.outlet.probe()
    behind = client.outlet.behind
    client.outlet.answered(client.beats[0])
    assert client.outlet.behind == behind
    client.outlet.answered(client.beats[1])
    assert client.outlet.behind < behind


@awaited
async def test_who_took_nothing_is_asked_at_once() -> None:
    client = await opened()
    heart = asyncio.create_task(anext(client.outlet.beats(NEVER)))
    await turns()
    client.outlet.stall()
    await turns()
    assert len(client.beats) == 1
    heart.cancel()


@awaited
async def test_an_alarm_that_rings_early_is_no_probe() -> None:
    """The timers of uvloop count in milliseconds, and ring half of one early or late."""
    client = await opened()
    loop = asyncio.get_running_loop()
    call_at = loop.call_at
    early = {"side_effect": lambda when, *rest: call_at(when - 0.005, *rest)}
    with patch.object(loop, "call_at", **early):
        beats = client.outlet.beats(0.02)
        for _ in range(3):
            await anext(beats)
    assert client.beats == []  # no probe besides


@awaited
async def test_an_answer_counts_for_all_heartbeats_before_it(small_limits: None) -> None:
    client = await opened()
    for _ in range(3):
        await client.outlet.write(FRAME)
        await client.outlet.probe()
    client.outlet.answered(client.beats[1])
    assert client.outlet.behind < 1_000
    client.outlet.answered(client.beats[1])
    client.outlet.answered(client.beats[2])
    assert client.outlet.behind < 300


@awaited
async def test_nothing_is_sent_after_the_close() -> None:
    client = await opened()
    await client.outlet.close(wire.LEAVING)
    await client.outlet.close(wire.SIGNED_OUT)
    await client.outlet.write(FRAME)
    assert client.sent == [{"type": "websocket.close", "code": wire.LEAVING}]


@awaited
async def test_heartbeats_begin_with_the_welcome_and_end_with_the_socket() -> None:
    client = Client()
    beats = client.outlet.beats(0.01)
    first = asyncio.create_task(anext(beats))
    await asyncio.sleep(0.05)
    assert not first.done()
    await client.outlet.release()
    assert await first < await anext(beats)
    client.outlet.end()
    assert [n async for n in beats] == []
