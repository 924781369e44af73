"""Prometheus reads what the site counts; nobody else does."""

import asyncio
import threading
import urllib.request
from typing import Any

import pytest
from channels.testing import HttpCommunicator
from prometheus_client import CollectorRegistry

from realtime.metrics import Metrics, OrmThreadsCollector
from realtime.orm_threads import OrmThread, OrmThreads
from tests.metrics import Scrape, grows
from tests.site import METRICS_TOKEN, Site, wait_until

RIGHT = f"Bearer {METRICS_TOKEN}"
WRONG = ["", "Bearer", "Bearer ", METRICS_TOKEN, f"Bearer {METRICS_TOKEN[1:]}", f"{RIGHT}m", "Bäh"]


async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
    """The rest of the site; the path says with which status it answers."""
    status = int(scope["path"].rpartition("/")[2]) if scope["path"][-1].isdigit() else 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


def ask(app: Any, path: str = "/metrics", authorization: str = "") -> Any:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    communicator = HttpCommunicator(app, "GET", path, headers=headers)
    return asyncio.run(communicator.get_response(timeout=10))


def test_who_shows_the_token_is_told(settings: Any) -> None:
    settings.METRICS_TOKEN = METRICS_TOKEN
    answer = ask(Metrics(elsewhere), authorization=RIGHT)
    assert answer["status"] == 200
    assert "chat_sockets_turned_away_total" in Scrape(answer["body"].decode()).names


@pytest.mark.parametrize("authorization", WRONG)
def test_who_does_not_finds_no_such_page(settings: Any, authorization: str) -> None:
    settings.METRICS_TOKEN = METRICS_TOKEN
    answer = ask(Metrics(elsewhere), authorization=authorization)
    assert (answer["status"], answer["body"]) == (404, b"elsewhere")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer "])
def test_without_a_token_nobody_is_told(settings: Any, authorization: str) -> None:
    settings.METRICS_TOKEN = ""
    assert ask(Metrics(elsewhere), authorization=authorization)["status"] == 404


def test_a_real_site_has_no_such_page_for_others_and_asks_for_no_name_of_its_own(
    site: Site,
) -> None:
    assert site.get("/metrics") == 404
    before = site.scrape("172.18.0.5:8000")
    with urllib.request.urlopen(f"{site.url}/accounts/login/") as page:
        assert page.status == 200
    after = site.scrape("web:8000")
    name, labels = "chat_request_seconds_count", {"status": "2xx"}
    assert after(name, **labels) == before(name, **labels) + 1
    assert before(name, status="4xx") == 1  # that of /metrics itself
    assert after("process_resident_memory_bytes") > 10_000_000


@pytest.mark.parametrize("status", [204, 304, 404, 503])
def test_a_request_is_timed_by_the_kind_of_its_status(status: int) -> None:
    with grows(1, "chat_request_seconds_count", status=f"{status // 100}xx"):
        assert ask(Metrics(elsewhere), path=f"/{status}")["status"] == status


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_a_supervisor_asks_is_no_page(path: str) -> None:
    async def leaving(scope: Any, receive: Any, send: Any) -> None:
        await elsewhere({**scope, "path": "/503"}, receive, send)

    with grows(0, "chat_request_seconds_count", status="5xx"):
        assert ask(Metrics(leaving), path=path)["status"] == 503


def test_it_answers_while_every_orm_thread_is_stuck(settings: Any) -> None:
    settings.METRICS_TOKEN = METRICS_TOKEN
    threads = OrmThreads(elsewhere, size=2)
    stuck = threading.Event()
    calls = [thread.submit(stuck.wait, 10) for thread in threads.threads]
    try:
        assert ask(Metrics(threads), authorization=RIGHT)["status"] == 200
        assert not any(call.done() for call in calls)
    finally:
        stuck.set()
        close(threads.threads)


def test_the_orm_threads_are_looked_at_when_somebody_asks() -> None:
    threads = [OrmThread(f"orm-{number}") for number in range(3)]
    registry = CollectorRegistry()
    registry.register(OrmThreadsCollector(threads))
    value = registry.get_sample_value
    assert (value("chat_orm_threads"), value("chat_orm_threads_busy")) == (3, 0)
    slow, busy = threading.Event(), "chat_orm_busy_seconds_total"
    calls = [threads[number].submit(slow.wait, 10) for number in (0, 0, 0, 1)]
    assert (value("chat_orm_threads_busy"), value("chat_orm_calls_waiting")) == (2, 2)
    for _ in range(2):  # of calls that have not ended
        so_far = value(busy)
        wait_until(lambda so_far=so_far: value(busy) > so_far, "it grows")  # type: ignore[misc]
    slow.set()
    assert all(call.result() for call in calls)
    close(threads)
    assert (value("chat_orm_threads_busy"), value("chat_orm_calls_waiting")) == (0, 0)
    assert value(busy) == sum(each.busy_seconds for each in threads) > 0


def close(threads: list[OrmThread]) -> None:
    for thread in threads:
        thread.shutdown()
