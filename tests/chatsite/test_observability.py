"""The dashboard, the alerts and the documentation speak of what a site really tells, and of all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import ChatClient
from tests.metrics import Scrape
from tests.site import PROJECT, Site

DASHBOARD = json.loads((PROJECT / "deploy/grafana/chat.json").read_text())
ALERTS = (PROJECT / "deploy/alerts.yml").read_text()
PROSE = (PROJECT / "docs/observability.md").read_text()

ADDED_BY_PROMETHEUS = {"up"}
TARGET_LABELS = {"instance", "job"}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"([a-z_:]+)\{([^}]*)\}")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
NAME = re.compile(r"[a-zA-Z_:][\w:]*\b(?!\s*\()")  # no function
PART = re.compile(r"_(bucket|count|sum)$")  # of a histogram


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield re.sub(r"label_values\((\w+), \w+\)", r"\1", variable["query"]["query"])


def rules() -> list[str]:
    return re.findall(r"^\s+expr: (.*)$", ALERTS, re.MULTILINE)


QUERIES = [*queries(), *rules()]


def names(query: str) -> set[str]:
    """The metrics that a query is about."""
    for part in (r"\{[^}]*\}", r"\[[^\]]*\]", GROUPING.pattern):
        query = re.sub(part, " ", query)
    return set(NAME.findall(query))


def bases(found: set[str]) -> set[str]:
    """Metrics by the names they are declared with."""
    return {PART.sub("", name) for name in found}


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> Scrape:
    """What a site tells after a page and a word on each consumer."""
    folder = tmp_path_factory.mktemp("observed")
    site = Site(folder / "log", DATABASE_URL=f"sqlite:///{folder / 'db.sqlite3'}", REDIS_URL="")
    site.manage("migrate", "-v0")
    site.manage("demo", "--cookies", str(folder / "cookies"))
    site.start()
    try:
        return traffic(site, folder / "cookies")
    finally:
        assert site.stop() == 0


def traffic(site: Site, cookies: Path) -> Scrape:
    cookie = cookies.read_text().splitlines()[0].removeprefix("Cookie: ")
    for path in ("/ws/chat/", "/ws/chat/sync/"):
        with ChatClient(site.url, path, cookie) as client:
            room = client.expect("welcome")["rooms"][0]["id"]
            assert client.ask("typing", room=room)["type"] == "ok"
            client.expect("typing")
    assert site.get("/rooms/", cookie) == 200
    return site.scrape()


@pytest.fixture(scope="module")
def ours(scrape: Scrape) -> set[str]:
    """Our metrics, by the names they are declared with."""
    return bases({name for name in scrape.names if name.startswith("chat_")})


def test_names_are_found_in_a_query() -> None:
    query = 'sum by (le) (rate(a_bucket{x="y"}[5m])) / on (instance) max(b) > 0.8'
    assert names(query) == {"a_bucket", "b"}


def test_there_is_traffic_to_speak_of(scrape: Scrape) -> None:
    assert scrape("chat_events_sent_total") >= 2
    assert scrape("chat_action_seconds_count", action="typing") == 2


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_what_there_is(scrape: Scrape, query: str) -> None:
    asked = names(query)
    assert asked and asked <= scrape.names | ADDED_BY_PROMETHEUS


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_labels_and_values_that_there_are(scrape: Scrape, query: str) -> None:
    grouped = {label.strip() for labels in GROUPING.findall(query) for label in labels.split(",")}
    labels = {label for name in names(query) for label in labels_of(scrape, name)}
    assert grouped <= labels | TARGET_LABELS
    for name, matchers in SELECTOR.findall(query):
        for label, value in MATCHER.findall(matchers):
            if label not in TARGET_LABELS:
                assert set(value.split("|")) <= labels_of(scrape, name)[label]


def labels_of(scrape: Scrape, name: str) -> dict[str, set[str]]:
    """The labels of a metric, and their values."""
    found: dict[str, set[str]] = {}
    for sample in scrape.samples:
        if sample.name == name:
            for label, value in sample.labels.items():
                found.setdefault(label, set()).add(value)
    return found


def test_all_that_is_counted_is_on_the_dashboard(ours: set[str]) -> None:
    assert ours - bases({name for query in queries() for name in names(query)}) == set()


def test_all_that_is_counted_is_explained_and_nothing_else(ours: set[str]) -> None:
    explained = set(re.findall(r"^\| `(chat_\w+)`", PROSE, re.MULTILINE))
    assert explained == ours


def test_every_alert_is_explained_and_no_other() -> None:
    alerts = re.findall(r"alert: (\w+)", ALERTS)
    assert len(alerts) == len(rules())
    assert set(alerts) == set(re.findall(r"^\| `(Chat\w+)`", PROSE, re.MULTILINE))


def test_no_two_panels_are_in_each_other_s_way() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_panel_says_what_it_shows() -> None:
    for panel in panels():
        assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"] and panel["targets"]


@pytest.mark.parametrize("label", ["user", "room", "message", "username", "session"])
def test_no_metric_tells_of_a_person_or_a_room(scrape: Scrape, ours: set[str], label: str) -> None:
    assert not any(label in labels_of(scrape, name) for name in scrape.names)
    assert ours
