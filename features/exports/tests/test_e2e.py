"""A room as a file, in a real browser: asked for, watched, downloaded."""

import gzip
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.e2e.person import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def database(demo_database: Path) -> Path:
    return demo_database


def export_of(person: Person, room: str) -> Locator:
    """The part of the room's settings that is about its export."""
    person.open(room)
    person.page.goto(re.sub(r"\?.*", "", person.page.url) + "settings/")
    person.is_connected()
    return person.page.locator("#export")


@pytest.mark.promise
def test_the_owner_asks_for_a_file_and_downloads_it(people: Callable[..., Person]) -> None:
    alice = people("alice")
    export = export_of(alice, "Release")
    expect(export.get_by_role("link", name="Download")).to_be_hidden()
    export.get_by_role("button", name="Make the file").click()
    # Without a reload: the page asks how far it is.
    expect(export.get_by_role("status")).to_contain_text("It is ready: 4 messages")
    expect(export.get_by_role("status")).to_contain_text("It is kept for another 23")
    with alice.page.expect_download() as download:
        export.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "release.jsonl.gz"
    lines = gzip.decompress(download.value.path().read_bytes()).splitlines()
    assert [json.loads(line)["author"]["name"] for line in lines] == [
        "Carol Costa",
        "Bob Brandt",
        "Alice Ahmadi",
        "Carol Costa",
    ]
    expect(export.get_by_role("button", name="Make it anew")).to_be_visible()
    alice.is_connected()


def test_the_keyboard_is_enough(people: Callable[..., Person]) -> None:
    alice = people("alice")
    export = export_of(alice, "Garden")
    export.get_by_role("button", name="Make the file").press("Enter")
    link = export.get_by_role("link", name="Download")
    expect(link).to_be_visible()
    with alice.page.expect_download() as download:
        link.press("Enter")
    assert download.value.suggested_filename == "garden.jsonl.gz"
    alice.is_connected()


def test_a_page_shows_how_far_it_is_and_asks_again_when_it_finds_no_server(
    people: Callable[..., Person], tmp_path: Path
) -> None:
    """A worker somewhere else is at it, and gives up."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.abort() if len(asked) < 3 else route.continue_()

    with closing(sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)) as database:
        database.execute(WRITING)
        alice = people("alice")
        alice.forgive("Failed to load resource")
        alice.page.route("**/export/state/", answer)
        export = export_of(alice, "Garden")
        database.execute("UPDATE exports_export SET messages = 412")
        expect(export.get_by_role("status")).to_contain_text("412 messages so far")
        assert len(asked) >= 3
        expect(export.get_by_role("button")).to_be_hidden()
        database.execute("UPDATE exports_export SET state = 'failed', finished_at = asked_at")
        expect(export.get_by_role("button", name="Try again")).to_be_visible()


WRITING = """
INSERT INTO exports_export (room_id, by_id, state, asked_at, until, messages, size)
SELECT chat_room.id, 1, 'writing', '2100-01-01', 1000, 0, 0
FROM chat_room WHERE name = 'Garden'
"""
