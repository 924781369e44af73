"""What docs/database-access.md says, as the tests read it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from tests.site import PROJECT

PAGE = PROJECT / "docs/database-access.md"
SENTENCES = "## The page, sentence by sentence", "## What the page does not say"


@dataclass(frozen=True)
class Section:
    """What is under a heading of the third order. Its anchor is its id."""

    sentence: str
    tests: set[str]


def part(heading: str) -> str:
    """What is under a heading of the second order."""
    _, _, rest = PAGE.read_text().partition(f"\n{heading}\n")
    assert rest, f"{PAGE.name} has no {heading!r}"
    return rest.partition("\n## ")[0]


def sections() -> dict[str, Section]:
    found = {}
    for heading in SENTENCES:
        for section in part(heading).split("\n### ")[1:]:
            title, _, text = section.partition("\n")
            anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            sentence = " ".join(text.strip().partition("\n\n")[0].replace("\n> ", " ").split())
            shown = re.search(r"^Shown by (.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
            names = re.findall(r"`(test_\w+)`", shown[1]) if shown else []
            found[anchor] = Section(sentence.removeprefix("> "), set(names))
    return found


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the first table under a heading: each the text of its cells by column."""
    lines = [line for line in part(heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def versions() -> dict[str, str]:
    """The releases that the document speaks of."""
    names = PAGE.read_text().partition("\n## ")[0]
    return dict(re.findall(r"`([\w-]+)==([\d.]+)`", names))


def says(anchor: str) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Ties a test to the sentence it shows. If it fails, the failure quotes the sentence.

    A coroutine runs on an event loop of its own."""

    def tie(test: Callable[..., Any]) -> Callable[..., None]:
        @wraps(test)
        def quoting(*args: Any, **kwargs: Any) -> None:
            try:
                if iscoroutinefunction(test):
                    asyncio.run(test(*args, **kwargs))
                else:
                    test(*args, **kwargs)
            except Exception as failure:
                sentence = sections()[anchor].sentence
                failure.add_note(f"Is this sentence still true? {PAGE.name}#{anchor}: {sentence}")
                raise

        quoting.says = anchor  # type: ignore[attr-defined]
        return quoting

    return tie
