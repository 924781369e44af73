"""The walk finds what it is there to find: each of these faults, put in on purpose."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from chat import actions, protocol, queries
from chat.fanout import fanout
from tests.model.machine import Chat
from tests.model.test_model import WALK
from tests.model.world import world
from tests.view import Event, Frame, View

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

SEARCH = settings(WALK, max_examples=100, phases=[Phase.generate], report_multiple_bugs=False)
Fault = Callable[[], AbstractContextManager[Any]]


class TrustsHints(View):
    def apply(self, event: Event) -> list[Frame]:
        if event["type"] == "heartbeat":
            return [{"type": "pong", "n": event["n"]}]
        return super().apply(event)


class ReadsOnePage(View):
    def apply(self, event: Event) -> list[Frame]:
        return super().apply(event | {"more": False} if event["type"] == "sync" else event)


class WaitsForAnswersThatWereLost(View):
    def lost(self) -> None:
        pass


def a_client(mutant: type[View]) -> Fault:
    return lambda: patch("tests.model.client.View", mutant)


def sync_without_deletions() -> AbstractContextManager[Any]:
    sync = queries.sync

    def mutant(*asked: Any) -> protocol.Synced:
        page = sync(*asked)
        alive = [message for message in page.messages if not message.deleted]
        return msgspec.structs.replace(page, messages=alive)

    return patch.object(queries, "sync", mutant)


def sync_that_starts_too_late() -> AbstractContextManager[Any]:
    sync = queries.sync
    return patch.object(queries, "sync", lambda user, room, since: sync(user, room, since + 1))


def sends_that_are_not_idempotent() -> AbstractContextManager[Any]:
    send = actions.send_message
    return patch.object(actions, "send_message", lambda **f: send(**f | {"client_id": uuid4()}))


def reactions_without_a_number() -> AbstractContextManager[Any]:
    return patch("chat.actions.messages.changed", lambda message: message)


def sockets_that_stay_in_a_room_they_left() -> AbstractContextManager[Any]:
    async def mutant(*_: Any) -> None: ...

    return patch.object(fanout, "leave", mutant)


FAULTS = {
    "a client that trusts the hints": a_client(TrustsHints),
    "a client that reads one page": a_client(ReadsOnePage),
    "a client that waits for answers that were lost": a_client(WaitsForAnswersThatWereLost),
    "a sync without deletions": sync_without_deletions,
    "a sync that starts too late": sync_that_starts_too_late,
    "sends that are not idempotent": sends_that_are_not_idempotent,
    "reactions without a number": reactions_without_a_number,
    "sockets that stay in a room they left": sockets_that_stay_in_a_room_they_left,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_walk_finds(fault: str) -> None:
    with world() as server, FAULTS[fault](), pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: Chat(server), settings=SEARCH)
