"""What a right client of the wire holds, written from docs/protocol.md alone. Does no I/O.

view = View()
frames = view.apply(event)  # for each event of the server: what a right client sends in answer
view.lost()                 # the connection went, and with it every answer that was on its way
view.timeline(room)         # the messages of a room, in order
view.violations             # what no right server says

It begins with nothing and so asks for a room's whole history, after which it should hold what the
database holds.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Frame = dict[str, Any]

OF_A_ROOM = ("message", "sync", "history", "read", "typing", "presence")
SYNC = "sync "  # and a room's id: the `ref` of what is asked


@dataclass
class RoomView:
    """A room as a client knows it. Every change up to `number` is held."""

    number: int = 0
    head: int = 0  # the highest number heard of
    messages: dict[int, Event] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)  # number -> the message that took it

    def reach(self, number: int) -> None:
        """Every change up to here is held; those that ran ahead count from now on."""
        self.number = max(self.number, number)
        while self.number + 1 in self.changed:
            self.number += 1


class View:
    def __init__(self) -> None:
        self.rooms: dict[int, RoomView] = {}
        self.violations: list[str] = []
        self._said: dict[tuple[int, str], int] = {}  # author and client id -> message
        # Questions on their way, in order. Each knows which stay in the room it was asked in:
        # who left and came back begins with nothing, and an old answer does not tell it all.
        self._asked: dict[int, list[RoomView]] = defaultdict(list)

    def apply(self, event: Event) -> list[Frame]:
        """Takes an event in. Returns the frames a right client sends in answer."""
        if event["type"] in OF_A_ROOM and event["room"] not in self.rooms:
            return self._on_stray(event)
        handler = getattr(self, f"_on_{event['type']}", None)
        return handler(event) if handler else []

    def lost(self) -> None:
        """The connection went: what was asked on it will not be answered."""
        self._asked.clear()

    def timeline(self, room_id: int) -> list[Event]:
        """The messages of a room, in the order in which they were said."""
        return sorted(self.rooms[room_id].messages.values(), key=lambda m: m["position"])

    @property
    def level(self) -> bool:
        """Whether every change that was heard of is held."""
        return all(room.number >= room.head for room in self.rooms.values())

    # What the server says.

    def _on_welcome(self, event: Event) -> list[Frame]:
        states = {state["id"]: state for state in event["rooms"]}
        for id in self.rooms.keys() - states.keys():
            del self.rooms[id]
        return [frame for state in states.values() for frame in self._on_room(state)]

    def _on_room(self, state: Event) -> list[Frame]:
        self.rooms.setdefault(state["id"], RoomView())
        return self._expect(state["id"], state["head"])

    def _on_left(self, event: Event) -> list[Frame]:
        self.rooms.pop(event["room"], None)
        return []

    def _on_message(self, event: Event) -> list[Frame]:
        self._take(event)
        return self._expect(event["room"], event["version"])

    def _on_sync(self, event: Event) -> list[Frame]:
        room_id, more = event["room"], event["more"]
        versions = [message["version"] for message in event["messages"]]
        if versions != sorted(set(versions)):
            self._violated(f"a page of room {room_id} is out of order: {versions}")
        for message in event["messages"]:
            self._take(message)
        if self._answered(room_id) is self.rooms[room_id]:
            self.rooms[room_id].reach(max(versions + ([] if more else [event["head"]]), default=0))
        return self._expect(room_id, event["head"], anyhow=more)

    def _on_history(self, event: Event) -> list[Frame]:
        for message in event["messages"]:
            self._take(message)
        return []

    def _on_heartbeat(self, event: Event) -> list[Frame]:
        asked = [self._expect(int(id), head) for id, head in event["heads"].items()]
        return [{"type": "pong", "n": event["n"]}, *(frame for frames in asked for frame in frames)]

    def _on_error(self, event: Event) -> list[Frame]:
        """A sync that was refused is asked again at the next sign of a gap."""
        if (event["ref"] or "").startswith(SYNC):
            self._answered(int(event["ref"].removeprefix(SYNC)))
        return []

    def _on_stray(self, event: Event) -> list[Frame]:
        """What says something of a room in which one is not. It may be the answer to a question:
        who left and was added again gets it, and is told of the room later."""
        if event["type"] == "sync":
            self._answered(event["room"])
        elif event["type"] != "history":
            self._violated(f"{event['type']} of room {event['room']}, in which one is not: {event}")
        return []

    # What follows from it.

    def _expect(self, room_id: int, head: int, anyhow: bool = False) -> list[Frame]:
        """Asks for what is missing up to a head, unless that is on its way."""
        room = self.rooms.get(room_id)
        if room is None:  # a heartbeat may name what has just been left, or is about to be joined
            return []
        room.head = max(room.head, head)
        asked = any(question is room for question in self._asked[room_id])
        if asked or (room.number >= room.head and not anyhow):
            return []
        self._asked[room_id].append(room)
        return [{"type": "sync", "room": room_id, "since": room.number, "ref": f"{SYNC}{room_id}"}]

    def _answered(self, room_id: int) -> RoomView | None:
        """The question that this answer is for: they come in order."""
        if self._asked[room_id]:
            return self._asked[room_id].pop(0)
        self._violated(f"an answer for room {room_id} that nobody asked for")
        return None

    def _take(self, message: Event) -> None:
        """Applies a message if it is newer than the one that is held."""
        room, id = self.rooms[message["room"]], message["id"]
        held = room.messages.get(id)
        for number in (message["position"], message["version"]):
            if room.changed.setdefault(number, id) != id:
                self._violated(f"number {number} belongs to {room.changed[number]}: {message}")
        if self._said.setdefault((message["author"]["id"], message["client_id"]), id) != id:
            self._violated(f"said twice: {message}")
        if held and lasting(held) != lasting(message):
            self._violated(f"what never changes has changed: {held}, {message}")
        if held and held["version"] == message["version"] and words(held) != words(message):
            self._violated(f"one version, two contents: {held}, {message}")
        if held is None or message["version"] > held["version"]:
            room.messages[id] = message
        room.reach(room.number)

    def _violated(self, what: str) -> None:
        self.violations.append(what)


def essence(message: Event) -> Event:
    """What a message says; names are those of the moment and do not count."""
    return words(message) | {key: message[key] for key in ("version", "reactions")}


def words(message: Event) -> Event:
    """What one version of a message says, whoever tells it; reactions may run ahead of it."""
    keys = ("body", "html", "edited", "deleted")
    return lasting(message) | {key: message[key] for key in keys}


def lasting(message: Event) -> Event:
    """What is the same in every version of a message."""
    same = {key: message[key] for key in ("id", "client_id", "position", "reply_to")}
    return same | {"author": message["author"]["id"]}
