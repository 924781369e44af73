"""docs/realtime.md: each piece of realtime/ has its row, and what stands there is so."""

import re

import pytest

from tests.site import PROJECT
from tests.stock.stacks import ALL

PAGE = (PROJECT / "docs/realtime.md").read_text()
MODULES = {
    str(path.relative_to(PROJECT))
    for path in (PROJECT / "realtime").rglob("*.py")
    if path.name != "__init__.py" and "migrations" not in path.parts
}
COUNT = re.compile(r"^(`realtime/.*`): (\d+) lines$", re.MULTILINE)
PIECES = {
    title: text
    for title, _, text in (section.partition("\n") for section in PAGE.split("\n## ")[1:])
    if COUNT.search(text)
}
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
every_piece = pytest.mark.parametrize("title", PIECES)


def modules_of(text: str) -> list[str]:
    counted = COUNT.search(text)
    assert counted
    return re.findall(r"`(realtime/[\w/]+\.py)`", counted[1])


def test_every_module_belongs_to_one_piece() -> None:
    named = [module for text in PIECES.values() for module in modules_of(text)]
    assert sorted(named) == sorted(MODULES)


@every_piece
def test_a_piece_has_about_as_many_lines_as_it_says(title: str) -> None:
    counted = COUNT.search(PIECES[title])
    assert counted
    lines = sum(
        len((PROJECT / module).read_text().splitlines()) for module in modules_of(PIECES[title])
    )
    assert int(counted[2]) == pytest.approx(lines, rel=0.1)


@every_piece
def test_a_piece_says_how_it_is_taken_in_and_what_happens_without_it(title: str) -> None:
    text = PIECES[title]
    assert "**Taken in by**" in text
    assert re.search(r"\*\*Without (it|them)\*\*", text)
    assert TEST.search(text)


@pytest.mark.parametrize(("path", "name"), TEST.findall(PAGE))
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (PROJECT / path).read_text()


def test_the_settings_that_it_needs_are_named() -> None:
    code = "".join((PROJECT / module).read_text() for module in MODULES)
    said = (PROJECT / "realtime/README.md").read_text()
    assert {name for name in re.findall(r"settings\.([A-Z_]+)", code) if name not in said} == set()


def test_every_stack_has_its_row() -> None:
    _, _, stacks = PAGE.partition("\n## What runs without what")
    rows = re.findall(r"^\| `(\w+)` \|", stacks.partition("\n## ")[0], re.MULTILINE)
    assert sorted(rows) == sorted(ALL)
