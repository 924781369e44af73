"""`manage.py runworker exports`: what is asked for is done, whatever became of the hint."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from channels.routing import ChannelNameRouter
from django.db import OperationalError
from django.utils import timezone

from chat import actions, exports, worker
from chat.models import EXPORT_LEASE, Export, Room, User
from chat.routing import worker_consumers
from chat.worker import LOOK, ExportConsumer, Lifespan, PunctualWorker
from chatsite.channel_layer import HintLayer
from tests.chat.conftest import BETWEEN_PROCESSES, running
from tests.conftest import cookie_of, database_url, need, on_a_loop
from tests.factories import fill
from tests.services import Missing, free_port, redis_server
from tests.site import PROJECT, Site, until, wait_until

# --- a clock beside the channel ------------------------------------------------------------------


class Looks:
    """An application that counts how often it was told to look."""

    def __init__(self) -> None:
        self.count = 0
        self.busy = asyncio.Event()
        self.busy.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope == {"type": "channel", "channel": "exports"}
        while (await receive())["type"] == "look":
            self.count += 1
            await self.busy.wait()

    async def reach(self, count: int) -> None:
        await until(lambda: self.count >= count, f"it has looked {count} times")


@contextmanager
def working(looks: Looks) -> Iterator[HintLayer]:
    layer = HintLayer()
    task = asyncio.create_task(PunctualWorker(looks, ["exports"], layer).arun())
    yield layer
    task.cancel()


def test_a_worker_looks_at_its_start_and_when_it_is_told() -> None:
    async def steps() -> None:
        looks = Looks()
        with working(looks) as layer:
            await looks.reach(1)
            await layer.send("exports", {"type": "look"})
            await looks.reach(2)

    asyncio.run(steps())


def test_a_worker_looks_now_and_then_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.02)

    async def steps() -> None:
        looks = Looks()
        with working(looks):
            await looks.reach(3)

    asyncio.run(steps())


def test_while_a_worker_is_busy_its_clock_does_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.001)

    async def steps() -> None:
        looks = Looks()
        looks.busy.clear()
        with working(looks):
            await looks.reach(1)
            await asyncio.sleep(0.2)  # for hundreds of looks
            monkeypatch.setattr(worker, "LOOK", 60)
            await asyncio.sleep(0.01)
            looks.busy.set()
            await looks.reach(2)
            await asyncio.sleep(0.05)
            assert looks.count == 2

    asyncio.run(steps())


def test_a_lifespan_is_that_of_its_worker() -> None:
    async def steps() -> None:
        looks, events, said = Looks(), asyncio.Queue[dict[str, str]](), asyncio.Queue[Any]()
        lifespan = Lifespan(PunctualWorker(looks, ["exports"], HintLayer()))
        life = asyncio.create_task(lifespan({"type": "lifespan"}, events.get, said.put))
        events.put_nowait({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
        await looks.reach(1)
        events.put_nowait({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await life

    asyncio.run(steps())


def test_a_worker_that_ends_says_why_and_begins_anew(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LOOK", 0.02)

    class Broken(PunctualWorker):
        async def remind(self) -> None:
            if not caplog.text:
                raise ValueError("broken")
            await super().remind()

    async def steps() -> None:
        looks = Looks()
        work = asyncio.create_task(Lifespan(Broken(looks, ["exports"], HintLayer())).work())
        await looks.reach(1)
        work.cancel()

    asyncio.run(steps())
    assert "ValueError: broken" in caplog.text


# --- what the consumer does ----------------------------------------------------------------------


def test_a_consumer_outlives_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    consumer = ExportConsumer()
    with patch.object(exports, "work", side_effect=OperationalError("gone")):
        on_a_loop(consumer.look({"type": "look"}))
    assert "The database is not available: gone" in caplog.text


def test_each_channel_leads_to_its_consumer() -> None:
    router = ChannelNameRouter(worker_consumers)
    assert router.application_mapping["exports"].consumer_class is ExportConsumer


# --- in processes of their own -------------------------------------------------------------------

by_itself = pytest.mark.django_db(transaction=True)
between_processes = pytest.mark.parametrize("layer", BETWEEN_PROCESSES, indirect=True)


class WorkerProcess:
    """A running `manage.py runworker exports`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.alive = folder / "alive"
        self.log = folder / "worker.log"
        command = [sys.executable, "manage.py", "runworker", "exports"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=environment | {"WORKER_ALIVE": str(self.alive)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def has_looked(self) -> None:
        """Waits until it has just looked: it does so again in LOOK seconds, unless it is told."""
        before = self.alive.stat().st_mtime_ns if self.alive.exists() else 0
        wait_until(
            lambda: self.alive.exists() and self.alive.stat().st_mtime_ns > before,
            "the worker has looked",
        )

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        log = self.log.read_text()
        assert "Traceback" not in log and "Warning" not in log, log


StartWorker = Callable[[dict[str, str]], WorkerProcess]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    workers: list[WorkerProcess] = []

    def start(environment: dict[str, str]) -> WorkerProcess:
        workers.append(WorkerProcess(tmp_path, environment))
        return workers[-1]

    yield start
    for each in workers:
        each.end()


@pytest.fixture
def web(layer: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    yield from running(layer, tmp_path)


def ask(site: Site, room: Room, cookie: str) -> None:
    assert site.post(f"/rooms/{room.pk}/export/", cookie) == 200


def is_ready(room: Room) -> bool:
    return Export.objects.filter(room=room, state=Export.State.READY).exists()


def lines_of_file(site: Site, room_id: int, cookie: str) -> list[dict[str, Any]]:
    address = f"{site.url}/rooms/{room_id}/export/file/"
    request = urllib.request.Request(address, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [json.loads(line) for line in gzip.decompress(answer.read()).splitlines()]


@between_processes
@by_itself
def test_what_was_asked_when_no_worker_ran_is_done_when_one_starts(
    web: Site, start_worker: StartWorker, alice: User, garden: Room
) -> None:
    fill(garden, alice, 450)
    cookie = cookie_of(alice)
    ask(web, garden, cookie)  # and the hint is lost
    assert Export.objects.get().state == Export.State.WAITING
    start_worker(web.environment)
    wait_until(lambda: is_ready(garden), "the export is ready")
    positions = [line["position"] for line in lines_of_file(web, garden.pk, cookie)]
    assert positions == list(range(1, 451))


@pytest.mark.long
@between_processes
@by_itself
def test_a_hint_reaches_a_worker_at_once(
    web: Site, start_worker: StartWorker, alice: User, garden: Room
) -> None:
    running_worker = start_worker(web.environment)
    running_worker.has_looked()
    running_worker.has_looked()  # by now it listens, and has some seconds until it looks by itself
    ask(web, garden, cookie_of(alice))
    wait_until(lambda: is_ready(garden), "the export is ready", seconds=LOOK * 0.7)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pubsub", "core"])
@by_itself
def test_a_hint_that_is_lost_while_redis_is_away_costs_a_few_seconds(
    request: pytest.FixtureRequest,
    kind: str,
    tmp_path: Path,
    start_worker: StartWorker,
    alice: User,
    garden: Room,
) -> None:
    port = free_port()
    layer = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "CHANNEL_LAYER": kind}
    for web in running(layer, tmp_path):
        try:
            with redis_server(port):
                start_worker(web.environment).has_looked()
        except Missing as missing:
            need(request, missing)
        ask(web, garden, cookie_of(alice))
        wait_until(lambda: is_ready(garden), "the export is ready", seconds=LOOK * 3)


@pytest.mark.long
@by_itself
def test_what_a_killed_worker_left_half_written_the_next_one_writes_whole(
    start_worker: StartWorker, alice: User, garden: Room
) -> None:
    fill(garden, alice, 10_000)
    export = actions.ask_for_export(user=alice, room_id=garden.pk)
    environment = os.environ | {"DEBUG": "1", "DATABASE_URL": database_url(), "REDIS_URL": ""}

    def is_at_it() -> bool:
        export.refresh_from_db()
        return export.messages > 0

    killed = start_worker(environment)
    wait_until(is_at_it, "the worker is at it")
    killed.process.kill()
    killed.process.wait(timeout=10)
    export.refresh_from_db()
    assert (export.state, export.attempts) == (Export.State.WRITING, 1)
    Export.objects.update(heard_at=timezone.now() - EXPORT_LEASE * 1.1)  # it is not waited for
    start_worker(environment)
    wait_until(lambda: is_ready(garden), "the export is ready", seconds=60)
    export.refresh_from_db()
    assert (export.messages, export.attempts) == (10_000, 2)
    file = b"".join(bytes(part.content) for part in export.parts.order_by("number"))
    assert gzip.decompress(file).count(b"\n") == 10_000


def test_a_site_of_one_process_needs_no_worker(site: Site, tmp_path: Path) -> None:
    """As `make run` starts it: without Redis, and on SQLite."""
    site.manage("demo", "--messages", "300", "--cookies", str(tmp_path / "cookies"))
    first = (tmp_path / "cookies").read_text().splitlines()[0]  # Alice, who owns the rooms
    cookie = first.removeprefix("Cookie: ")
    assert site.post("/rooms/1/export/", cookie) == 200
    wait_until(lambda: site.get("/rooms/1/export/file/", cookie) == 200, "the file is there")
    positions = [line["position"] for line in lines_of_file(site, 1, cookie)]
    assert len(positions) > 300
    assert positions == sorted(set(positions))
