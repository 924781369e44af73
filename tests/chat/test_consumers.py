"""The contract of the wire: both consumers, on every stack, over real sockets.

Each test runs on both consumers and on every stack of tests/stock/stacks.py: ours, by itself and
over Redis; and, where there is time for it, on stock servers, layers and threads.
"""

from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from chat import actions
from chat.models import Membership, Room, User
from realtime.wire import MAX_FRAME
from tests.chat.fixtures import PATHS, Connect, holds_all, on_every_stack, other
from tests.client import ChatClient, Event
from tests.factories import fill
from tests.plugin import cookie_of
from tests.site import Site, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), on_every_stack]


# --- opening -------------------------------------------------------------------------------------


def test_welcome_says_who_and_where_one_is(
    wire: Site, consumer: str, alice: User, room: Room
) -> None:
    with ChatClient(wire.url, PATHS[consumer], cookie_of(alice)) as client:
        welcome = client.expect("welcome")
        assert client.subprotocol == "chat.v1"
        assert client.heard[0] == welcome
    assert welcome["protocol"] == "chat.v1"
    assert welcome["consumer"] == consumer
    assert welcome["user"]["id"] == alice.pk
    assert welcome["heartbeat"] == 1
    assert welcome["limits"]["frame"] == 64 * 1024
    assert welcome["rooms"] == [
        {
            "id": room.pk,
            "name": "Kitchen",
            "kind": "open",
            "role": "owner",
            "head": 0,
            "read": 0,
            "unread": 0,
        }
    ]


def test_nobody_comes_in_without_a_session(wire: Site, consumer: str) -> None:
    with ChatClient(wire.url, PATHS[consumer]) as client:
        assert client.expect_close() == 4401
        assert client.heard == []


def test_a_page_of_another_site_cannot_open_a_socket(
    wire: Site, consumer: str, alice: User
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        ChatClient(wire.url, PATHS[consumer], cookie_of(alice), origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_an_unknown_path_is_turned_away(wire: Site, alice: User) -> None:
    with pytest.raises(InvalidStatus) as refused:
        ChatClient(wire.url, "/ws/nowhere/", cookie_of(alice))
    assert refused.value.response.status_code == 403


def test_what_is_said_while_one_comes_in_is_in_welcome_or_follows_it(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    talker = connect(alice)
    for number in range(20):
        talker.say(room.pk, f"number {number}")
    listener = connect(bob)
    head = listener.heard[0]["rooms"][0]["head"]
    assert listener.heard[0]["type"] == "welcome"
    for position in range(head + 1, 21):
        listener.expect("message", room=room.pk, position=position)


# --- saying --------------------------------------------------------------------------------------


def test_a_message_reaches_everybody_on_both_consumers(
    connect: Connect, consumer: str, alice: User, bob: User, room: Room
) -> None:
    sender, same, opposite = connect(alice), connect(bob), connect(bob, other(consumer))
    id = sender.say(room.pk, "Is there *coffee*?", ref="first")
    ok = sender.expect("ok", ref="first")
    for client in (sender, same, opposite):
        message = client.expect("message", client_id=id)
        assert message["body"] == "Is there *coffee*?"
        assert message["html"] == "<p>Is there <em>coffee</em>?</p>"
        assert message["author"]["id"] == alice.pk
        assert message["edited"] is False
        assert message["deleted"] is False
        assert message["reactions"] == []
        assert message["reply_to"] is None
        assert message["parts"] == {}
        assert message["position"] == message["version"] == 1
        assert ok == {
            "type": "ok",
            "ref": "first",
            "id": id,
            "message": message["id"],
            "room": room.pk,
            "position": 1,
            "version": 1,
        }


def test_the_same_id_gives_the_same_message_again(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    sender, listener = connect(alice), connect(bob)
    id = sender.say(room.pk, "once")
    first = sender.expect("ok", id=id)
    sender.say(room.pk, "twice?", id=id)
    assert sender.expect("ok", id=id) == first
    last = sender.say(room.pk, "the end")
    listener.expect("message", client_id=last)
    bodies = [event["body"] for event in listener.heard if event["type"] == "message"]
    assert bodies == ["once", "the end"]


def test_edits_reactions_and_deletions_reach_everybody(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    sender, listener = connect(alice), connect(bob)
    id = sender.say(room.pk, "It is teh best")
    message = listener.expect("message", client_id=id)["id"]

    assert sender.ask("edit", message=message, body="It is the best")["type"] == "ok"
    edited = listener.expect("message", id=message, version=2)
    assert (edited["body"], edited["edited"], edited["position"]) == ("It is the best", True, 1)

    assert listener.ask("react", message=message, emoji="🎉", on=True)["type"] == "ok"
    reacted = sender.expect("message", id=message, version=3)
    assert reacted["reactions"] == [{"emoji": "🎉", "users": [bob.pk]}]

    assert sender.ask("delete", message=message)["type"] == "ok"
    gone = listener.expect("message", id=message, version=4)
    assert (gone["deleted"], gone["body"], gone["html"], gone["reactions"]) == (True, "", "", [])


def test_a_reply_names_the_message_it_answers(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    sender, listener = connect(alice), connect(bob)
    first = listener.expect("message", client_id=sender.say(room.pk, "Tea?"))
    answer = listener.say(room.pk, "Please", reply_to=first["id"])
    assert sender.expect("message", client_id=answer)["reply_to"] == first["id"]


def test_a_part_of_a_message_that_no_app_takes_is_refused(
    connect: Connect, alice: User, room: Room
) -> None:
    client, id = connect(alice), str(uuid4())
    refused = client.ask("send", room=room.pk, id=id, body="", parts={"juggling": [1]})
    assert refused["code"] == "invalid"
    assert "`juggling`" in refused["detail"]


def test_who_looks_back_sees_what_apps_have_added(
    connect: Connect, alice: User, room: Room
) -> None:
    client = connect(alice)
    message = actions.send_message(user=alice, room_id=room.pk, client_id=uuid4(), body="hello")
    actions.amend(message_id=message.pk, part="previews", value=[{"title": "A"}])
    client.send("sync", room=room.pk, since=1)
    client.send("history", room=room.pk, before=2)
    for answer in ("sync", "history"):
        [shown] = client.expect(answer, room=room.pk)["messages"]
        assert (shown["parts"], shown["edited"]) == ({"previews": [{"title": "A"}]}, False)


# --- looking back --------------------------------------------------------------------------------


def test_a_page_of_sync_and_of_history_is_what_was_asked_for(
    connect: Connect, alice: User, room: Room
) -> None:
    """Which messages are on which page is told in test_queries.py."""
    client = connect(alice)
    fill(room, alice, 120)
    asked: list[tuple[str, dict[str, int], list[int]]] = [
        ("sync", {"since": 10}, list(range(11, 61))),
        ("history", {"before": 111}, list(range(61, 111))),
        ("history", {"after": 10}, list(range(11, 61))),
        ("history", {"around": 60}, list(range(35, 85))),
    ]
    for type, where, positions in asked:
        client.send(type, room=room.pk, **where)
        page = client.expect(type, room=room.pk)
        assert [message["position"] for message in page["messages"]] == positions
        assert page["more"]
    client.send("sync", room=room.pk, since=120)
    last = client.expect("sync", room=room.pk)
    assert (last["messages"], last["head"], last["more"]) == ([], 120, False)


def test_a_page_of_the_longest_messages_is_sent_in_parts(
    connect: Connect, alice: User, room: Room
) -> None:
    client = connect(alice)
    for _ in range(20):  # many clients take no frame of more than 1 MiB
        client.ask("send", room=room.pk, id=str(uuid4()), body="長" * 8_000)
    client.send("sync", room=room.pk, since=0)
    first = client.expect("sync")
    assert first["more"]
    assert 0 < len(first["messages"]) < 20
    holds_all(connect(alice), room, 20)


def test_reading_in_one_tab_reaches_the_other_and_never_goes_back(
    connect: Connect, consumer: str, alice: User, bob: User, room: Room
) -> None:
    tab, other_tab = connect(bob), connect(bob, other(consumer))
    for number in range(3):
        actions.send_message(user=alice, room_id=room.pk, client_id=uuid4(), body=f"{number}")
    assert tab.ask("read", room=room.pk, position=2)["type"] == "ok"
    other_tab.expect("read", room=room.pk, position=2)
    assert tab.ask("read", room=room.pk, position=1)["type"] == "ok"
    assert Membership.objects.get(user=bob, room=room).read == 2


# --- what passes ---------------------------------------------------------------------------------


def test_typing_shows_to_the_others(connect: Connect, alice: User, bob: User, room: Room) -> None:
    writer, watcher = connect(alice), connect(bob)
    writer.send("typing", room=room.pk)
    assert watcher.expect("typing", room=room.pk)["user"]["id"] == alice.pk


def test_presence_tells_who_is_here_and_who_went(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    watcher = connect(alice)
    for _ in ("all who are here", "who has come"):
        watcher.expect("presence", room=room.pk, here=[alice.pk], gone=[])
    comer = connect(bob)
    watcher.expect("presence", room=room.pk, here=[bob.pk], gone=[])
    comer.close()
    watcher.expect("presence", room=room.pk, here=[], gone=[bob.pk])


def test_a_newcomer_is_told_everybody_who_is_here(
    connect: Connect, alice: User, bob: User, room: Room
) -> None:
    connect(alice)
    assert connect(bob).expect("presence", room=room.pk)["here"] == [alice.pk, bob.pk]


def test_the_heartbeat_carries_every_rooms_number(
    connect: Connect, alice: User, room: Room
) -> None:
    client = connect(alice)
    client.expect("message", client_id=client.say(room.pk, "hello"))
    beat = client.expect("heartbeat", heads={str(room.pk): 1})
    client.send("pong", n=beat["n"])
    wait_until(lambda: client.expect("heartbeat")["n"] > beat["n"], "a later heartbeat")


# --- refusals ------------------------------------------------------------------------------------


MALFORMED: dict[str, tuple[str, str | bytes]] = {
    "not JSON": ("invalid", "hello"),
    "not described": ("invalid", '{"type": "typing"}'),
    "binary": ("invalid", b'{"type": "pong", "n": 1}'),
    "binary that is no text": ("invalid", bytes(range(256))),
    "too large": ("too_large", " " * (MAX_FRAME + 1)),
}


def test_a_malformed_frame_is_answered_and_the_socket_lives(connect: Connect, alice: User) -> None:
    """Each bad frame is tried in tests/chat/test_protocol.py; here one of each kind."""
    client = connect(alice)
    for what, (code, frame) in MALFORMED.items():
        client.raw(frame)
        assert client.expect("error")["code"] == code, what
    client.raw("")  # Daphne drops an empty frame before anybody could answer
    client.raw(b"")
    assert client.settle()[-1]["type"] == "ok"


def test_a_refusal_carries_the_ref_of_its_frame(connect: Connect, alice: User) -> None:
    client = connect(alice)
    client.raw('{"type": "shout", "ref": "mine"}')
    assert client.expect("error")["ref"] == "mine"


def test_a_refused_message_is_not_lost_on_the_next(
    connect: Connect, alice: User, room: Room
) -> None:
    client = connect(alice)
    assert client.ask("send", room=room.pk, id=str(uuid4()), body="  ")["code"] == "invalid"
    too_long = client.ask("send", room=room.pk, id=str(uuid4()), body="x" * 10_001)
    assert too_long["code"] == "too_large"
    assert client.ask("send", room=room.pk, id=str(uuid4()), body="x")["position"] == 1


# --- the pair -------------------------------------------------------------------------------------


def test_the_two_consumers_cannot_be_told_apart(connect: Connect, alice: User) -> None:
    """One conversation, held on each: what comes back is the same but for ids and times."""

    def conversation(consumer: str) -> list[Event]:
        room = actions.create_room(user=alice, name="Same", kind="open")
        client = connect(alice, consumer)
        sent = client.ask("send", room=room.pk, id=str(uuid4()), body="hello")
        client.ask("edit", message=sent["message"], body="hello again")
        client.ask("react", message=sent["message"], emoji="👋", on=True)
        client.ask("history", room=room.pk, before=100)
        client.ask("sync", room=room.pk, since=0)
        client.ask("delete", message=sent["message"])
        client.ask("delete", message=10**9)
        client.ask("shout")
        client.expect("message", deleted=True)
        said = [event for event in client.heard if event["type"] not in ("welcome", "presence")]
        return [shape(event) for event in said if event["type"] != "heartbeat"]

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(value[key]) for key in sorted(value) if key not in VARYING}
        return [shape(item) for item in value] if isinstance(value, list) else value

    sync, asynchronous = conversation("sync"), conversation("async")
    assert sorted(map(str, sync)) == sorted(map(str, asynchronous))


VARYING = {"id", "client_id", "created", "room", "message", "ref"}
