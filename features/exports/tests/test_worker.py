"""`manage.py runworker jobs` writes what is asked for, whatever became of the hint."""

import gzip
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from chat.models import Room, User
from features.exports import actions
from features.exports.models import Export
from realtime.jobs.models import Job
from realtime.jobs.worker import LOOK
from tests.chat.fixtures import BETWEEN_PROCESSES, running
from tests.factories import fill
from tests.plugin import cookie_of, database_url, need
from tests.services import Missing, free_port, redis_server
from tests.site import PROJECT, Site, wait_until
from tests.stock.stacks import Stack

by_itself = pytest.mark.django_db(transaction=True)
between_processes = pytest.mark.parametrize("stack", BETWEEN_PROCESSES, indirect=True)


class WorkerProcess:
    """A running `manage.py runworker jobs`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.alive = folder / "alive"
        self.log = folder / "worker.log"
        command = [sys.executable, "manage.py", "runworker", "jobs"]
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
def web(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    yield from running(stack, tmp_path)


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
@by_itself
def test_a_hint_that_is_lost_while_redis_is_away_costs_a_few_seconds(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    start_worker: StartWorker,
    alice: User,
    garden: Room,
) -> None:
    port = free_port()
    stack = Stack({"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    for web in running(stack, tmp_path):
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
    assert export.state == Export.State.WRITING
    Job.objects.update(due_at=timezone.now())  # its lease is not waited for
    start_worker(environment)
    wait_until(lambda: is_ready(garden), "the export is ready", seconds=60)
    export.refresh_from_db()
    assert export.messages == 10_000
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
