"""What tests share: real servers, and a word at the end about what this machine lacks."""

import asyncio
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import Client
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Error, sync_playwright

from chat import queries
from chat.models import User
from tests.factories import person
from tests.services import Missing, noted, shared_redis
from tests.site import PROJECT, Site

T = TypeVar("T")

lacking = pytest.StashKey[set[str]]()
DATABASE = {"db", "transactional_db", "django_db_setup", "django_db_reset_sequences"}
OURS = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "bench"}
SITE = {"django", "channels", "asgiref", *OURS}


# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[lacking] = set()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks what runs on each database and whether it needs a server for that, what is the same on
    each version of Django, and what takes long in a browser."""
    assert isinstance(item, pytest.Function)
    if is_served(item):
        item.add_marker("served")
    if item.get_closest_marker("browser") and not item.get_closest_marker("promise"):
        item.add_marker("long")
    if item.get_closest_marker("django_db") or DATABASE & set(item.fixturenames):
        item.add_marker("database")
    elif not SITE & imported_by(item.module) and Site not in vars(item.module).values():
        item.add_marker("once")


def is_served(item: pytest.Function) -> bool:
    """Whether one of its fixtures is a server in a process of its own."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    return any(each[-1].func.__annotations__.get("return") == Iterator[Site] for each in fixtures)


@cache
def imported_by(module: ModuleType) -> set[str]:
    """The packages from which a module has something in its namespace."""
    things = vars(module).values()
    names = {
        thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
        for thing in things
        if hasattr(thing, "__module__") or isinstance(thing, ModuleType)
    }
    return {str(name).partition(".")[0] for name in names}


@pytest.hookimpl(trylast=True)  # also after those that shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser comes last in each file, so that it is started once."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def need(request: pytest.FixtureRequest, missing: Missing) -> None:
    """Without this the test cannot run here: named at the end, and a failure where CI is set."""
    request.config.stash[lacking].add(str(missing))
    if os.environ.get("CI"):
        pytest.fail(str(missing))
    pytest.skip(str(missing))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist has no summary: it tells the process that has one."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["lacking"] = sorted(session.config.stash[lacking])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[lacking].update(getattr(node, "workeroutput", {}).get("lacking", ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in sorted(config.stash[lacking]):
        if not noted(name):
            terminalreporter.write_line(f"Not tested, this machine lacks it: {name}", yellow=True)


def database_url() -> str:
    """The database of this test run, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"


def session_of(user: User) -> Any:
    """The session of somebody who has logged in."""
    return logged_in(user).session


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def cookie_of(user: User) -> str:
    return f"sessionid={session_of(user).session_key}"


def on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end. The thread that asks the database for it outlives the loop, and
    is to leave no connection to the next test."""

    async def run() -> T:
        try:
            return await work
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Another test's room may have had the same number, and as much in it; and in its outage the
    log may just have said what it says seldom."""
    queries.changes.cache_clear()
    for seldom in logging.getLogger("outage").filters:
        vars(seldom)["said"].clear()


@pytest.fixture
def alice() -> User:
    return person("alice")


@pytest.fixture
def bob() -> User:
    return person("bob")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> Iterator[None]:
    """Each worker has a database of its own. SQLite's is a file: server processes and threads share
    it, which a database in memory does not allow. It goes together with what SQLite leaves beside
    it."""
    with tempfile.TemporaryDirectory(prefix="chat-tests-") as folder:
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = str(Path(folder) / "chat.sqlite3")
        yield


@contextmanager
def needed(
    request: pytest.FixtureRequest, service: Callable[[], AbstractContextManager[str]]
) -> Iterator[str]:
    """The URL of a server that a fixture starts and ends."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(service())
        except Missing as missing:
            need(request, missing)
        yield url


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with needed(request, shared_redis) as url:
        yield url


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """One for each file: beside Playwright's loop no other can run on this thread."""
    # Playwright's own Chromium, or else the system's.
    system = shutil.which("chromium") or shutil.which("google-chrome")
    # It keeps a loop beside the tests, and Django would take them for a part of it.
    unsafe = patch.dict("os.environ", DJANGO_ALLOW_ASYNC_UNSAFE="true")
    with unsafe, sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox"])
        except Error:
            need(request, Missing("a Chromium browser"))
        yield browser
        browser.close()


def made_by(folder: Path, *commands: str) -> Path:
    """A database on SQLite that these management commands have made."""
    path = folder / "db.sqlite3"
    site = Site(folder / "site.log", DATABASE_URL=f"sqlite:///{path}", REDIS_URL="")
    for command in commands:
        site.manage(command, "-v0")
    return path


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_by(tmp_path_factory.mktemp("empty"), "migrate")


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_by(tmp_path_factory.mktemp("demo"), "migrate", "demo")


@pytest.fixture
def database(empty_database: Path) -> Path:
    """Of which a site begins with a copy. A test file may name another."""
    return empty_database


@pytest.fixture
def site(tmp_path: Path, database: Path) -> Iterator[Site]:
    """A site on SQLite and the in-memory channel layer, as `make run` starts it."""
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(path)) as copy:
        made.backup(copy)
    site = Site(tmp_path / "site.log", DATABASE_URL=f"sqlite:///{path}", REDIS_URL="")
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log()
