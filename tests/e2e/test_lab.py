"""The lab in a real browser: what is drawn is what was measured.

With SCREENSHOTS=1 in the environment the pictures of docs/lab.md are made as well.
"""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import need
from tests.e2e.person import Person
from tests.services import Missing, postgres_server
from tests.site import PROJECT, Site, wait_until

People = Callable[..., Person]
Span = tuple[float, float]
pytestmark = pytest.mark.browser

WHERE = """bars => bars.map(bar => {
  const box = bar.getBoundingClientRect();
  return [box.left, box.right];
})"""
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@pytest.fixture
def on_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    try:
        with postgres_server() as url:
            yield url
    except Missing as missing:
        need(request, missing)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """As `make run` starts it; or on the PostgreSQL of a test that has one."""
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    if "on_postgres" in request.fixturenames:
        url = request.getfixturevalue("on_postgres")
    site = Site(tmp_path / "site.log", DATABASE_URL=url, REDIS_URL="")
    site.manage("migrate", "-v0")
    site.manage("demo")
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log()


@pytest.fixture
def page(people: People) -> Iterator[Page]:
    """The lab, before somebody who came by its link."""
    alice = people("alice", reduced_motion="reduce")
    alice.page.context.add_init_script(VIOLATIONS)
    enter(alice.page)
    yield alice.page
    assert alice.page.evaluate("window.violations") == []


def enter(page: Page) -> None:
    page.get_by_role("link", name="Lab: threads and connections").click()
    expect(page.get_by_role("heading", name="See it happen")).to_be_visible()
    sockets_are(page, "open", 8)


def sockets_are(page: Page, state: str, count: int, seconds: int = 20) -> None:
    sockets = page.locator(f"#sockets [data-state={state}]")
    expect(sockets).to_have_count(count, timeout=1_000 * seconds)


def set_up(page: Page, name: str, sockets: int = 8) -> None:
    """Presses one of the buttons that set the controls as an experiment wants them."""
    page.get_by_role("button", name=name, exact=True).last.click()
    sockets_are(page, "open", sockets)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def hold(page: Page) -> None:
    """Stops the picture, with all that was measured in sight."""
    wait_until(lambda: spans(page)[-1][1] < right(page) - 48, "the last bar is whole in sight")
    press(page, "Hold")


def right(page: Page) -> float:
    edge: float = page.locator("#threads").evaluate("it => it.getBoundingClientRect().right")
    return edge


def bars(page: Page) -> Locator:
    return page.locator("#threads .bar[data-cause=client] .work")


def spans(page: Page) -> list[Span]:
    """From where to where the bars of the slow queries are drawn, from the left."""
    drawn: list[Span] = sorted(tuple(each) for each in bars(page).evaluate_all(WHERE))
    return drawn


def slow_queries(page: Page, threads: str, queries: int = 8) -> list[Span]:
    press(page, "Send slow queries")
    row = page.locator(f".results tr[data-threads={threads}]").last
    expect(row.locator("td").nth(1)).to_contain_text(f"{queries} ", timeout=30_000)
    expect(bars(page)).to_have_count(queries)
    hold(page)
    return spans(page)


def photograph(page: Page, name: str) -> None:
    if os.environ.get("SCREENSHOTS"):
        page.locator(".picture").screenshot(path=PROJECT / "docs" / "images" / name)


def failures(page: Page) -> Locator:
    return page.locator("#events tr[data-failed]")


def test_eight_slow_queries_are_stairs_on_one_thread(on_postgres: str, page: Page) -> None:
    set_up(page, "Set up with one thread")
    drawn = slow_queries(page, "one")
    assert all(before[1] <= after[0] + 1 for before, after in pairwise(drawn))  # pixels
    expect(page.locator("#threads .lane")).to_have_count(1)
    expect(page.locator("#result")).to_contain_text("on 1 thread and 1 connection")
    photograph(page, "lab-one-thread.png")


def test_with_many_threads_they_lie_side_by_side(on_postgres: str, page: Page) -> None:
    set_up(page, "With 16 threads")
    drawn = slow_queries(page, "many")
    assert max(start for start, _ in drawn) < min(end for _, end in drawn)
    lanes = page.locator("#threads .lane:has([data-cause=client])")
    expect(lanes).to_have_count(8)
    expect(page.locator("#result")).to_contain_text("on 8 threads and 8 connections")
    photograph(page, "lab-many-threads.png")


@pytest.mark.parametrize("how", ["Set up with one thread", "With 16 threads"])
def test_after_a_cut_every_socket_recovers(on_postgres: str, page: Page, how: str) -> None:
    set_up(page, how)
    press(page, "Cut the connections")
    expect(page.locator("#toast")).to_contain_text("connections were cut")
    expect(page.locator("#threads .marks span")).to_have_text("cut")
    press(page, "Wake all sockets")
    woken = page.locator("#events tr", has_text="channel layer")
    expect(woken).to_have_count(8)
    assert all("Failed" not in text for text in woken.all_inner_texts())
    sockets_are(page, "open", 8)


def test_heartbeats_that_close_nothing_fail_until_they_do(on_postgres: str, page: Page) -> None:
    set_up(page, "Set up", sockets=4)
    box = page.get_by_label("Heartbeats of the async consumer call")
    expect(box).not_to_be_checked()
    beats = page.locator("#threads .bar[data-cause=heartbeat]")
    wait_until(lambda: beats.count() >= 8, "each has beaten twice")
    press(page, "Cut the connections")
    wait_until(lambda: failures(page).count() >= 12, "each has failed three times")
    box.check()
    expect(page.locator("#events tr", has_text="Recovered")).to_have_count(1)
    press(page, "Hold")  # else bars go as new ones come
    failed, all_beats = failures(page).count(), beats.count()
    wait_until(lambda: beats.count() >= all_beats + 8, "each has beaten twice")
    assert failures(page).count() <= failed  # the oldest may have left the table


def test_on_sqlite_nothing_can_be_cut_and_the_page_says_why(page: Page) -> None:
    button = page.get_by_role("button", name="Cut the connections")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description(
        "This site runs on SQLite: a file, with nobody at its other end who could hang up."
    )
    drawn = slow_queries(page, "one")
    assert all(before[1] <= after[0] + 1 for before, after in pairwise(drawn))


def test_all_is_done_with_the_keyboard(page: Page) -> None:
    page.locator("[name=threads][value=one]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[name=threads][value=many]")).to_be_checked()
    sockets_are(page, "open", 8)
    for _ in range(3):  # over the three numbers
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("[data-do=slow]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_contain_text("8 queries of 1 s took", timeout=20_000)
    press(page, "Hold")
    expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")


def test_what_cannot_be_asked_is_said_and_sockets_come_back(site: Site, people: People) -> None:
    alice = people("alice")
    page = alice.page
    enter(page)
    page.get_by_label("Seconds each").fill("99")
    press(page, "Send slow queries")
    assert page.get_by_label("Seconds each").evaluate("it => !it.validity.valid")
    sockets_are(page, "waiting", 0)
    alice.forgive("WebSocket connection to")
    alice.forgive("Failed to load resource")
    assert site.stop() == 0
    sockets_are(page, "lost", 8)
    expect(page.locator("#lost")).to_have_text("Lost 8 of 8 sockets. Trying again…")
    press(page, "Wake all sockets")
    expect(page.locator("#toast")).to_contain_text("There is no connection just now")
    site.start()
    sockets_are(page, "open", 8, seconds=60)  # they come back after a random while
    expect(page.locator("#lost")).to_be_empty()


def test_it_fits_a_phone(people: People) -> None:
    alice = people("alice", viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    alice.page.goto("/lab/")
    sockets_are(alice.page, "open", 8)
    slow_queries(alice.page, "one")
    width = "document.documentElement.scrollWidth"
    assert alice.page.evaluate(width) == 390
    main: Any = alice.page.locator("main")
    assert main.evaluate("it => it.scrollWidth <= it.clientWidth")


def test_who_may_not_see_it_finds_no_way_and_no_page(
    site: Site, people: People, tmp_path: Path
) -> None:
    """As it is served to everybody: with hashed files, and for staff only."""
    assert site.stop() == 0
    site.environment |= {
        "DEBUG": "0",
        "SECRET_KEY": "django-insecure-of-the-tests",
        "STATIC_ROOT": str(tmp_path / "static"),
    }
    site.manage("collectstatic", "--no-input", "-v0")
    site.start()
    bob = people("bob")
    expect(bob.page.locator("#sidebar .me")).to_be_visible()
    expect(bob.page.get_by_role("link", name="Lab")).to_have_count(0)
    bob.forgive("Failed to load resource")
    answer = bob.page.goto("/lab/")
    assert answer and answer.status == 403
    site.manage("shell", "-c", MAKE_STAFF)
    alice = people("alice")
    enter(alice.page)


MAKE_STAFF = (
    "from chat.models import User; User.objects.filter(username='alice').update(is_staff=True)"
)
