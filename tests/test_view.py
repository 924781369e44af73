"""The model of a right client is itself right."""

from typing import Any

from tests.view import Event, View, essence

ROOM = 1


def state(head: int, room: int = ROOM) -> Event:
    return {"type": "room", "id": room, "head": head}


def welcome(*rooms: Event) -> Event:
    return {"type": "welcome", "rooms": list(rooms)}


def message(position: int, version: int = 0, **fields: Any) -> Event:
    """Message number `position` of the room; its id is a hundred more."""
    return {
        "type": "message",
        "room": ROOM,
        "id": 100 + position,
        "client_id": f"c{position}",
        "position": position,
        "version": version or position,
        "author": {"id": 7, "name": "Alice"},
        "body": f"Number {position}",
        "html": f"<p>Number {position}</p>",
        "edited": False,
        "deleted": False,
        "reactions": [],
        "reply_to": None,
    } | fields


def page(*messages: Event, head: int, more: bool = False) -> Event:
    return {"type": "sync", "room": ROOM, "messages": list(messages), "head": head, "more": more}


def heartbeat(n: int = 1, **heads: int) -> Event:
    return {"type": "heartbeat", "n": n, "heads": heads}


def asked(since: int) -> list[Event]:
    return [{"type": "sync", "room": ROOM, "since": since, "ref": "sync 1"}]


def a_view(*events: Event) -> View:
    view = View()
    for event in (welcome(state(0)), *events):
        view.apply(event)
    return view


def positions(view: View) -> list[int]:
    return [message["position"] for message in view.timeline(ROOM)]


def test_what_comes_in_order_is_held_and_nothing_is_asked() -> None:
    view = a_view()
    assert [view.apply(message(number)) for number in (1, 2, 3)] == [[], [], []]
    assert positions(view) == [1, 2, 3]
    assert view.level
    assert not view.violations


def test_it_asks_for_the_whole_history_page_after_page() -> None:
    view = View()
    assert view.apply(welcome(state(3))) == asked(since=0)
    assert not view.level
    assert view.apply(page(message(1), message(2), head=3, more=True)) == asked(since=2)
    assert view.apply(page(message(3), head=3)) == []
    assert positions(view) == [1, 2, 3]
    assert view.level


def test_a_gap_is_asked_for_once() -> None:
    view = a_view(message(1))
    assert view.apply(message(3)) == asked(since=1)
    assert view.apply(message(4)) == []
    assert view.apply(heartbeat(**{"1": 4})) == [{"type": "pong", "n": 1}]
    assert view.apply(page(message(2), message(3), head=3)) == []
    assert positions(view) == [1, 2, 3, 4]
    assert view.level


def test_a_change_that_was_missed_under_a_newer_one_is_no_gap() -> None:
    view = a_view(message(1), message(2))
    assert view.apply(message(1, version=4)) == asked(since=2)
    assert view.apply(page(message(2, version=3), message(1, version=4), head=4)) == []
    assert view.level


def test_a_heartbeat_is_answered_and_shows_what_was_lost() -> None:
    view = a_view(message(1))
    assert view.apply(heartbeat(n=5, **{"1": 1})) == [{"type": "pong", "n": 5}]
    assert view.apply(heartbeat(n=6, **{"1": 2})) == [{"type": "pong", "n": 6}, *asked(since=1)]
    assert view.apply(heartbeat(n=7)) == [{"type": "pong", "n": 7}]


def test_an_older_version_does_not_undo_a_newer_one() -> None:
    view = a_view(message(1), message(1, version=2, body="Better", edited=True), message(1))
    assert view.timeline(ROOM)[0]["body"] == "Better"
    assert not view.violations


def test_what_was_asked_on_a_lost_connection_is_asked_again() -> None:
    view = a_view(message(1), message(3))
    view.lost()
    assert view.apply(welcome(state(3))) == asked(since=1)


def test_a_sync_that_was_refused_is_asked_again_at_the_next_sign() -> None:
    view = a_view(message(2))
    assert view.apply({"type": "error", "code": "unavailable", "ref": "sync 1"}) == []
    assert view.apply({"type": "error", "code": "invalid", "ref": None}) == []
    assert view.apply(heartbeat(**{"1": 2}))[1:] == asked(since=0)


def test_who_left_forgets_and_may_not_hear_any_more() -> None:
    view = a_view(message(1), {"type": "left", "room": ROOM})
    assert ROOM not in view.rooms
    assert view.apply(heartbeat(**{"1": 2})) == [{"type": "pong", "n": 1}]
    assert not view.violations
    for event in (message(2), page(head=1), {"type": "typing", "room": ROOM, "user": {}}):
        assert view.apply(event) == []
    assert len(view.violations) == 3


def test_a_room_that_welcome_does_not_name_was_left() -> None:
    view = a_view(message(1), welcome())
    assert not view.rooms


def test_who_comes_back_begins_again_and_is_not_told_all_by_an_old_answer() -> None:
    view = a_view(message(1), message(3), {"type": "left", "room": ROOM})
    assert view.apply(state(3)) == asked(since=0)
    assert view.apply(page(message(2), message(3), head=3)) == []  # to what was asked before
    assert not view.level
    assert view.apply(page(message(1), message(2), message(3), head=3)) == []
    assert positions(view) == [1, 2, 3]
    assert view.level
    assert not view.violations


def test_names_and_order_of_arrival_are_no_difference() -> None:
    renamed = message(1, author={"id": 7, "name": "Alice Ahmadi"})
    assert essence(renamed) == essence(message(1))
    assert not a_view(message(1), renamed).violations


def test_what_no_right_server_says_is_noticed() -> None:
    wrong = {
        "belongs to": message(2, version=1),
        "said twice": message(2, client_id="c1"),
        "what never changes": message(1, version=2, reply_to=5),
        "two contents": message(1, body="Something else"),
        "out of order": page(message(3), message(2), head=3),
        "nobody asked": page(head=1),
    }
    for name, event in wrong.items():
        assert name in " ".join(a_view(message(1), event).violations), name
