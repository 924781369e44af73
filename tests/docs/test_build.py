"""The documentation builds without a warning, and a browser needs nothing but its files."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.site import PROJECT

pytestmark = pytest.mark.long  # it builds the documentation more than once


def build(project: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["-m", "sphinx", "-W", "--keep-going", "-E", "-q", "-b", "html", "docs"]
    return subprocess.run(
        [sys.executable, *command, folder], cwd=project, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = build(PROJECT, folder)
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


def test_every_name_of_a_test_is_a_link(built: Path) -> None:
    name = re.compile(r"(<a [^>]+>)?<code[^>]*><span[^>]*>[\w/.:]*\btest_\w+</span></code>")
    names = [it for page in built.glob("*.html") for it in name.finditer(page.read_text())]
    assert names and [it[0] for it in names if not it[1]] == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_it_works", 2),
        ("tests/a/test_it.py::test_it_works", 1),
        ("test_it.py::test_that_is_gone", 0),
    ],
)
def test_a_name_that_is_not_that_of_one_test_fails_the_build(
    name: str, found: int, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    for file in ["conf.py", "source_pages.py", "_static"]:
        source = PROJECT / "docs" / file
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / "docs" / file)
    (tmp_path / "docs" / "index.md").write_text(f"# Tests\n\nHeld by `{name}`.\n")
    for folder in ["a", "b"]:
        test = tmp_path / "tests" / folder / "test_it.py"
        test.parent.mkdir(parents=True)
        test.write_text("def test_it_works(): ...\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    done = build(tmp_path, tmp_path / "built")
    assert (done.returncode == 0) is (found == 1), done.stderr
    assert (f"{found} tests are called {name}" in done.stderr) is (found != 1)


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


@pytest.mark.browser
@pytest.mark.parametrize("number", ["1011", "403", "500"])
def test_a_number_is_found(number: str, built: Path, page: Page) -> None:
    page.goto((built / "search.html").as_uri() + f"?q={number}")
    expect(page.locator("ul.search li").first).to_contain_text("Troubleshooting")


@pytest.mark.browser
def test_the_name_of_a_test_leads_to_its_lines(built: Path, page: Page) -> None:
    name = "test_sending_closes_nothing"
    page.goto((built / "database-access.html").as_uri())
    page.get_by_role("link", name=name).click()
    line = page.url.rpartition("#L-")[2]
    text = (PROJECT / "tests/docs/test_database_access.py").read_text().splitlines()
    assert f"def {name}" in text[int(line) - 1]
    expect(page.get_by_role("heading", name="tests/docs/test_database_access.py")).to_be_visible()


@pytest.mark.browser
def test_a_table_of_words_fits_a_phone(built: Path, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    words = page.locator(".table-wrapper:not(:has(.text-left, .text-right))")
    too_wide = "tables => tables.filter((it) => it.scrollWidth > it.clientWidth).length"
    for file in [*built.glob("*.html"), *built.glob("tutorial/*.html")]:
        page.goto(file.as_uri())
        assert words.evaluate_all(too_wide) == 0, file.name
