"""A small data centre: Redis, PostgreSQL and some web processes, with wires that can be cut.

person ── front ──► web 1, web 2, ... ──► to_redis ──► redis
                                     └──► to_postgres ──► postgres
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.lossy import SWITCH
from tests.chaos.programs import Postgres, Program, Redis, Web
from tests.chaos.proxy import Proxy
from tests.services import folder
from tests.site import PROJECT

HEARTBEAT = 2.0  # seconds

# Who is sent out of a room, and after which change: written by the database itself, in the same
# transaction and under the room's lock.
REMOVALS = """
    CREATE TABLE removal (at serial, user_id bigint, room_id bigint, head bigint);
    CREATE FUNCTION note_removal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO removal (user_id, room_id, head)
        SELECT OLD.user_id, OLD.room_id, head FROM chat_room WHERE id = OLD.room_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER removal AFTER DELETE ON chat_membership
    FOR EACH ROW EXECUTE FUNCTION note_removal();
"""


class World:
    connection: dict[str, Any] = {}  # what people have to know to connect, beside the url

    def __init__(self, people: int, webs: int) -> None:
        self.keeper: dict[str, Any] = {}  # lets people in and out
        self.people: list[dict[str, Any]] = []
        self._sizes = people, webs
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "World":
        try:
            await self._build()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _build(self) -> None:
        people, webs = self._sizes
        home = self._stack.enter_context(folder())
        self.switch = home / "hints are lost"
        self.redis, self.postgres = Redis(home), Postgres(home)
        await self.postgres.create()
        await asyncio.gather(self._start(self.redis), self._start(self.postgres))
        self.to_redis = await self._wire(self.redis.port)
        self.to_postgres = await self._wire(self.postgres.port)
        environment = self._environment(home)
        await self._fill(environment, people)
        self.webs = [Web(home, number, environment) for number in range(1, webs + 1)]
        await asyncio.gather(*map(self._start, self.webs))
        self.front = await self._wire(*(web.port for web in self.webs))

    async def _fill(self, environment: dict[str, str], people: int) -> None:
        await run(environment, "manage.py", "migrate", "-v0")
        await run(environment, "manage.py", "collectstatic", "-v0", "--no-input")
        filled = await run(environment, "-m", "tests.chaos.people", str(people))
        self.keeper, *self.people = json.loads(filled)
        with psycopg.connect(self.postgres.url) as connection:
            connection.execute(REMOVALS)

    async def _wire(self, *ports: int) -> Proxy:
        return await self._stack.enter_async_context(Proxy(*ports))

    async def _start(self, program: Program) -> None:
        self._stack.callback(program.kill)
        await program.start()

    def _environment(self, home: Path) -> dict[str, str]:
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": f"postgres://chat@127.0.0.1:{self.to_postgres.port}/postgres",
            "REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0",
            "SECRET_KEY": "chaos",
            "DEBUG": "0",  # which would remember every query
            "STATIC_ROOT": str(home / "static"),
            "HEARTBEAT": str(HEARTBEAT),
            "RATE_LIMIT": "0",
            SWITCH: str(self.switch),
        }

    @property
    def url(self) -> str:
        """Where people find the site."""
        return f"ws://127.0.0.1:{self.front.port}"

    async def heads(self) -> dict[int, int]:
        """Each room's number in the database."""
        return dict(await self.ask("SELECT id, head FROM chat_room"))

    async def is_member(self, user: int, room: int) -> bool:
        query = "SELECT id FROM chat_membership WHERE user_id = %s AND room_id = %s"
        return bool(await self.ask(query, user, room))

    async def removed_at(self, user: int, room: int) -> int:
        """The number of the last change that somebody who was sent out of a room may know."""
        query = "SELECT head FROM removal WHERE user_id = %s AND room_id = %s ORDER BY at DESC"
        return int((await self.ask(query, user, room))[0][0])

    async def ask(self, query: str, *values: int) -> list[Any]:
        """Asks the database, and waits for it if it is away."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return await asyncio.to_thread(self._ask, query, values)  # the wires go on
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    def _ask(self, query: str, values: tuple[int, ...]) -> list[Any]:
        with psycopg.connect(self.postgres.url, connect_timeout=2) as connection:
            return connection.execute(query, values).fetchall()

    def keep_logs(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for program in (self.redis, self.postgres, *self.webs):
            shutil.copy(program.log, folder)


async def run(environment: dict[str, str], *command: str) -> str:
    """Runs one of the site's programs to its end. Returns what it printed."""
    program = [sys.executable, *command]
    output = partial(subprocess.check_output, program, cwd=PROJECT, env=environment, text=True)
    return str(await asyncio.to_thread(output))
