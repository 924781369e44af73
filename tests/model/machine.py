"""Three people, four pages and two rooms, on a network that does whatever it likes.

Alice owns the rooms, and a hall where nothing is said and nobody leaves. Bob has two pages open,
one on each consumer. What a rule cannot do at the moment, it leaves.
"""

import sys
from collections.abc import Sequence
from itertools import count
from typing import TypeVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chat import actions
from chat.models import Membership, Message, Room, User
from tests.factories import person, room
from tests.model.client import Client
from tests.model.network import Network
from tests.model.truth import Progress, differences, progress, went_back
from tests.model.world import World
from tests.plugin import cookie_of
from tests.view import Event

T = TypeVar("T")

SYNC, ASYNC = "/ws/chat/sync/", "/ws/chat/"
PAGES = {"alice": ASYNC, "bob": SYNC, "bob's phone": ASYNC, "carol": SYNC}
ROOMS = ("kitchen", "garden")

a_page = st.sampled_from(sorted(PAGES))
a_guest = st.sampled_from(["bob", "carol"])
a_room = st.sampled_from(ROOMS)
an_emoji = st.sampled_from(["👍", "🎉"])
a_place = st.integers(0, 4)  # in what is there, from the newest or the next on

example = count(1)


def pick(things: Sequence[T], which: int) -> T:
    return things[which % len(things)]


class Chat(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.network = Network(world)
        self.hints = world.hints.waiting
        self.people: dict[str, User] = {}
        self.pages: dict[str, Client] = {}
        self.rooms: dict[str, Room] = {}
        self.said: list[tuple[str, str, str]] = []  # page, room and id
        self.bodies = count(1)
        self.held: dict[str, Progress] = {}
        self.read_up_to: dict[int, int] = {}  # membership -> position

    @initialize()
    def everybody_comes(self) -> None:
        number = next(example)
        self.people = {name: person(f"{name}-{number}") for name in ("alice", "bob", "carol")}
        room(*self.people.values(), name="hall")
        self.rooms = {name: room(*self.people.values(), name=name) for name in ROOMS}
        cookies = {name: cookie_of(user) for name, user in self.people.items()}
        for page, path in PAGES.items():
            name = page.partition("'")[0]
            self.pages[page] = Client(self.people[name], path, cookies[name])
            self._say(page, "kitchen")
        self.network.pages = list(self.pages.values())
        self.network.connect(*self.network.pages)
        self.hints.clear()

    # What people do.

    @rule(page=a_page, where=a_room)
    def say(self, page: str, where: str) -> None:
        self._say(page, where)
        self.network.settle()

    @rule(page=a_page, where=a_room, which=a_place)
    def answer(self, page: str, where: str, which: int) -> None:
        if message := self._seen(page, where, which):
            self._say(page, where, reply_to=message["id"])
            self.network.settle()

    @rule(which=a_place)
    def say_the_same_again(self, which: int) -> None:
        page, where, id = pick(self.said, which)
        self._say(page, where, id=id)
        self.network.settle()

    @rule(page=a_page, where=a_room, which=a_place)
    def edit(self, page: str, where: str, which: int) -> None:
        if message := self._seen(page, where, which):
            body = f"edited {next(self.bodies)}"
            self._ask(page, "edit", message=message["id"], body=body)

    @rule(page=a_page, where=a_room, which=a_place)
    def delete(self, page: str, where: str, which: int) -> None:
        if message := self._seen(page, where, which):
            self._ask(page, "delete", message=message["id"])

    @rule(page=a_page, where=a_room, which=a_place, emoji=an_emoji, on=st.booleans())
    def react(self, page: str, where: str, which: int, emoji: str, on: bool) -> None:
        if message := self._seen(page, where, which):
            self._ask(page, "react", message=message["id"], emoji=emoji, on=on)

    @rule(page=a_page, where=a_room, which=a_place)
    def read(self, page: str, where: str, which: int) -> None:
        if message := self._seen(page, where, which):
            self._ask(page, "read", room=message["room"], position=message["position"])

    @rule(page=a_page, where=a_room, which=a_place)
    def look_back(self, page: str, where: str, which: int) -> None:
        if message := self._seen(page, where, which):
            self._ask(page, "history", room=message["room"], before=message["position"])

    @rule(name=a_guest, where=a_room)
    def goes_or_comes_back(self, name: str, where: str) -> None:
        """Alice removes somebody, or adds them again."""
        alice, guest, room = self.people["alice"], self.people[name], self.rooms[where]
        is_in = room.memberships.filter(user=guest).exists()
        change = actions.remove_member if is_in else actions.add_member
        change(user=alice, room_id=room.pk, member_id=guest.pk)

    # What the channel layer does.

    @precondition(lambda self: self.hints)
    @rule()
    def hints_arrive(self) -> None:
        self.network.release(*self.hints)
        self.hints.clear()

    @precondition(lambda self: self.hints)
    @rule(which=a_place)
    def a_hint_overtakes(self, which: int) -> None:
        hint = pick(self.hints, which)
        self.hints.remove(hint)
        self.network.release(hint)

    @precondition(lambda self: self.hints)
    @rule(which=a_place)
    def a_hint_arrives_and_comes_again(self, which: int) -> None:
        self.network.release(pick(self.hints, which))

    @precondition(lambda self: self.hints)
    @rule(which=a_place)
    def a_hint_is_lost(self, which: int) -> None:
        self.hints.remove(pick(self.hints, which))

    # What the network does.

    @rule(page=a_page)
    def line_becomes_slow(self, page: str) -> None:
        self.pages[page].slow = True

    @precondition(lambda self: self.network.slow)
    @rule(which=a_place, heard=a_place, spoken=a_place)
    def line_is_slow(self, which: int, heard: int, spoken: int) -> None:
        page = pick(self.network.slow, which)
        for _ in range(heard):
            page.hear()
        for _ in range(spoken):
            page.speak()
        self.network.settle()

    @precondition(lambda self: self.network.slow)
    @rule(which=a_place)
    def line_is_good_again(self, which: int) -> None:
        pick(self.network.slow, which).slow = False
        self.network.settle()

    @rule(page=a_page, heard=a_place)
    def connection_is_lost(self, page: str, heard: int) -> None:
        for _ in range(heard):
            self.pages[page].hear()
        self.network.lose(self.pages[page])

    @rule(page=a_page, where=a_room)
    def connection_breaks_before_the_answer(self, page: str, where: str) -> None:
        client = self.pages[page]
        client.slow = True
        self._say(page, where)
        while client.speak():
            pass
        self.network.settle()
        self.network.lose_and_find(client)

    @rule(page=a_page)
    def connection_breaks_before_it_catches_up(self, page: str) -> None:
        client = self.pages[page]
        client.slow = True
        self.network.beat()
        while client.hear():
            pass
        self.network.lose_and_find(client)

    @precondition(lambda self: self.network.offline)
    @rule(which=a_place, slow=st.booleans())
    def reconnect(self, which: int, slow: bool) -> None:
        page = pick(self.network.offline, which)
        page.slow = slow
        self.network.connect(page)

    # What they see.

    @rule()
    def a_heartbeat_heals(self) -> None:
        self.network.beat()
        for page, client in self.pages.items():
            if client.connection and not client.slow:
                self._check(page)

    @rule()
    def all_is_well_in_the_end(self) -> None:
        self.hints.clear()  # the worst that could come of those under way
        for client in self.pages.values():
            client.slow = False
        self.network.settle()
        self.network.connect(*self.network.offline)
        self.network.beat()
        for page in PAGES:
            self._check(page)
        self._check_that_all_was_said_once()

    def teardown(self) -> None:
        try:
            if not sys.exc_info()[0]:  # otherwise something is wrong already
                self.all_is_well_in_the_end()
        finally:
            self.network.lose(*self.network.pages)

    @invariant()
    def so_far_so_good(self) -> None:
        for page, client in self.pages.items():
            assert not client.view.violations, (page, client.view.violations)
            before, self.held[page] = self.held.get(page, {}), progress(client.view)
            assert not went_back(before, self.held[page]), page
        self._check_that_nobody_unread_anything()

    # How it is done.

    def _say(self, page: str, where: str, id: str = "", reply_to: int | None = None) -> None:
        id = id or str(uuid4())
        self.said.append((page, where, id))
        self.pages[page].say(self.rooms[where].pk, id, f"number {next(self.bodies)}", reply_to)

    def _ask(self, page: str, type: str, **fields: object) -> None:
        self.pages[page].ask(type, **fields)
        self.network.settle()

    def _seen(self, page: str, where: str, which: int) -> Event | None:
        """A message that this page knows, from the newest on."""
        view, room_id = self.pages[page].view, self.rooms[where].pk
        timeline = view.timeline(room_id) if room_id in view.rooms else []
        return pick(timeline[::-1], which) if timeline else None

    def _check(self, page: str) -> None:
        client = self.pages[page]
        found = differences(client.view, client.person)
        assert not found, (page, found)
        assert client.view.level, page

    def _check_that_all_was_said_once(self) -> None:
        """What was acknowledged is there, once, and nothing else is."""
        assert not any(client.outbox for client in self.pages.values())
        acknowledged: dict[str, int] = {}
        for client in self.pages.values():
            acknowledged |= client.acknowledged
        messages = Message.objects.filter(room__in=self.rooms.values())
        said = {str(message.client_id): message.pk for message in messages}
        assert said == acknowledged
        assert len(said) == len(messages)

    def _check_that_nobody_unread_anything(self) -> None:
        memberships = Membership.objects.filter(room__in=self.rooms.values())
        before, self.read_up_to = self.read_up_to, dict(memberships.values_list("pk", "read"))
        for id, position in self.read_up_to.items():
            assert position >= before.get(id, 0)
