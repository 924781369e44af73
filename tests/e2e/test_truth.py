"""The page tells the truth: nothing that was typed is lost, nothing that was missed stays away."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.person import LONG, Person, is_away, is_back, positions
from tests.e2e.wire import Wire
from tests.site import Site, wait_until

People = Callable[..., Person]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
TEXTS = "all => all.map(one => one.dataset.body)"


@pytest.fixture
def database(demo_database: Path) -> Path:
    return demo_database


@pytest.fixture
def alice(people: People) -> Person:
    alice = people("alice")
    alice.open("General")
    return alice


@pytest.fixture
def bob(people: People) -> Person:
    bob = people("bob")
    bob.open("General")
    return bob


def wired(people: People, username: str = "alice") -> tuple[Person, Wire]:
    """Somebody whose WebSockets are in the hands of the test."""
    person = people(username)
    wire = Wire(person.page)
    person.open("General")
    return person, wire


def tab_of(person: Person) -> Person:
    """Another tab, which need not find the server."""
    return Person(person.page.context.new_page(), person.forgiven)


def reopened(person: Person, url: str) -> Person:
    tab = tab_of(person)
    tab.page.goto(url)
    tab.is_connected()
    return tab


def says_in_vain(person: Person, text: str) -> None:
    person.say(text)
    expect(person.message(text).locator(".waiting")).to_be_visible()


def has_said(person: Person, *texts: str) -> None:
    """The last that was said is this, in this order, each once, and nothing is on its way."""
    expect(person.page.locator("[data-pending]")).to_have_count(0, timeout=LONG)
    for text in texts:
        expect(person.message(text)).to_have_count(1, timeout=LONG)
    said = person.messages.evaluate_all(TEXTS)
    assert said[-len(texts) :] == list(texts)


def until(page: Page, holds: Callable[[], bool], what: str) -> None:
    """Waits for what a browser does; it needs a chance to tell us."""

    def look() -> bool:
        page.wait_for_timeout(20)
        return holds()

    wait_until(look, what, seconds=30)


# --- what was typed ------------------------------------------------------------------------------


@pytest.mark.parametrize("consumer", ["sync", "async"])
def test_what_was_typed_offline_goes_out_once_and_in_order_after_the_tab_was_closed(
    people: People, bob: Person, site: Site, consumer: str
) -> None:
    alice = people("alice")
    alice.open("General", consumer)
    site.stop()
    is_away(alice, bob)
    said = [f"Thought {number}" for number in range(5)]
    for text in said:
        says_in_vain(alice, text)
    url = alice.page.url
    alice.page.close()
    site.start()
    again = reopened(alice, url)
    is_back(bob)
    has_said(again, *said)
    has_said(bob, *said)
    again.page.reload()
    has_said(again, *said)


@contextmanager
def own_browser(browser: Browser, profile: Path) -> Iterator[BrowserContext]:
    """A browser with a profile on the disk, which ends as by a crash: all its processes at once."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=program, args=["--no-sandbox"]
    )
    try:
        yield context
    finally:
        own_folder = (profile / "SingletonSocket").readlink().parent
        with context.expect_event("close"):
            os.killpg(group_of(profile), signal.SIGKILL)
        shutil.rmtree(own_folder)


def group_of(profile: Path) -> int:
    """The processes of the browser that has this profile; Playwright starts each in a new group."""
    option = f"--user-data-dir={profile}".encode()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # of a process that ends meanwhile
            if option in command.read_bytes().split(b"\0"):
                return os.getpgid(int(command.parent.name))
    raise AssertionError(f"No browser has the profile {profile}")


@pytest.mark.promise
def test_what_was_typed_offline_survives_a_crash_of_the_browser(
    browser: Browser, bob: Person, site: Site, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    with own_browser(browser, profile) as context:
        alice = Person(context.new_page(), [])
        alice.log_in("alice", site.url)
        url, cookies = alice.page.url, context.cookies()
        site.stop()
        is_away(alice, bob)
        says_in_vain(alice, "Before the crash")
    site.start()
    with own_browser(browser, profile) as context:
        context.add_cookies(cookies)  # type: ignore[arg-type]
        alice = Person(context.new_page(), [])
        alice.page.goto(url)
        is_back(bob)
        has_said(alice, "Before the crash")
        has_said(bob, "Before the crash")


def test_one_tab_sends_and_when_it_is_closed_another_goes_on(people: People, bob: Person) -> None:
    alice, wire = wired(people)
    tab = tab_of(alice)
    other = Wire(tab.page)
    tab.page.goto(alice.page.url)
    tab.is_connected()

    wire.answer = lambda frame: {} if frame["type"] == "send" else None
    alice.say("At first")
    until(alice.page, lambda: bool(wire.of_type("send")), "the first tab sends")
    tab.say("And then")
    alice.say("At last")
    for person in (alice, tab):
        expect(person.message("At last").locator(".waiting")).to_be_visible()
    assert other.of_type("send") == []
    alice.page.close()
    has_said(tab, "At first", "And then", "At last")
    has_said(bob, "At first", "And then", "At last")


def test_a_lost_ok_does_not_double_what_was_said(people: People, bob: Person, site: Site) -> None:
    alice, wire = wired(people)
    wire.passes = lambda event: event["type"] == "welcome"
    alice.say("Said already")
    bob.sees("Said already")
    site.stop(signal.SIGKILL)
    is_away(alice, bob)
    alice.say("And this")
    expect(alice.message("Said already").locator(".waiting")).to_be_visible()
    wire.passes = lambda event: event["type"] != "sync"  # it has to be the answer that tells
    site.start()
    is_back(bob)
    until(alice.page, lambda: len(wire.of_type("send")) >= 3, "it was said again")
    wire.passes = lambda event: True
    has_said(bob, "Said already", "And this")
    has_said(alice, "Said already", "And this")


def test_what_was_said_further_up_than_the_page_reaches_waits_no_longer(
    people: People, bob: Person, site: Site
) -> None:
    alice, wire = wired(people)
    wire.passes = lambda event: event["type"] == "welcome"
    alice.say("Said long ago")
    bob.sees("Said long ago")
    tab = tab_of(alice)
    alice.page.close()
    site.manage("demo", "--messages", "60")
    wire = Wire(tab.page)
    tab.page.goto(bob.page.url)
    until(tab.page, lambda: bool(wire.of_type("send")), "it is said again")
    until(tab.page, lambda: wire.has_heard(type="ok"), "and answered")
    expect(tab.message("Said long ago")).to_have_count(0)


@pytest.mark.parametrize("code", ["rate_limited", "unavailable"])
def test_what_is_refused_for_now_waits_and_is_sent_by_itself_in_order(
    people: People, bob: Person, code: str
) -> None:
    alice, wire = wired(people)
    refused = wire.refuses("send", code, times=3)
    alice.say("Refused")
    alice.say("Held up")
    has_said(bob, "Refused", "Held up")
    has_said(alice, "Refused", "Held up")
    assert {frame["body"] for frame in refused} == {"Refused"}
    expect(alice.page.locator(".failure:visible")).to_have_count(0)


def test_what_is_refused_for_good_says_why_and_can_be_tried_again(
    people: People, bob: Person
) -> None:
    alice, wire = wired(people)
    wire.refuses("send", "forbidden", times=1)
    alice.say("Too loud")
    failed = alice.message("Too loud")
    expect(failed.locator(".why")).to_have_text("Not sent. Not now.")
    failed.get_by_role("button", name="Try again").click()
    bob.sees("Too loud")
    alice.sees("Too loud")


def test_what_is_too_long_says_so_and_holds_up_nothing(alice: Person, bob: Person) -> None:
    tab = alice.another_tab()
    alice.page.evaluate("document.getElementById('composer').noValidate = true")
    alice.say("x" * 10_001)
    alice.say("Short")
    bob.sees("Short")
    for person in (alice, tab):
        failed = person.page.locator("[data-failed]")
        expect(failed.locator(".why")).to_have_text(
            "Not sent. A message has at most 10000 characters."
        )
        expect(failed.locator(".waiting")).to_be_hidden()
    alice.page.reload()
    failed = alice.page.locator("[data-failed]")
    failed.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Discard").click()
    has_said(alice, "Short")
    has_said(tab, "Short")
    alice.page.reload()
    has_said(alice, "Short")


def test_what_failed_is_marked_at_the_side_of_other_pages(alice: Person) -> None:
    alice.page.evaluate("document.getElementById('composer').noValidate = true")
    alice.say("x" * 10_001)
    expect(alice.page.locator("[data-failed]")).to_have_count(1)
    expect(alice.page.locator("#sidebar .unsent:visible")).to_have_count(0)
    alice.open("Garden")
    entry = alice.page.locator("#sidebar [data-room]", has_text="General")
    expect(entry.locator(".unsent")).to_be_visible()


def test_who_was_removed_while_away_keeps_the_words_and_hears_why(
    people: People, alice: Person, bob: Person, site: Site
) -> None:
    bob.page.goto("/rooms/")
    bob.is_connected()
    bob.open("General")
    site.stop()
    is_away(alice, bob)
    says_in_vain(bob, "Into a closed room")
    site.manage(
        "shell", "-v0", "-c",
        "from chat.models import Membership;"
        "Membership.objects.filter(user__username='bob', room__name='General').delete()",
    )  # fmt: skip
    site.start()
    stranded = bob.page.locator("#stranded")
    expect(stranded.locator(".why")).to_have_text(
        "This was not sent. You are not in its room any more.", timeout=LONG
    )
    expect(stranded.locator("blockquote")).to_have_text("Into a closed room")
    expect(bob.page.locator("h1")).not_to_have_text("General")
    bob.page.reload()
    expect(stranded.locator("blockquote")).to_have_text("Into a closed room")
    stranded.get_by_role("button", name="Discard").click()
    expect(stranded).to_be_hidden()
    is_back(alice)


def test_nothing_is_said_in_the_name_of_who_logged_in_afterwards(
    people: People, bob: Person, site: Site
) -> None:
    alice = people("alice")
    alice.open("General")
    url, context = alice.page.url, alice.page.context
    site.stop()
    is_away(alice, bob)
    says_in_vain(alice, "In my own name")
    her, his = (
        next(cookie for cookie in person.page.context.cookies() if cookie["name"] == "sessionid")
        for person in (alice, bob)
    )
    context.add_cookies([his])  # type: ignore[list-item]
    site.start()
    expect(alice.page.locator(".me")).to_contain_text("Bob", timeout=LONG)
    alice.is_connected()
    is_back(bob)
    expect(alice.message("In my own name")).to_have_count(0)
    expect(bob.message("In my own name")).to_have_count(0)
    context.add_cookies([her])  # type: ignore[list-item]
    alice.page.goto(url)
    has_said(alice, "In my own name")
    expect(bob.sees("In my own name").locator(".author")).to_have_text("Alice Ahmadi")


def test_what_waits_is_sent_after_logging_in_again(alice: Person, bob: Person, site: Site) -> None:
    site.stop()
    is_away(alice, bob)
    says_in_vain(alice, "Before my session ended")
    site.manage(
        "shell", "-v0", "-c",
        "from django.contrib.sessions.models import Session; Session.objects.all().delete()",
    )  # fmt: skip
    site.start()
    alice.page.wait_for_url("**/accounts/login/?next=*", timeout=LONG)
    alice.fill_in("alice")
    has_said(alice, "Before my session ended")


@pytest.mark.parametrize(
    "missing",
    [
        "Object.defineProperty(globalThis, 'indexedDB', { value: undefined })",
        "IDBObjectStore.prototype.add = function () { this.transaction.abort() }",
        "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })",
        "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError') }",
    ],
)
def test_a_browser_that_lacks_something_sends_all_the_same(
    people: People, bob: Person, missing: str
) -> None:
    alice = people("alice")
    alice.page.context.add_init_script(missing)
    alice.open("General")
    tab = alice.another_tab()
    alice.say("From here")
    bob.sees("From here")
    tab.say("And from there")
    for person in (alice, tab, bob):
        has_said(person, "From here", "And from there")


# --- what was missed -----------------------------------------------------------------------------


@pytest.mark.promise
def test_edits_deletions_and_hundreds_of_messages_missed_are_there_afterwards(
    people: People, bob: Person, site: Site
) -> None:
    alice, wire = wired(people)
    for text in ("Will be edited", "Will be deleted", "Will be liked"):
        bob.say(text)
        alice.sees(text)
    wire.die()
    bob.does("edit", bob.sees("Will be edited"))
    bob.say("Was edited")
    bob.sees("Was edited")
    bob.reacts("🎉", bob.sees("Will be liked"))
    expect(bob.sees("Will be liked").locator(".reaction")).to_be_visible()
    gone = bob.sees("Will be deleted")
    position = gone.get_attribute("data-position")
    bob.deletes(gone)
    expect(bob.message("Will be deleted")).to_have_count(0)
    site.manage("demo", "--messages", "400")
    bob.say("After all that")
    alice.messages.nth(-4).evaluate("element => element.scrollIntoView({block: 'start'})")
    alice.page.evaluate("document.dispatchEvent(new Event('resume'))")
    until(alice.page, lambda: alice.messages.count() > 400, "all of it is there")
    alice.sees("After all that")
    alice.sees("Was edited")
    expect(alice.sees("Will be liked").locator(".reaction .count")).to_have_text("1")
    tombstone = alice.page.locator(f"[data-position='{position}'] .tombstone")
    expect(tombstone).to_be_visible()
    shown = positions(alice)
    assert shown == sorted(set(shown))


@pytest.mark.parametrize(
    "awakes", ["document.dispatchEvent(new Event('resume'))", "dispatchEvent(new Event('focus'))"]
)
def test_a_page_whose_socket_does_not_answer_is_right_as_soon_as_it_wakes(
    people: People, bob: Person, awakes: str
) -> None:
    alice, wire = wired(people)
    wire.die()
    bob.say("While you stood still")
    bob.sees("While you stood still")
    alice.page.evaluate(awakes)
    alice.sees("While you stood still")  # long before a heartbeat is missed


def test_a_page_that_slept_for_an_hour_is_right_as_soon_as_it_wakes(
    people: People, bob: Person
) -> None:
    alice = people("alice")
    alice.page.clock.install()
    wire = Wire(alice.page)
    alice.open("General")
    wire.die()
    bob.say("While you slept")
    bob.sees("While you slept")
    alice.page.clock.fast_forward("01:00:00")
    alice.sees("While you slept")


def test_a_connection_on_which_nobody_answers_is_replaced(people: People, bob: Person) -> None:
    alice, wire = wired(people)
    wire.die()
    alice.say("Does anybody hear me?")
    expect(bob.message("Does anybody hear me?")).to_have_count(1, timeout=LONG)
    has_said(alice, "Does anybody hear me?")


@pytest.mark.parametrize("code", [4408, 4429, 4503])
def test_who_was_sent_away_comes_back_and_catches_up(
    people: People, bob: Person, code: int
) -> None:
    alice, wire = wired(people)
    wire.close(code)
    bob.say("While you were gone")
    expect(alice.message("While you were gone")).to_have_count(1, timeout=LONG)


def test_a_page_reads_anew_when_the_database_is_a_backup(
    alice: Person, bob: Person, site: Site, tmp_path: Path
) -> None:
    alice.forgive("WebSocket connection")
    database, backup = tmp_path / "db.sqlite3", tmp_path / "backup.sqlite3"
    site.stop()
    shutil.copy(database, backup)
    site.start()
    is_back(alice, bob)
    bob.say("This is in no backup.")
    alice.sees("This is in no backup.")

    site.stop()
    shutil.copy(backup, database)
    site.start()
    expect(alice.message("This is in no backup.")).to_have_count(0, timeout=LONG)
    expect(bob.message("This is in no backup.")).to_have_count(0, timeout=LONG)
    for person in (alice, bob):
        person.is_connected()
    bob.say("This has the same number.")
    alice.sees("This has the same number.")


def test_older_messages_that_were_refused_are_asked_for_again(people: People, site: Site) -> None:
    site.manage("demo", "--messages", "60")
    alice = people("alice")
    wire = Wire(alice.page)
    refused = wire.refuses("history", "rate_limited", times=1)
    alice.open("General")
    count = alice.messages.count()
    alice.messages.first.scroll_into_view_if_needed()
    expect(alice.messages.nth(count)).to_be_attached(timeout=20_000)
    assert refused


@pytest.mark.parametrize("code", ["rate_limited", "unavailable"])
def test_a_sync_that_was_refused_is_asked_again(people: People, bob: Person, code: str) -> None:
    alice, wire = wired(people)
    refused = wire.refuses("sync", code, times=2)
    wire.passes = lambda event: event.get("body") != "Lost" or event["type"] != "message"
    bob.say("Lost")
    bob.sees("Lost")
    bob.say("Found")
    expect(alice.message("Lost")).to_have_count(1, timeout=20_000)
    assert len(refused) == 2


def test_a_heartbeat_that_names_no_rooms_is_answered_and_changes_nothing(people: People) -> None:
    alice, wire = wired(people)
    before = alice.messages.evaluate_all(TEXTS)
    wire.say({"type": "heartbeat", "n": 4711, "heads": {}})
    answered = {"type": "pong", "n": 4711}
    until(alice.page, lambda: answered in wire.sent, "the heartbeat is answered")
    assert wire.of_type("sync") == []
    assert alice.messages.evaluate_all(TEXTS) == before


def test_an_edit_that_overtakes_the_history_wins(people: People, bob: Person, site: Site) -> None:
    bob.say("Old words")
    message = bob.sees("Old words")
    site.manage("demo", "--messages", "60")
    alice, wire = wired(people)
    wire.passes = lambda event: event["type"] != "history"
    alice.messages.first.scroll_into_view_if_needed()
    until(alice.page, lambda: bool(wire.histories()), "the history is on its way")
    bob.does("edit", message)
    bob.say("New words")
    until(alice.page, lambda: wire.has_heard(body="New words"), "the edit has overtaken it")
    wire.say(*wire.histories())
    alice.sees("New words")
    expect(alice.message("Old words")).to_have_count(0)


# --- what the banner says ------------------------------------------------------------------------


RECORD = """addEventListener("DOMContentLoaded", () => {
  const banner = document.getElementById("banner");
  globalThis.shown = [];
  new MutationObserver(() => banner?.hidden || shown.push(banner.textContent)).observe(
    document.body, { subtree: true, attributes: true, childList: true },
  );
})"""


def shown(person: Person) -> set[str]:
    """What the banner has said on this page so far."""
    return set(person.page.evaluate("shown"))


def test_the_banner_says_nothing_of_catching_up_when_nothing_was_missed(
    people: People, site: Site
) -> None:
    alice = people("alice")
    alice.page.add_init_script(RECORD)
    alice.open("General")
    alice.page.evaluate("shown.length = 0")  # of a slow start
    site.stop()
    is_away(alice)
    site.start()
    is_back(alice)
    assert shown(alice) == {"Reconnecting…"}


def test_the_banner_says_that_the_page_catches_up_until_it_has(people: People, bob: Person) -> None:
    alice, wire = wired(people)
    wire.passes = lambda event: event["type"] == "welcome"
    bob.say("Missed")
    bob.sees("Missed")
    alice.page.evaluate("document.dispatchEvent(new Event('resume'))")
    banner = alice.page.locator("#banner")
    expect(banner).to_be_visible()
    expect(banner).to_have_text("Catching up…")
    wire.passes = lambda event: True
    bob.say("Also")
    alice.page.evaluate("document.dispatchEvent(new Event('resume'))")
    alice.sees("Missed")
    expect(banner).to_be_hidden()


def test_the_banner_says_when_the_device_is_offline(people: People, bob: Person) -> None:
    alice, wire = wired(people)
    alice.forgive("WebSocket connection")
    wire.die()
    alice.page.context.set_offline(True)
    banner = alice.page.locator("#banner")
    expect(banner).to_be_visible(timeout=20_000)
    expect(banner).to_have_text("You are offline. What you write is sent later.")
    alice.say("From the tunnel")
    bob.say("Meanwhile")
    alice.page.context.set_offline(False)
    is_back(alice)
    alice.sees("Meanwhile")
    bob.sees("From the tunnel")


# --- two tabs ------------------------------------------------------------------------------------


def test_what_another_tab_has_read_is_not_unread_when_it_comes_late(
    people: People, bob: Person
) -> None:
    reader = people("alice")
    reader.open("General")
    tab = tab_of(reader)
    late = Wire(tab.page)
    late.passes = lambda event: event["type"] != "message"
    tab.page.goto("/rooms/")
    tab.is_connected()
    bob.say("Read elsewhere")
    reader.sees("Read elsewhere")
    until(tab.page, lambda: late.has_heard(type="read"), "the tab hears what was read")
    until(tab.page, lambda: late.has_heard(body="Read elsewhere"), "and then of the message")
    late.say(*(event for event in late.heard if event["type"] == "message"))
    late.say({"type": "heartbeat", "n": 4711, "heads": {}})
    answered = {"type": "pong", "n": 4711}
    until(tab.page, lambda: answered in late.sent, "the tab has taken it in")
    expect(tab.unread("General")).to_be_hidden()


def test_a_draft_is_the_same_in_both_tabs(alice: Person) -> None:
    tab = alice.another_tab()
    alice.field.press_sequentially("Half a")
    expect(tab.field).to_have_value("Half a")
    tab.field.press_sequentially(" thought")
    expect(alice.field).to_have_value("Half a thought")
    tab.field.press("Enter")
    expect(alice.field).to_have_value("")


# --- which consumer ------------------------------------------------------------------------------


def test_the_consumer_that_was_chosen_before_logging_in_serves_the_page(people: People) -> None:
    alice = people()
    alice.page.goto("/accounts/login/?consumer=sync")
    alice.fill_in("alice")
    expect(alice.page.locator("#served-by")).to_have_text("sync consumer")
