"""One room in one process: what goes out to its sockets, in which order, together with what."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

import pytest

from chat.protocol import Presence
from realtime.outlet import Outlet
from realtime.relay import BREATH, Relay

ROOM, ALICE, BOB = 7, 1, 2


def presence(topic: int, here: list[int], gone: list[int]) -> Presence:
    return Presence(room=topic, here=here, gone=gone)


def awaited(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test on an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Page:
    """The other end of an open socket."""

    def __init__(self, user_id: int = ALICE) -> None:
        self.frames: asyncio.Queue[list[Any]] = asyncio.Queue()
        self.outlet = Outlet(self._send)
        self.outlet.user_id = user_id

    async def _send(self, message: Any) -> None:
        assert (message["type"], message["bytes"]) == ("websocket.send", None)
        self.frames.put_nowait(json.loads(message["text"]))

    async def next(self) -> list[Any]:
        return await asyncio.wait_for(self.frames.get(), 5)

    @property
    def heard_nothing_more(self) -> bool:
        return self.frames.empty()


async def open_page(relay: Relay, user_id: int = ALICE) -> Page:
    page = Page(user_id)
    relay.add(page.outlet, 0)
    await page.outlet.release()
    return page


@asynccontextmanager
async def at_work() -> AsyncIterator[Relay]:
    relay = Relay(ROOM, 0, presence)
    rounds = asyncio.create_task(relay.write_rounds())
    try:
        yield relay
    finally:
        assert not rounds.done()
        rounds.cancel()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is waited for as long as it takes."""
    for module in ("sequence", "relay"):
        monkeypatch.setattr(f"realtime.{module}.PATIENCE", 3_600)


async def a_few_turns() -> None:
    """Lets everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


def put(relay: Relay, *numbers: int) -> None:
    for number in numbers:
        relay.put(number, str(number))


def test_a_socket_that_is_over_is_let_in_nowhere() -> None:
    """A heartbeat that was on its way when it closed would take every room for one it lacks."""
    relay, page = Relay(ROOM, 0, presence), Page()
    page.outlet.end()
    relay.add(page.outlet, 0)
    assert not relay.outlets
    assert relay.snapshot().here == []


# --- rounds --------------------------------------------------------------------------------------


@awaited
async def test_what_is_put_reaches_every_socket_as_one_frame() -> None:
    async with at_work() as relay:
        pages = [await open_page(relay) for _ in range(100)]
        put(relay, 1)
        assert [await page.next() for page in pages] == [[1]] * 100


@awaited
async def test_what_comes_together_leaves_together() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        put(relay, 1, 2, 3)
        assert await page.next() == [1, 2, 3]
        assert page.heard_nothing_more


@awaited
async def test_events_leave_in_the_order_of_their_numbers() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        put(relay, 3, 1, 2)
        assert await page.next() == [1, 2, 3]


@awaited
async def test_an_event_waits_for_the_one_before_it(patient: None) -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        put(relay, 2)
        await a_few_turns()
        assert page.heard_nothing_more
        put(relay, 1)
        assert await page.next() == [1, 2]


@awaited
async def test_it_does_not_wait_for_ever() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        put(relay, 2)
        assert await page.next() == [2]


@awaited
async def test_what_comes_first_is_what_comes_after_the_room_s_number() -> None:
    relay = Relay(ROOM, 6, presence)
    page = await open_page(relay)
    rounds = asyncio.create_task(relay.write_rounds())
    put(relay, 8, 7)
    assert await page.next() == [7, 8]
    rounds.cancel()


@awaited
async def test_in_a_quiet_room_nothing_waits() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        for number in (1, 2, 3):
            put(relay, number)
            await a_few_turns()
            assert page.frames.get_nowait() == [number]
            await asyncio.sleep(BREATH)


class SlowPage(Page):
    """It takes its time, and so does a round in which it is written to."""

    async def _send(self, message: Any) -> None:
        await asyncio.sleep(BREATH)
        await super()._send(message)


@awaited
async def test_after_a_long_round_the_room_rests_and_gathers_what_comes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.relay.BREATH", 0.5)
    monkeypatch.setattr("realtime.relay.REST", 1_000)
    async with at_work() as relay:
        page = SlowPage()
        relay.add(page.outlet, 0)
        await page.outlet.release()
        put(relay, 1)
        assert await page.next() == [1]
        put(relay, 2)
        await a_few_turns()
        put(relay, 3)
        assert await page.next() == [2, 3]


# --- who is in -----------------------------------------------------------------------------------


@awaited
async def test_a_socket_that_was_dropped_hears_nothing_more() -> None:
    async with at_work() as relay:
        stays, goes = await open_page(relay), await open_page(relay)
        relay.drop(goes.outlet)
        put(relay, 1)
        assert await stays.next() == [1]
        assert goes.heard_nothing_more


@awaited
async def test_revoked_all_sockets_of_a_user_hear_nothing_more_and_the_others_do() -> None:
    async with at_work() as relay:
        stays = await open_page(relay, ALICE)
        gone = [await open_page(relay, BOB) for _ in range(2)]
        relay.take_in({"revoked": BOB, "serial": 1})
        relay.take_in({"events": ["2"], "serial": 2})
        assert await stays.next() == [2]
        assert all(page.heard_nothing_more for page in gone)
        assert all(page.outlet.relays == set() for page in gone)


@awaited
async def test_who_was_sent_out_does_not_come_back_by_what_was_read_before() -> None:
    relay, page = Relay(ROOM, 0, presence), Page(BOB)
    relay.take_in({"revoked": BOB, "serial": 5})
    relay.add(page.outlet, 4)
    assert relay.outlets == set()
    relay.add(page.outlet, 5)
    assert relay.outlets == {page.outlet}


@awaited
async def test_what_was_said_after_a_removal_waits_for_it(patient: None) -> None:
    async with at_work() as relay:
        stays, gone = await open_page(relay, ALICE), await open_page(relay, BOB)
        relay.take_in({"events": ["2"], "serial": 2})
        await a_few_turns()
        relay.take_in({"revoked": BOB, "serial": 1})
        assert await stays.next() == [2]
        assert gone.heard_nothing_more


async def broken(message: Any) -> None:
    raise ConnectionResetError


async def never(message: Any) -> None:
    raise RuntimeError("Cannot send to a closed socket")


@pytest.mark.parametrize("send", [broken, never])
@awaited
async def test_a_socket_that_broke_does_not_stop_the_others(
    send: Callable[[Any], Awaitable[None]],
) -> None:
    async with at_work() as relay:
        socket = Outlet(send)
        relay.add(socket, 0)
        await socket.release()
        pages = [await open_page(relay) for _ in range(5)]
        put(relay, 1)
        assert [await page.next() for page in pages] == [[1]] * 5


@awaited
async def test_who_takes_nothing_keeps_the_others_waiting_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.relay.STALL", 0.05)

    async def wait_for_ever(message: Any) -> None:
        await asyncio.Event().wait()

    async with at_work() as relay:
        pages = [await open_page(relay) for _ in range(50)]
        deaf = pages[20].outlet
        deaf._send = wait_for_ever  # as Uvicorn does, when a client does not read
        stalled = asyncio.Event()
        monkeypatch.setattr(deaf, "stall", lambda: (Outlet.stall(deaf), stalled.set()))
        put(relay, 1)
        others = [page for page in pages if page.outlet is not deaf]
        assert [await page.next() for page in others] == [[1]] * 49
        await asyncio.wait_for(stalled.wait(), 5)
        monkeypatch.setattr("realtime.relay.STALL", 3_600)
        put(relay, 2)
        assert [await page.next() for page in others] == [[2]] * 49


@awaited
async def test_who_breaks_while_it_is_waited_for_does_not_stop_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.relay.STALL", 0.05)
    attempts = 0

    async def wait_and_break(message: Any) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            raise ValueError("It broke.")
        await asyncio.Event().wait()

    async with at_work() as relay:
        broken, page = await open_page(relay), await open_page(relay)
        broken.outlet._send = wait_and_break
        for number in (1, 2):
            put(relay, number)
            assert await page.next() == [number]
        assert broken.outlet not in relay.outlets


@awaited
async def test_who_is_only_slow_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.relay.STALL", 1)
    async with at_work() as relay:
        pages = [await open_page(relay) for _ in range(20)]
        for page in pages:
            page.outlet._send = slowly(page.outlet._send)  # all of them too slow together
        for number in (1, 2):
            put(relay, number)
            for page in pages:
                assert await page.next() == [number]


def slowly(send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    async def wait(message: Any) -> None:
        await asyncio.sleep(0.06)
        await send(message)

    return wait


@awaited
async def test_who_comes_or_goes_while_a_round_is_written_breaks_nothing() -> None:
    async with at_work() as relay:
        first, second = await open_page(relay), await open_page(relay)

        async def come_and_go(message: Any) -> None:
            relay.drop(first.outlet)
            await open_page(relay)

        relay.add(restless := Outlet(come_and_go), 0)
        await restless.release()
        put(relay, 1)
        assert await second.next() == [1]
        put(relay, 2)
        assert await second.next() == [2]


# --- what other processes tell -------------------------------------------------------------------


@awaited
async def test_what_another_process_published_goes_out_in_the_same_order() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        relay.take_in({"events": ["1"], "serial": 1})
        assert await page.next() == [1]


@awaited
async def test_what_passes_goes_out_too() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        relay.take_in({"passing": '"typing"'})
        assert await page.next() == ["typing"]


@awaited
async def test_sockets_are_told_who_came_and_went_in_all_processes() -> None:
    async with at_work() as relay:
        page = await open_page(relay, ALICE)
        relay.take_in({"process": "other", "users": [BOB]})
        assert relay.tell_presence() == {ALICE}
        [event] = await page.next()
        assert event == {"type": "presence", "room": ROOM, "here": [ALICE, BOB], "gone": []}


@awaited
async def test_where_nobody_came_or_went_sockets_are_told_nothing() -> None:
    async with at_work() as relay:
        page = await open_page(relay)
        relay.tell_presence()
        await page.next()
        relay.tell_presence()
        await a_few_turns()
        assert page.heard_nothing_more


@pytest.mark.parametrize("come", [[], [BOB]])
@awaited
async def test_what_other_processes_tell_anew_is_to_be_told_on(come: list[int]) -> None:
    relay = Relay(ROOM, 0, presence)
    relay.take_in({"process": "other", "users": [3]})
    assert relay.people_changed.is_set()
    relay.people_changed.clear()
    relay.take_in({"process": "other", "users": [3]})
    assert not relay.people_changed.is_set()
    relay.take_in({"process": "other", "users": come})
    assert relay.people_changed.is_set()


@awaited
async def test_who_comes_and_who_goes_is_to_be_told() -> None:
    relay, page = Relay(ROOM, 0, presence), Page()
    for change in (lambda socket: relay.add(socket, 0), relay.drop):
        relay.people_changed.clear()
        change(page.outlet)
        assert relay.people_changed.is_set()
