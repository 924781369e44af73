"""The parts of the bench do what they say; how fast is not asked here."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import bare_settings, servers
from bench.peers import sql
from chat.models import User
from tests import factories
from tests.plugin import need
from tests.services import Missing, postgres_server

pytestmark = pytest.mark.long

ROOMS, PEOPLE, MESSAGES = [1, 2, 3], [1, 2, 3, 4, 5, 6], 120
SECONDS = 0.5
FILLED = servers.People(rooms=len(ROOMS), people=len(PEOPLE), messages=MESSAGES)


def run(
    module: str,
    *options: str,
    env: servers.Environment | None = None,
    input: bytes | None = None,
) -> bytes:
    command = [sys.executable, "-m", module, *options]
    return subprocess.run(
        command, cwd=servers.PROJECT, env=env, input=input, stdout=subprocess.PIPE, check=True
    ).stdout


def measured(module: ModuleType, load: msgspec.Struct) -> Any:
    outcome = run(module.__name__, input=msgspec.json.encode(load))
    return msgspec.json.decode(outcome, type=module.Outcome)


def test_what_is_filled_counts_as_the_chat_does(tmp_path: Path) -> None:
    servers.fill(os.environ | servers.our_settings(tmp_path), tmp_path, FILLED)
    query = """SELECT id, head, removals,
        (SELECT COUNT(*) FROM chat_membership WHERE room_id = room.id AND read = head),
        (SELECT COUNT(DISTINCT version) FROM chat_message WHERE room_id = room.id)
        FROM chat_room room ORDER BY id"""
    with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as database:
        assert database.execute(query).fetchall() == [
            (room, MESSAGES, 0, len(PEOPLE), MESSAGES) for room in ROOMS
        ]


@pytest.mark.django_db
def test_the_bare_view_asks_what_the_page_asks(client: Client, alice: User, settings: Any) -> None:
    settings.ROOT_URLCONF = bare_settings.ROOT_URLCONF
    garden = factories.room(alice)
    factories.say(alice, garden)
    client.force_login(alice)
    asked = []
    for path in (f"/rooms/{garden.pk}/", f"/bare/{garden.pk}/"):
        client.get(path)  # the first writes to the session
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        asked.append(sorted(re.sub(r"'\d{4}-.*?'", "'now'", query["sql"]) for query in queries))
    assert asked[0] == asked[1]


def test_the_near_limit_says_what_the_chat_says(db: None, alice: User) -> None:
    garden = factories.room(alice)
    with CaptureQueriesContext(connection) as queries:
        factories.say(alice, garden)
    limit = [sql.COUNT_CHANGES, sql.READ_ON, sql.SAY]
    assert [*filter(None, (gist(query["sql"]) for query in queries))] == [*map(gist, limit)]


def gist(query: str) -> list[str]:
    """What is done to which tables, and whether it answers; nothing for BEGIN and COMMIT."""
    words = re.findall(r"UPDATE|INSERT|SELECT|EXISTS|JOIN|RETURNING|chat_\w+", query)
    return [*dict.fromkeys(words)]


def test_the_near_limit_is_reached_with_the_same_outcome(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    try:
        with postgres_server() as url:
            env = os.environ | servers.our_settings(tmp_path) | {"DATABASE_URL": url}
            servers.fill(env, tmp_path, FILLED)
            load = sql.Load(database=url, rooms=ROOMS, people=PEOPLE, threads=4, seconds=SECONDS)
            outcome = measured(sql, load)
            with psycopg.connect(url) as database:
                heads = database.execute("SELECT SUM(head) FROM chat_room").fetchone()
    except Missing as missing:
        need(request, missing)
    assert heads == (len(ROOMS) * MESSAGES + outcome.posts,)
