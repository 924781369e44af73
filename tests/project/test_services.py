"""The servers that tests share: those that are given, or else some of our own."""

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.plugin import needed
from tests.services import postgres_server, run, shared_postgres, shared_redis

pytestmark = pytest.mark.once
DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'chat_tests_%'"


@pytest.fixture(scope="module")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    with needed(request, postgres_server) as url:
        yield url


@pytest.mark.parametrize(("worker", "database"), [("gw0", "/0"), ("gw3", "/3")])
def test_of_a_redis_that_is_given_each_worker_uses_a_database(
    monkeypatch: pytest.MonkeyPatch, worker: str, database: str
) -> None:
    monkeypatch.setenv("TEST_REDIS_URL", "redis://redis.internal:7000/0")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    with shared_redis() as url:
        assert url == f"redis://redis.internal:7000{database}"


def test_on_a_postgresql_that_is_given_each_run_has_a_database(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POSTGRES_URL", postgres)
    with shared_postgres() as one, shared_postgres() as other:
        assert urlsplit(one).port == urlsplit(other).port == urlsplit(postgres).port
        assert one != other
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE mine ()")
        with psycopg.connect(other) as connection:
            connection.execute("CREATE TABLE mine ()")
    with psycopg.connect(postgres) as connection:
        assert connection.execute(DATABASES).fetchall() == []


def test_it_goes_even_while_somebody_is_connected(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POSTGRES_URL", postgres)
    with shared_postgres() as url:
        left_open = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    left_open.close()


def test_a_command_is_told_which_database(postgres: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    ask = ["sh", "-c", f'echo "$DATABASE_URL" >{told}']
    command = [sys.executable, "-m", "tests.services", "postgres", "--", *ask]
    assert run(command, TEST_POSTGRES_URL=postgres) == 0
    assert urlsplit(told.read_text()).path.startswith("/chat_tests_")
