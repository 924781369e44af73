"""The connections are cut under open sockets: who recovers, and who never does.

On a PostgreSQL of its own, because there is nothing to cut on SQLite.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import ChatClient, Event
from tests.plugin import needed
from tests.services import postgres_server
from tests.site import Site


@pytest.fixture(scope="module")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    with needed(request, postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cut")


@pytest.fixture(scope="module")
def site(postgres: str, folder: Path) -> Iterator[Site]:
    site = Site(folder / "site.log", DATABASE_URL=postgres, REDIS_URL="")
    site.manage("migrate", "-v0")
    site.manage("demo", "--cookies", str(folder / "cookies"))
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log()


@pytest.fixture(scope="module")
def cookie(site: Site, folder: Path) -> str:
    """Of somebody in the demo."""
    return (folder / "cookies").read_text().splitlines()[0].removeprefix("Cookie: ")


def beaten(client: ChatClient) -> Event:
    """The next heartbeat."""
    return client.expect("measured", cause="heartbeat")


def choose(client: ChatClient, close_old: bool) -> None:
    """And waits until the thread was used without an event around it."""
    client.send("heartbeats", close_old=close_old)
    for _ in range(2):
        assert beaten(client)["error"] == ""


def cut(site: Site, cookie: str) -> None:
    assert site.post("/lab/cut/", cookie) == 200


@pytest.mark.parametrize("threads", ["one", "many"])
@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_an_event_does_not_notice(site: Site, cookie: str, consumer: str, threads: str) -> None:
    with ChatClient(site.url, f"/ws/lab/{threads}/{consumer}/1/", cookie) as client:
        client.send("slow", seconds=0.05)
        before = client.expect("measured", cause="client")["connection"]
        cut(site, cookie)
        assert site.post("/lab/wake/", cookie) == 200
        after = client.expect("measured", cause="layer")
    assert after["error"] == ""
    if threads == "one":  # of many, who cuts may have borrowed that very thread, and spares it
        assert after["connection"]["name"] != before["name"]


@pytest.mark.long
@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_a_heartbeat_that_closes_old_connections_does_not_either(
    site: Site, cookie: str, consumer: str
) -> None:
    with ChatClient(site.url, f"/ws/lab/one/{consumer}/1/", cookie) as client:
        choose(client, close_old=True)
        before = beaten(client)["connection"]
        cut(site, cookie)
        after = beaten(client)
        while after["connection"]["name"] == before["name"]:  # it was on its way
            after = beaten(client)
    assert after["error"] == ""
    assert (after["connection"]["new"], after["connection"]["before"]) == (True, before["name"])


def fails_for_ever(client: ChatClient) -> None:
    while not (event := beaten(client))["error"]:
        pass  # those that were on their way
    name = event["connection"]["name"]
    for _ in range(2):
        event = beaten(client)
        assert event["error"]
        assert event["connection"]["name"] == name


@pytest.mark.long
def test_one_that_does_not_close_them_fails_until_an_event_does(site: Site, cookie: str) -> None:
    with ChatClient(site.url, "/ws/lab/one/async/1/", cookie) as client:
        choose(client, close_old=False)
        cut(site, cookie)
        fails_for_ever(client)
        assert site.post("/lab/wake/", cookie) == 200
        assert client.expect("measured", cause="layer")["error"] == ""
        assert beaten(client)["error"] == ""


@pytest.mark.long
def test_one_that_does_not_close_them_fails_until_it_does(site: Site, cookie: str) -> None:
    with ChatClient(site.url, "/ws/lab/one/async/1/", cookie) as client:
        choose(client, close_old=False)
        cut(site, cookie)
        fails_for_ever(client)
        client.send("heartbeats", close_old=True)
        while beaten(client)["error"]:
            pass  # it was on its way


@pytest.mark.long
def test_around_the_heartbeat_of_the_sync_consumer_channels_does_it(
    site: Site, cookie: str
) -> None:
    with ChatClient(site.url, "/ws/lab/one/sync/1/", cookie) as client:
        choose(client, close_old=False)
        cut(site, cookie)
        for _ in range(3):
            assert beaten(client)["error"] == ""


@pytest.mark.long
def test_a_query_that_is_cut_fails_and_the_next_recovers(site: Site, cookie: str) -> None:
    for consumer in ("sync", "async"):
        with ChatClient(site.url, f"/ws/lab/many/{consumer}/1/", cookie) as client:
            client.expect("ready")
            client.send("slow", seconds=3)
            while site.post("/lab/cut/", cookie) == 200:  # until one meets it
                if any(event.get("cause") == "client" for event in client.heard):
                    break
                client.hear("a heartbeat, or the end of the query")
            failed = client.expect("measured", cause="client")
            assert "terminating connection" in failed["error"]
            client.send("slow", seconds=0.05)
            assert client.expect("measured", cause="client")["error"] == ""
