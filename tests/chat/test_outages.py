"""The database is gone for a while: sockets stay, say so, and go on when it is back.

Both consumers, every way of keeping connections, on all ORM threads: PostgreSQL is killed while
each thread holds one. Or it ends their connections only, as a restart that nobody saw.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.chaos.programs import Postgres
from tests.client import ChatClient
from tests.plugin import need
from tests.services import Missing, folder
from tests.site import Site, wait_until

pytestmark = pytest.mark.once

THREADS = 3
PATHS = ["/ws/chat/sync/", "/ws/chat/"] * THREADS  # more sockets than threads
KEEPING = {
    "a connection for each event": "?conn_max_age=0",
    "lasting connections": "?conn_max_age=600",
    "a pool": "",
}
KEPT = [each for each in KEEPING if each != "a pool"]


@pytest.fixture(scope="module")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    with folder() as data:
        server = Postgres(data)
        try:
            asyncio.run(server.create())
        except Missing as missing:
            need(request, missing)
        asyncio.run(server.start())
        yield server
        server.kill()


@pytest.fixture(params=["a pool", *(pytest.param(each, marks=pytest.mark.long) for each in KEPT)])
def site(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> Iterator[Site]:
    site = Site(
        tmp_path / "site.log",
        DATABASE_URL=postgres.url + KEEPING[request.param],
        DATABASE_POOL="1" if request.param == "a pool" else "0",
        REDIS_URL="",
        ASGI_THREADS=str(THREADS),
        HEARTBEAT="1",
    )
    site.manage("migrate", "-v0")
    site.manage("demo", "--cookies", str(tmp_path / "cookies"))
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log() and " ERROR " not in site.log()


@pytest.fixture
def cookies(tmp_path: Path, site: Site) -> list[str]:
    lines = (tmp_path / "cookies").read_text().splitlines()
    return [line.removeprefix("Cookie: ") for line in lines]


def ask(client: ChatClient, room: int, id: str) -> dict[str, Any]:
    return client.ask("send", room=room, id=id, body="Anybody here?")


def end_connections(postgres: Postgres) -> None:
    """Ends the site's connections; whoever holds one does not know."""
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> %s"
        mine = [admin.info.backend_pid]
        admin.execute(f"SELECT pg_terminate_backend(pid) {others}", mine)
        wait_until(lambda: not admin.execute(f"SELECT {others}", mine).fetchall(), "they are gone")


def test_sockets_outlive_the_database(postgres: Postgres, site: Site, cookies: list[str]) -> None:
    clients = [ChatClient(site.url, path, cookies[0]) for path in PATHS]
    room = clients[0].expect("welcome")["rooms"][0]["id"]
    for client in clients:
        assert ask(client, room, str(uuid4()))["type"] == "ok"
    postgres.kill()
    ids = [str(uuid4()) for _ in clients]
    for client, id in zip(clients, ids, strict=True):
        assert ask(client, room, id)["code"] == "unavailable"
        client.expect("heartbeat", heads={})
    with ChatClient(site.url, PATHS[0], cookies[1]) as late:
        assert late.expect_close() == 4503
    assert site.get("/", cookies[1]) == site.get("/readyz") == 503
    asyncio.run(postgres.start())
    for client, id in zip(clients, ids, strict=True):
        wait_until(lambda: ask(client, room, id)["type"] == "ok", "what was said is taken")  # noqa: B023
        while not client.expect("heartbeat")["heads"]:
            pass  # one of those that came before
    for client in clients:
        client.close()


@pytest.mark.parametrize("path", ["/ws/chat/sync/", "/ws/chat/"])
def test_an_idle_socket_outlives_its_connections(
    path: str, postgres: Postgres, site: Site, cookies: list[str]
) -> None:
    """Nobody does anything: the heartbeat itself finds its connection dead, and opens another."""
    with ChatClient(site.url, path, cookies[0]) as client:
        rooms = client.expect("welcome")["rooms"]
        heads = {str(room["id"]): room["head"] for room in rooms}
        client.expect("heartbeat", heads=heads)
        end_connections(postgres)
        for _ in range(2):  # one may have been on its way
            client.expect("heartbeat", heads=heads)
