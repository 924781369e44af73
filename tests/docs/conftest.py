"""PostgreSQL for what documentation says about connections."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.db import close_old_connections
from django.test import override_settings

from tests.docs.probe import PATIENCE, Database, create_rows
from tests.plugin import needed
from tests.services import postgres_server

Connect = Callable[..., Database]


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with needed(request, postgres_server) as url:
        with request.getfixturevalue("django_db_blocker").unblock():
            create_rows(url)
        yield url


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels' and asgiref's communicators wait one second if they are told nothing else."""
    for waits in (
        ApplicationCommunicator.receive_output,
        WebsocketCommunicator.connect,
        WebsocketCommunicator.receive_from,
    ):
        monkeypatch.setattr(waits, "__defaults__", (PATIENCE,))


@pytest.fixture
def connect(postgres_url: str, django_db_blocker: Any) -> Iterator[Connect]:
    """Makes a database of Django's with the settings under test, and forgets it afterwards."""
    databases: list[Database] = []

    def connect(**config: Any) -> Database:
        databases.append(Database(postgres_url, **config))
        return databases[-1]

    with django_db_blocker.unblock():
        yield connect
        for database in databases:
            database.forget()


@pytest.fixture(autouse=True)
def clean_up() -> Iterator[None]:
    """Whatever it is replaced by meanwhile: two communicators that wait at the same time each put
    back what they have found, and so leave Channels without a clean-up for good."""
    with patch("channels.db.close_old_connections", close_old_connections):
        yield


@pytest.fixture(autouse=True)
def layer() -> Iterator[None]:
    """Channels' own channel layer, in place of this site's."""
    backend = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    with override_settings(CHANNEL_LAYERS={"default": backend}):
        yield
