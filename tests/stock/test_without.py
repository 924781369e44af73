"""What happens without a piece of realtime/, which docs/realtime.md tells."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from chat.models import User
from tests.chat.fixtures import PATHS
from tests.client import ChatClient
from tests.plugin import cookie_of, database_url, needed
from tests.services import free_port, redis_server
from tests.site import OURS, Site
from tests.stock.stacks import BARE, DAPHNE, SITE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def served(log: Path, *server: str, **environment: str) -> Iterator[Site]:
    site = Site(log, server, **{"DATABASE_URL": database_url(), "REDIS_URL": ""} | environment)
    site.start()
    yield site
    site.stop(signal.SIGKILL)


@pytest.fixture(params=[(*DAPHNE, SITE), OURS], ids=["Daphne", "ours"])
def told_to_stop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from served(tmp_path / "site.log", *request.param)


def test_told_to_stop_daphne_drops_its_sockets_and_ours_says_goodbye(
    told_to_stop: Site, alice: User
) -> None:
    client = ChatClient(told_to_stop.url, PATHS["async"], cookie_of(alice))
    client.expect("welcome")
    told_to_stop.signal(signal.SIGTERM)
    assert client.expect_close() == (4503 if told_to_stop.server == OURS else 1006)


@pytest.fixture(params=[BARE, SITE], ids=["bare", "ours"])
def without_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    yield from served(tmp_path / "site.log", *DAPHNE, request.param, DATABASE_URL=url)


def test_without_a_database_a_bare_handshake_fails_and_ours_says_come_back(
    without_database: Site,
) -> None:
    def come_in() -> int:
        cookie = f"sessionid={'a' * 32}"
        try:
            return ChatClient(without_database.url, PATHS["async"], cookie).expect_close()
        except InvalidStatus as refused:
            return refused.response.status_code

    assert come_in() == (500 if BARE in without_database.server else 4503)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(params=["core", "hints"])
def over_redis(request: pytest.FixtureRequest, port: int, tmp_path: Path) -> Iterator[Site]:
    redis = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "CHANNEL_LAYER": request.param}
    yield from served(tmp_path / "site.log", *DAPHNE, SITE, HEARTBEAT="1", **redis)


def test_when_redis_goes_the_core_layer_ends_its_sockets_and_ours_keeps_them(
    request: pytest.FixtureRequest, over_redis: Site, port: int, alice: User
) -> None:
    with needed(request, lambda: redis_server(port)):
        client = ChatClient(over_redis.url, PATHS["async"], cookie_of(alice))
        client.expect("welcome")
    if over_redis.environment["CHANNEL_LAYER"] == "core":
        assert client.expect_close() == 1011
    else:
        for _ in range(3):
            client.expect("heartbeat")
