"""A room as a file: what its page says, and who gets it."""

import gzip
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from chat import actions as chat_actions
from chat.models import Room, User
from features.exports import actions, views, writing
from features.exports.models import Export
from realtime.jobs import queue
from tests.factories import direct, fill, moderator
from tests.plugin import on_a_loop

pytestmark = pytest.mark.django_db


def address(name: str, room: Room) -> str:
    return reverse(name, args=[room.pk])


def settings_of(client: Client, room: Room) -> str:
    return client.get(address("room_settings", room)).content.decode()


def state(client: Client, room: Room) -> dict[str, str]:
    answer: dict[str, str] = client.get(address("export_state", room)).json()
    return answer


def asked(user: User, room: Room) -> None:
    actions.ask_for_export(user=user, room_id=room.pk)


@pytest.mark.parametrize("name", ["export", "export_state", "export_file"])
def test_a_stranger_is_sent_to_log_in(client: Client, garden: Room, name: str) -> None:
    response = client.get(address(name, garden))
    assert response["Location"] == f"{reverse('login')}?next={address(name, garden)}"


def test_the_owner_is_offered_an_export_and_gets_it(as_alice: Client, garden: Room) -> None:
    assert "Make the file" in settings_of(as_alice, garden)
    response = as_alice.post(address("export", garden))
    assert response["Location"] == address("room_settings", garden) + "#export"
    assert Export.objects.get().state == Export.State.WAITING
    assert "It waits for its turn." in settings_of(as_alice, garden)


def test_a_member_is_offered_none_and_gets_none(alice: User, as_bob: Client, garden: Room) -> None:
    asked(alice, garden)
    queue.work()
    assert 'id="export"' not in settings_of(as_bob, garden)
    assert as_bob.post(address("export", garden)).status_code == 403
    for name in ("export_state", "export_file"):
        assert as_bob.get(address(name, garden)).status_code == 403


def test_a_direct_room_has_none(alice: User, bob: User, as_alice: Client) -> None:
    talk = direct(alice, bob)
    assert 'id="export"' not in settings_of(as_alice, talk)
    assert as_alice.post(address("export", talk)).status_code == 403


def test_the_address_of_the_form_leads_to_the_page_that_holds_it(
    as_alice: Client, garden: Room
) -> None:
    response = as_alice.get(address("export", garden))
    assert response["Location"] == address("room_settings", garden) + "#export"
    assert not Export.objects.exists()


def test_each_state_is_said(alice: User, as_alice: Client, garden: Room) -> None:
    none = {"state": "none", "says": "There is no file yet.", "ask": "Make the file"}
    assert state(as_alice, garden) == none
    asked(alice, garden)
    waiting = {"state": "waiting", "says": "It waits for its turn.", "ask": ""}
    assert state(as_alice, garden) == waiting
    Export.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    assert "for 5\xa0minutes" in state(as_alice, garden)["says"]
    export, claim = Export.objects.get(), queue.take()
    assert claim
    writing.begin(export)
    writing.add_part(claim, export, 0, [b"one\n"])
    is_written = {"state": "writing", "says": "It is being written: 1 message so far.", "ask": ""}
    assert state(as_alice, garden) == is_written
    Export.objects.update(state="failed", finished_at=timezone.now())
    failed = state(as_alice, garden)
    assert failed["says"].startswith("It could not be written.")
    assert failed["ask"] == "Try again"


def test_a_file_says_how_large_it_is_and_how_long_it_is_kept(
    alice: User, as_alice: Client, garden: Room
) -> None:
    fill(garden, alice, 3)
    asked(alice, garden)
    queue.work()
    ready = state(as_alice, garden)
    size = Export.objects.get().size
    assert ready["says"] == (
        f"It is ready: 3 messages, {size}\xa0bytes. It is kept for another 23\xa0hours."
    )
    assert ready["ask"] == "Make it anew"
    assert "Download" in settings_of(as_alice, garden)


def test_what_is_said_of_it_is_kept_by_no_cache(as_alice: Client, garden: Room) -> None:
    response = as_alice.get(address("export_state", garden))
    assert response["Cache-Control"] == "private, no-store"


def test_there_is_no_file_before_it_is_ready(alice: User, as_alice: Client, garden: Room) -> None:
    def status() -> int:
        return as_alice.get(address("export_file", garden)).status_code

    assert status() == 404
    asked(alice, garden)
    assert status() == 404
    writing.begin(Export.objects.get())
    assert status() == 404
    Export.objects.update(state="failed", finished_at=timezone.now())
    assert status() == 404


def downloaded(user: User, room: Room) -> tuple[HttpResponse, bytes]:
    """As an ASGI server does it."""
    client = AsyncClient()
    client.force_login(user)

    async def get() -> tuple[HttpResponse, bytes]:
        response = await client.get(address("export_file", room))
        assert isinstance(response, StreamingHttpResponse)
        return response, b"".join([part async for part in response])

    return on_a_loop(get())


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_made_anew_while_it_is_loaded_ends_early(
    alice: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 10)
    fill(garden, alice, 25)
    export = actions.ask_for_export(user=alice, room_id=garden.pk)
    queue.work()
    ask_again = sync_to_async(partial(actions.ask_for_export, user=alice, room_id=garden.pk))

    async def load() -> list[bytes]:
        loaded = []
        async for part in views.parts(export):
            loaded.append(part)
            await ask_again()
        return loaded

    assert len(on_a_loop(load())) == 1


@pytest.mark.django_db(transaction=True)
def test_a_file_whose_database_goes_away_ends_early_and_the_log_says_why(
    alice: User, garden: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "BATCH", 10)
    fill(garden, alice, 25)
    export = actions.ask_for_export(user=alice, room_id=garden.pk)
    queue.work()

    def refuse(*query: object) -> None:
        raise OperationalError("the connection is closed")

    @sync_to_async  # on the thread that asks for the parts, whose connection it is
    def wrap(*wrappers: Any) -> None:
        connection.execute_wrappers[:] = wrappers

    async def load() -> list[bytes]:
        loaded = []
        try:
            async for part in views.parts(export):
                loaded.append(part)
                await wrap(refuse)
        finally:
            await wrap()
        return loaded

    assert len(on_a_loop(load())) == 1
    assert caplog.messages == ["The database is not available: the connection is closed"]


@pytest.mark.django_db(transaction=True)
def test_a_file_comes_whole_and_with_its_name(
    alice: User, bob: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 10)
    fill(garden, alice, 25)
    chat_actions.update_room(user=alice, room_id=garden.pk, name='Gärten "1/2"', topic="")
    asked(alice, garden)
    queue.work()
    response, file = downloaded(moderator(garden, bob), garden)
    assert response["Content-Type"] == "application/gzip"
    assert response["Content-Length"] == str(len(file))
    assert response["Content-Disposition"] == (
        "attachment; filename*=utf-8''g%C3%A4rten-12.jsonl.gz"
    )
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in response  # the browser is to keep it compressed
    assert gzip.decompress(file).count(b"\n") == 25
