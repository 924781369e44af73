"""What a supervisor is told."""

import socket
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from chatsite import health
from realtime import outage


@pytest.fixture(autouse=True)
def nobody_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "silent", set())


@pytest.fixture
def silent_port() -> Any:
    """Somebody takes connections there, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_alive_asks_nobody(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_ready_when_the_database_answers(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"silent": []})


@pytest.mark.django_db
def test_ready_when_every_redis_answers(client: Client, settings: Any, redis_url: str) -> None:
    settings.REDIS_URLS = [redis_url, redis_url]
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_redis_that_hangs_is_named_in_time_and_its_password_is_not(
    client: Client,
    settings: Any,
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.1)
    settings.REDIS_URLS = [f"redis://:secret@127.0.0.1:{silent_port}/0"]
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"silent": ["redis 1"]})
    assert "redis 1" in caplog.text
    assert "secret" not in caplog.text


def test_a_database_that_refuses_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("the database system is shutting down")

    monkeypatch.setattr(health, "ask_database", refuse)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"silent": ["database"]})


@pytest.mark.django_db
def test_however_often_somebody_asks_an_outage_is_a_line_and_its_end_another(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*query: object) -> None:
        raise OperationalError("the database system is shutting down")

    with connection.execute_wrapper(refuse):
        assert [client.get("/readyz").status_code for _ in range(3)] == [503] * 3
    assert [client.get("/readyz").status_code for _ in range(3)] == [200] * 3
    assert caplog.messages == ["Not ready: database: OperationalError", "Ready again: database"]


def test_not_ready_while_the_process_is_leaving(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outage, "draining", True)
    assert client.get("/readyz").status_code == 503
    assert caplog.messages == []
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_a_supervisor_need_not_speak_https(client: Client, settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path).status_code == 200
