"""The site with its lab as a process of its own, and how a test opens sockets of the lab."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings

from chat.models import User
from tests.chat.fixtures import running
from tests.client import ChatClient
from tests.plugin import cookie_of
from tests.site import Site
from tests.stock.stacks import Stack

OpenLab = Callable[..., ChatClient]
MEMORY = Stack({"REDIS_URL": ""})


@pytest.fixture(scope="session")
def lab(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that is being developed: everybody who is logged in may see the lab."""
    yield from running(MEMORY, tmp_path_factory.mktemp("lab"), RATE_LIMIT="600")


@pytest.fixture(scope="session")
def guarded(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on which the lab is for staff."""
    folder = tmp_path_factory.mktemp("guarded")
    yield from running(MEMORY, folder, DEBUG="0", SECRET_KEY=settings.SECRET_KEY)


@pytest.fixture(scope="session")
def four_threads(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from running(MEMORY, tmp_path_factory.mktemp("four_threads"), ASGI_THREADS="4")


@pytest.fixture(params=["sync", "async"])
def consumer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_lab(lab: Site, consumer: str) -> Iterator[OpenLab]:
    """Opens a socket of the lab on the consumer under test, past its `ready`."""
    opened: list[ChatClient] = []

    def open_lab(
        cookie: str | User, threads: str = "many", number: int = 1, kind: str = consumer
    ) -> ChatClient:
        cookie = cookie if isinstance(cookie, str) else cookie_of(cookie)
        client = ChatClient(lab.url, f"/ws/lab/{threads}/{kind}/{number}/", cookie)
        opened.append(client)
        client.expect("ready")
        return client

    before = len(lab.log())
    yield open_lab
    for client in opened:
        client.close()
    assert "Traceback" not in lab.log()[before:]
