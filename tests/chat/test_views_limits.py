"""Whoever changes rooms and people too often is told to wait, on whichever page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat import actions, limits, views
from chat.models import Room, User
from realtime import rate_limit
from tests.chat.fixtures import Clock
from tests.factories import listening, room

pytestmark = pytest.mark.django_db

Form = tuple[str, dict[str, Any]]  # the path it is sent to, and what is filled in

# What Alice does in a room of hers and Bob's, in another's, and beside them; by the action.
LIMITED: dict[str, Callable[[Room, Room, User, User], Form]] = {
    "create_room": lambda mine, theirs, bob, carol: (
        reverse("room_new"),
        {"name": "Kitchen", "kind": "open"},
    ),
    "update_room": lambda mine, theirs, bob, carol: (
        reverse("room_settings", args=[mine.pk]),
        {"name": "Kitchen"},
    ),
    "join_room": lambda mine, theirs, bob, carol: (reverse("room_join", args=[theirs.pk]), {}),
    "leave_room": lambda mine, theirs, bob, carol: (reverse("room_leave", args=[mine.pk]), {}),
    "add_member": lambda mine, theirs, bob, carol: (
        reverse("member_add", args=[mine.pk]),
        {"person": carol.pk},
    ),
    "remove_member": lambda mine, theirs, bob, carol: (
        reverse("member_remove", args=[mine.pk, bob.pk]),
        {},
    ),
    "set_role": lambda mine, theirs, bob, carol: (
        reverse("member_role", args=[mine.pk, bob.pk]),
        {"role": "moderator"},
    ),
    "start_direct": lambda mine, theirs, bob, carol: (reverse("direct"), {"people": [bob.pk]}),
    "invite": lambda mine, theirs, bob, carol: (reverse("invite", args=[mine.pk]), {}),
    "accept_invitation": lambda mine, theirs, bob, carol: (
        actions.invite(user=carol, room_id=theirs.pk).get_absolute_url(),
        {},
    ),
    "update_profile": lambda mine, theirs, bob, carol: (
        reverse("profile"),
        {"display_name": "Al", "color": 1},
    ),
}
WITHOUT_AN_ACCOUNT = {"check_setup", "create_owner", "sign_up"}
OF_A_SESSION = {"recheck_sessions"}  # whose log-in is limited


@pytest.mark.parametrize("form", LIMITED.values(), ids=LIMITED)
def test_who_does_too_much_is_told_to_wait(
    form: Callable[[Room, Room, User, User], Form],
    alice: User,
    bob: User,
    carol: User,
    as_alice: Client,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, fields = form(room(alice, bob), room(carol), bob, carol)
    monkeypatch.setattr(limits, "changes", rate_limit.TokenBuckets(per_minute=1))
    limits.changes.spend(alice.pk)
    with listening() as heard:
        refused = as_alice.post(path, fields)
    assert refused.status_code == 429
    assert "Slow down: at most 1 a minute." in refused.content.decode()
    assert heard.nothing
    clock.now += 60
    assert as_alice.post(path, fields).status_code == 302


def test_every_action_of_a_page_is_among_those() -> None:
    of_pages = set(re.findall(r"\bactions\.(\w+)\(", Path(views.__file__).read_text()))
    assert of_pages == LIMITED.keys() | WITHOUT_AN_ACCOUNT | OF_A_SESSION
