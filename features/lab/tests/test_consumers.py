"""The pair of the lab over real sockets: what is measured, and who may measure."""

import time
from itertools import pairwise

import pytest
from django.contrib.sessions.models import Session
from websockets.exceptions import InvalidStatus

from chat.models import Room, User
from features.lab.consumers import AsyncLabConsumer, LabConsumer
from features.lab.lab_socket import QUERIES_A_MINUTE
from features.lab.tests.conftest import OpenLab
from tests.client import ChatClient, Event
from tests.factories import person, room, staff
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = pytest.mark.django_db(transaction=True)

PAIR = (LabConsumer, AsyncLabConsumer)


def slow(client: ChatClient, seconds: float) -> Event:
    client.send("slow", seconds=seconds)
    return client.expect("measured", cause="client", seconds=seconds + 20)


def all_slow(clients: list[ChatClient], seconds: float) -> list[Event]:
    for client in clients:
        client.send("slow", seconds=seconds)
    return [client.expect("measured", cause="client", seconds=30) for client in clients]


def closed_by(client: ChatClient) -> int:
    """The code with which a socket that lives on its heartbeats is closed."""
    return client.expect_close(seconds=20)


# --- what is measured ----------------------------------------------------------------------------


@pytest.mark.parametrize("threads", ["one", "many"])
def test_ready_says_how_the_socket_is_served(
    lab: Site, consumer: str, alice: User, threads: str
) -> None:
    with ChatClient(lab.url, f"/ws/lab/{threads}/{consumer}/7/", cookie_of(alice)) as client:
        ready = client.expect("ready")
    assert (ready["consumer"], ready["threads"], ready["socket"]) == (consumer, threads, 7)
    assert abs(ready["now"] / 1000 - time.time()) < 60


@pytest.mark.parametrize("threads", ["one", "many"])
def test_a_slow_query_is_measured_where_it_ran(
    open_lab: OpenLab, consumer: str, alice: User, threads: str
) -> None:
    measured = slow(open_lab(alice, threads, number=3), 0.2)
    assert (measured["consumer"], measured["socket"]) == (consumer, 3)
    assert measured["asked"] <= measured["began"]
    assert measured["ended"] - measured["began"] >= 200
    assert measured["thread"].startswith("orm-" if threads == "many" else "ThreadPoolExecutor-")
    assert measured["connection"]["name"]
    assert measured["open"] >= 1
    assert measured["error"] == ""


def test_left_alone_both_consumers_wait_for_the_same_thread(open_lab: OpenLab, alice: User) -> None:
    clients = [open_lab(alice, "one", kind=kind) for kind in ("sync", "async", "sync", "async")]
    measured = sorted(all_slow(clients, 0.3), key=lambda event: event["began"])
    assert len({event["thread_id"] for event in measured}) == 1
    for before, after in pairwise(measured):
        assert before["ended"] <= after["began"]
    assert measured[-1]["began"] - measured[0]["began"] >= 3 * 300  # milliseconds


def test_with_the_threads_of_the_site_nobody_waits(open_lab: OpenLab, alice: User) -> None:
    clients = [open_lab(alice, "many", kind=kind) for kind in ("sync", "async", "sync", "async")]
    measured = all_slow(clients, 1.5)
    assert len({event["thread_id"] for event in measured}) == 4
    assert len({event["connection"]["name"] for event in measured}) == 4
    assert max(event["began"] for event in measured) < min(event["ended"] for event in measured)


def test_the_chat_does_not_wait_for_the_one_thread(
    lab: Site, open_lab: OpenLab, consumer: str, alice: User
) -> None:
    garden: Room = room(alice)
    sleepers = [open_lab(alice, "one") for _ in range(4)]
    for sleeper in sleepers:
        sleeper.send("slow", seconds=1.5)  # one after the other
    newcomer = open_lab(alice, "many")  # a site's other sockets are let in
    for path in ("/ws/chat/", "/ws/chat/sync/"):
        with ChatClient(lab.url, path, cookie_of(alice)) as chatting:
            chatting.expect("welcome")
            chatting.expect("message", client_id=chatting.say(garden.pk, "Anybody awake?"))
    assert lab.get(garden.get_absolute_url(), cookie_of(alice)) == 200
    assert slow(newcomer, 0.05)["error"] == ""
    answered = time.time() * 1000
    ends = [it.expect("measured", cause="client", seconds=40)["ended"] for it in sleepers]
    assert max(ends) > answered


def test_the_channel_layer_wakes_all_sockets_of_a_person_and_no_other_s(
    lab: Site, open_lab: OpenLab, alice: User, bob: User
) -> None:
    cookie, of_bob = cookie_of(alice), open_lab(bob)
    clients = [open_lab(cookie, "one"), open_lab(cookie, "many")]
    assert lab.post("/lab/wake/", cookie) == 200
    for client in clients:
        woken = client.expect("measured", cause="layer")
        assert woken["asked"] <= woken["began"] <= woken["ended"]
    slow(of_bob, 0.05)
    assert "layer" not in [event.get("cause") for event in of_bob.heard]


@pytest.mark.parametrize("threads", [pytest.param("one", marks=pytest.mark.long), "many"])
def test_heartbeats_come_by_themselves(open_lab: OpenLab, alice: User, threads: str) -> None:
    client = open_lab(alice, threads)
    for close_old in (True, False):
        client.send("heartbeats", close_old=close_old)
        for _ in range(2):
            assert client.expect("measured", cause="heartbeat")["error"] == ""


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["hello", b'{"type": "slow", "seconds": 1}'])
def test_a_malformed_frame_is_answered_and_the_socket_lives(
    open_lab: OpenLab, alice: User, frame: str | bytes
) -> None:
    client = open_lab(alice)
    client.raw(frame)
    assert client.expect("error")["code"] in ("invalid", "too_large")
    assert slow(client, 0.05)["error"] == ""


def test_slow_queries_are_rationed(open_lab: OpenLab, alice: User) -> None:
    client = open_lab(alice)
    for _ in range(2 * QUERIES_A_MINUTE):
        client.send("slow", seconds=0.05)
    assert client.expect("error", seconds=30)["code"] == "rate_limited"
    assert client.expect("measured", cause="heartbeat", seconds=30)


def test_half_of_the_threads_are_left_to_the_chat(
    four_threads: Site, consumer: str, alice: User
) -> None:
    path, cookie = f"/ws/lab/many/{consumer}/1/", cookie_of(alice)
    clients = [ChatClient(four_threads.url, path, cookie) for _ in range(4)]
    measured = all_slow(clients, 0.5)
    for client in clients:
        client.close()
    for event in measured:
        others = [other for other in measured if other["began"] <= event["began"] < other["ended"]]
        assert len(others) <= 2


def test_what_a_client_that_has_left_asked_for_is_not_done(open_lab: OpenLab, alice: User) -> None:
    gone = open_lab(alice, "one")
    for _ in range(20):
        gone.send("slow", seconds=3)
    gone.expect("measured", cause="client")
    gone.close()
    client = open_lab(person("carol"), "one")
    slow(client, 0.05)  # behind the one that was running
    measured = slow(client, 0.05)  # behind the next, if there was one
    assert measured["began"] - measured["asked"] < 2_500


@pytest.mark.parametrize("number", ["0", "100", "9" * 30, "-1", "1.5", "x"])
def test_a_number_that_no_socket_has_leads_nowhere(
    lab: Site, consumer: str, alice: User, number: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        ChatClient(lab.url, f"/ws/lab/many/{consumer}/{number}/", cookie_of(alice))
    assert refused.value.response.status_code == 403


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", ["one", "many"])
def test_nobody_comes_in_without_a_session(lab: Site, consumer: str, threads: str) -> None:
    with ChatClient(lab.url, f"/ws/lab/{threads}/{consumer}/1/") as client:
        assert closed_by(client) == 4401
        assert client.heard == []


@pytest.mark.parametrize("threads", ["one", "many"])
def test_the_lab_is_for_staff(guarded: Site, consumer: str, alice: User, threads: str) -> None:
    path = f"/ws/lab/{threads}/{consumer}/1/"
    with ChatClient(guarded.url, path, cookie_of(alice)) as client:
        assert closed_by(client) == 4403
        assert client.heard == []
    with ChatClient(guarded.url, path, cookie_of(staff("olga"))) as client:
        client.expect("ready")


def test_who_loses_the_right_is_turned_away_by_the_next_heartbeat(
    guarded: Site, consumer: str
) -> None:
    olga = staff("olga")
    with ChatClient(guarded.url, f"/ws/lab/many/{consumer}/1/", cookie_of(olga)) as client:
        client.expect("ready")
        User.objects.update(is_staff=False)
        assert closed_by(client) == 4403


def test_a_session_that_ends_takes_its_sockets_with_it(guarded: Site, consumer: str) -> None:
    olga = staff("olga")
    with ChatClient(guarded.url, f"/ws/lab/many/{consumer}/1/", cookie_of(olga)) as client:
        client.expect("ready")
        Session.objects.all().delete()
        assert closed_by(client) == 4401


def test_a_new_password_ends_the_sockets_of_the_old_one(guarded: Site, consumer: str) -> None:
    olga = staff("olga")
    with ChatClient(guarded.url, f"/ws/lab/many/{consumer}/1/", cookie_of(olga)) as client:
        client.expect("ready")
        olga.set_password("correct horse battery")
        olga.save()
        assert closed_by(client) == 4403


# --- the pair ------------------------------------------------------------------------------------


def test_the_pair_has_the_same_methods() -> None:
    own = [{name for name in vars(each) if name.islower()} for each in PAIR]
    assert own[0] - {"__module__"} == own[1] - {"__module__"}
