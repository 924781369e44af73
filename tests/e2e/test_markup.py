"""In a real browser, under the site's own policy, nothing that was typed has ever run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chat.queries import PAGE
from tests.abuse.test_markup import NAMES, TRICKS
from tests.chat.test_markdown import LINKS, MARKUP
from tests.client import ChatClient
from tests.e2e.person import Person
from tests.site import Site

pytestmark = pytest.mark.browser

BODIES = [trick for trick in [*TRICKS, *MARKUP, *LINKS] if "\x00" not in trick]
NAME = '"><img src=x onerror=alert(1)>'
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
STRANGE = ".body :is(script, img, svg, math, style, iframe, form, input, [style], [onclick])"
HREFS = "links => links.map(link => link.protocol)"


@pytest.fixture
def cookies(site: Site, tmp_path: Path) -> dict[str, str]:
    """Of the people of the demo, by name."""
    site.manage("demo", "--cookies", str(tmp_path / "cookies"))
    lines = (tmp_path / "cookies").read_text().splitlines()
    return dict(zip(("alice", "bob", "carol"), (each[8:] for each in lines), strict=False))


def watched(person: Person) -> Page:
    """From now on, every page of this person remembers what its policy had to forbid."""
    person.page.context.add_init_script(WATCH)
    person.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    return person.page


def assert_clean(page: Page, messages: int) -> None:
    """Of a page that shows these messages at least: older ones come before one scrolls to them."""
    expect(page.locator("#timeline .message").nth(messages - 1)).to_be_attached()
    assert page.locator(STRANGE).count() == 0
    leads_to = set(page.locator(".body a").evaluate_all(HREFS))
    assert leads_to <= {"http:", "https:", "mailto:", ":"}  # the last one leads nowhere
    assert page.evaluate("window.violations") == []


@pytest.mark.promise
def test_no_script_runs_and_the_policy_has_nothing_to_forbid(
    site: Site,
    cookies: dict[str, str],
    people: Callable[..., Person],
) -> None:
    bob = people("bob")
    page = watched(bob)
    profile = {"display_name": NAME, "color": "1"}
    assert site.post("/accounts/profile/", cookies["alice"], **profile) == 200
    form = {"name": f"Trap {NAME}", "topic": NAME, "kind": "open"}
    assert site.post("/rooms/new/", cookies["bob"], **form) == 200
    page.goto("/")
    bob.open("Trap")
    room = int(page.url.rstrip("/").rpartition("/")[2])
    assert site.post(f"/rooms/{room}/join/", cookies["alice"]) == 200
    with ChatClient(site.url, "/ws/chat/", cookies["alice"]) as alice:
        said = 0
        while chunk := BODIES[said : said + PAGE]:
            before = page.locator("#timeline .message").count()
            for body in chunk:
                alice.expect("message", client_id=alice.say(room, body))
            said += len(chunk)
            alice.send("typing", room=room)
            expect(page.locator("#typing")).to_contain_text(NAME)
            assert_clean(page, before + len(chunk))  # as they are said
            page.reload()
            bob.is_connected()
            assert_clean(page, min(said, PAGE))  # as they are read later


def test_a_name_is_text_wherever_it_changes_while_a_page_is_open(
    site: Site,
    cookies: dict[str, str],
    people: Callable[..., Person],
) -> None:
    bob = people("bob")
    page = watched(bob)
    bob.open("General")
    form = {"name": "Trap", "topic": "", "kind": "open"}
    assert site.post("/rooms/new/", cookies["bob"], **form) == 200
    entry = page.locator("#sidebar [data-room]", has_text="Trap")
    number = (entry.locator("a").get_attribute("href") or "").split("/")[2]
    for name in NAMES[:20]:
        new: dict[str, Any] = {"name": name[:80], "topic": name}
        assert site.post(f"/rooms/{number}/settings/", cookies["bob"], **new) == 200
        expect(page.locator(f"#sidebar a[href='/rooms/{number}/']")).to_contain_text(name[:80])
    assert page.evaluate("window.violations") == []


def test_a_violation_would_have_been_noticed(people: Callable[..., Person], site: Site) -> None:
    """The test above can fail."""
    site.manage("demo")
    bob = people("bob")
    page = watched(bob)
    bob.open("General")
    bob.forgive("Content Security Policy")
    bob.forgive("Trusted")
    page.evaluate(
        "() => { const style = document.createElement('style'); style.append('a {}');"
        " document.head.append(style); }"
    )
    page.wait_for_function("window.violations.length > 0")
