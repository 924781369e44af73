"""What the chat counts is what happened, on both consumers."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from chat.fanout import fanout
from chat.metrics import seconds_of_action
from chat.models import Room, User
from realtime import admission, metrics, wire
from realtime.outlet import Outlet
from realtime.sequence import PATIENCE, Sequence
from realtime.wire import SIGNED_OUT
from tests import factories
from tests.chat.fixtures import Clock, Connect
from tests.client import ChatClient
from tests.metrics import grows
from tests.realtime.test_relay import ROOM, a_few_turns, at_work, awaited, open_page, put
from tests.site import Site, until, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CONSUMERS = {"sync", "async"}


# --- over real sockets ---------------------------------------------------------------------------


def settled(wire: Site) -> None:
    """The sockets of the test before this one are closed."""
    wait_until(lambda: sum(open_sockets(wire).values()) == 0, "nobody is here")


def open_sockets(wire: Site) -> dict[str, float]:
    scrape = wire.scrape()
    return {kind: scrape("chat_sockets_open", consumer=kind) for kind in CONSUMERS}


def closed(wire: Site, code: str) -> float:
    return wire.scrape()("chat_sockets_closed_total", code=code)


def test_a_socket_is_counted_from_its_first_moment_to_its_last(
    wire: Site, consumer: str, connect: Connect, alice: User
) -> None:
    settled(wire)
    before, welcomed = closed(wire, "1000"), wire.scrape()("chat_welcome_seconds_count")
    clients = [connect(alice) for _ in range(2)]
    assert open_sockets(wire) == dict.fromkeys(CONSUMERS, 0) | {consumer: 2}
    assert wire.scrape()("chat_people_online") == 1
    seen = welcomed + 2  # counted when all of it is sent, and so maybe after it has come
    wait_until(lambda: wire.scrape()("chat_welcome_seconds_count") == seen, "both are counted")
    for client in clients:
        client.close()
    settled(wire)
    assert closed(wire, "1000") == before + 2
    assert wire.scrape()("chat_people_online") == 0


def test_it_is_counted_by_the_code_that_it_was_closed_with(
    wire: Site, connect: Connect, alice: User
) -> None:
    before, client = closed(wire, "4401"), connect(alice)
    alice.set_password("another")
    alice.save()
    assert client.expect_close() == SIGNED_OUT
    wait_until(lambda: closed(wire, "4401") == before + 1, "it is counted")


def test_a_code_that_a_client_invents_is_one_of_the_others(
    wire: Site, connect: Connect, alice: User
) -> None:
    before, client = closed(wire, "other"), connect(alice)
    client._socket.close(code=4999)
    wait_until(lambda: closed(wire, "other") == before + 1, "it is counted")


def ask_everything(client: ChatClient, room: Room) -> None:
    """One right frame of each type, each answered with what it asks for."""
    id = client.say(room.pk, "Hello", ref="r")
    message = client.expect("ok", id=id)["message"]
    asked: list[dict[str, Any]] = [
        {"type": "edit", "message": message, "body": "Changed"},
        {"type": "react", "message": message, "emoji": "👍", "on": True},
        {"type": "delete", "message": message},
        {"type": "sync", "room": room.pk, "since": 0},
        {"type": "history", "room": room.pk, "before": 1},
        {"type": "read", "room": room.pk, "position": 1},
        {"type": "typing", "room": room.pk},
    ]
    for frame in asked:
        assert client.ask(**frame)["type"] == "ok", frame


def test_every_action_is_timed_and_a_healed_gap_counted(
    wire: Site, connect: Connect, alice: User, room: Room
) -> None:
    before, client = wire.scrape(), connect(alice)
    ask_everything(client, room)
    client.ask("pong", n=1)
    after = wire.scrape()
    for action in seconds_of_action.keys() - {"pong"}:  # which answers heartbeats, too
        name, labels = "chat_action_seconds_count", {"action": action}
        assert after(name, **labels) == before(name, **labels) + 1, action
    pongs = [it("chat_action_seconds_count", action="pong") for it in (before, after)]
    assert pongs[1] > pongs[0]
    assert after("chat_gaps_healed_total") == before("chat_gaps_healed_total") + 1


def test_who_has_missed_nothing_had_no_gap(
    wire: Site, connect: Connect, alice: User, room: Room
) -> None:
    before, client = wire.scrape(), connect(alice)
    client.ask("sync", room=room.pk, since=0)
    assert wire.scrape()("chat_gaps_healed_total") == before("chat_gaps_healed_total")


REFUSED: dict[str, dict[str, Any]] = {
    "invalid": {"type": "send"},
    "forbidden": {"type": "sync", "room": "closed", "since": 0},
    "not_found": {"type": "sync", "room": 10**9, "since": 0},
    "too_large": {"type": "send", "room": "open", "id": str(uuid4()), "body": "a" * 10_001},
}


@pytest.mark.parametrize("code", REFUSED)
def test_refusals_are_counted_by_their_code(
    wire: Site, connect: Connect, alice: User, bob: User, room: Room, code: str
) -> None:
    rooms = {"open": room.pk, "closed": factories.room(bob, kind=Room.Kind.CLOSED).pk}
    frame = {key: rooms.get(value, value) for key, value in REFUSED[code].items()}
    before, client = wire.scrape(), connect(alice)
    client.raw(json.dumps(frame))
    assert client.expect("error")["code"] == code
    after = wire.scrape()("chat_refusals_total", code=code)
    assert after == before("chat_refusals_total", code=code) + 1


# --- in this process -----------------------------------------------------------------------------


def test_whatever_is_refused_there_is_a_count_for_it() -> None:
    assert metrics.refusals.keys() == {kind.code for kind in wire.Refusal.__subclasses__()} | {
        "unavailable"
    }


@awaited
async def test_an_event_counts_once_for_each_socket_of_the_room_and_a_frame_once() -> None:
    async with at_work() as relay:
        pages = [await open_page(relay) for _ in range(3)]
        with grows(6, "chat_events_sent_total"), grows(1, "chat_round_seconds_count"):
            put(relay, 1, 2)
            assert [await page.next() for page in pages] == [[1, 2]] * 3
            await a_few_turns()  # the round ends after its last frame


def test_a_number_that_is_given_up_was_missed(clock: Clock) -> None:
    events = Sequence(after=6)
    events.put(7, "7")
    events.put(10, "10")
    with grows(0, "chat_hints_missed_total"):
        assert events.take() == ["7"]
    clock.now += PATIENCE
    with grows(2, "chat_hints_missed_total"):
        assert events.take() == ["10"]
    events.put(8, "8")
    with grows(0, "chat_hints_missed_total"):
        assert events.take() == ["8"]


@awaited
async def test_people_are_counted_once_and_rooms_while_somebody_is_there() -> None:
    outlets = [Outlet(never) for _ in range(3)]
    for outlet, user_id in zip(outlets, (1, 1, 2), strict=True):
        assert admission.admit(user_id)
        outlet.user_id = user_id
        await fanout.join(outlet, {ROOM: 0})
    assert now(metrics.people_online) == 2
    assert now(metrics.topics_live) == 1
    for outlet in outlets:
        admission.dismiss(outlet.user_id)
        outlet.end()
    assert now(metrics.people_online) == 0
    await until(lambda: not now(metrics.topics_live), "no room is live")


async def never(message: Any) -> None:
    raise AssertionError(message)


def now(gauge: Any) -> float:
    return float(next(iter(gauge.collect())).samples[0].value)


def test_a_page_that_is_refused_counts_too(client: Client, alice: User) -> None:
    client.force_login(alice)
    with grows(1, "chat_refusals_total", code="not_found"):
        assert client.get("/rooms/999/settings/").status_code == 404
