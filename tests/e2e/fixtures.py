"""People in real browsers. Whoever sees an error in the console fails the test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.person import Person
from tests.site import Site

expect.set_options(timeout=10_000)


@pytest.fixture
def people(browser: Browser, site: Site) -> Iterator[Callable[..., Person]]:
    """Makes somebody with a browser of their own: `people("bob")` has logged in as bob."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    forgiven: list[str] = []

    def listen(page: Page) -> None:
        page.on(
            "console",
            lambda message: (
                complaints.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))

    def make(username: str = "", **options: Any) -> Person:
        context = browser.new_context(
            base_url=site.url, **{"viewport": {"width": 1280, "height": 800}} | options
        )
        context.on("page", listen)
        contexts.append(context)
        person = Person(context.new_page(), forgiven)
        if username:
            person.log_in(username)
        return person

    yield make
    for context in contexts:
        context.close()
    assert [each for each in complaints if not any(part in each for part in forgiven)] == []
