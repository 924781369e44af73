"""The documentation builds without a warning, and a browser needs nothing but its files."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.site import PROJECT

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    command = ["-m", "sphinx", "-W", "--keep-going", "-E", "-q", "-b", "html", "docs"]
    done = subprocess.run(
        [sys.executable, *command, folder], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme="dark")
    yield context.new_page()
    context.close()


def test_the_command_of_the_makefile_is_the_one_tested() -> None:
    assert "sphinx -W --keep-going -E -q -b html docs" in (PROJECT / "Makefile").read_text()


def test_every_page_is_in_the_contents(built: Path) -> None:
    contents = (built / "index.html").read_text()
    for page in (PROJECT / "docs").glob("*.md"):
        assert f'href="{page.stem}.html"' in contents or page.stem == "index", page


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    loads = re.compile(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?:)?//[^"]*"')
    assert [page.name for page in built.rglob("*.html") if loads.search(page.read_text())] == []


@pytest.mark.browser
def test_it_can_be_searched_and_is_dark_where_the_reader_is(built: Path, page: Page) -> None:
    page.goto((built / "index.html").as_uri())
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 64
    page.get_by_placeholder("Search").fill("heartbeat")
    page.keyboard.press("Enter")
    expect(page.locator("ul.search li").first).to_be_visible()


@pytest.mark.browser
def test_a_link_to_a_file_leads_to_its_lines(built: Path, page: Page) -> None:
    page.goto((built / "architecture.html").as_uri())
    page.get_by_role("link", name="chat/consumers.py").first.click()
    expect(page.get_by_role("heading", name="chat/consumers.py")).to_be_visible()
    expect(page.get_by_text("class ChatConsumer")).to_be_visible()
