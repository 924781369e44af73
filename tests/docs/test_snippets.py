"""What the documentation quotes is what the files say."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.site import PROJECT

FENCE = re.compile(r"^(?P<tick>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=tick)$", re.M | re.S)
# What is typed and what is answered; directives of Sphinx; of neither is there a file.
# A file that the reader writes (`new=`): the test of that page does too.
QUOTES_NOTHING = re.compile(r"(|sh|console|text|\{\w+\}.*|\w+ new=.*)$")
TUTORIAL = PROJECT / "docs" / "tutorial"  # its reader writes the files; test_tutorial.py does too


@dataclass(frozen=True)
class Snippet:
    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def pages() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    return [PROJECT / name for name in listed.stdout.split() if (PROJECT / name).is_file()]


def snippets() -> Iterator[Snippet]:
    for page in pages():
        text = page.read_text()
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            if not page.is_relative_to(TUTORIAL) and not QUOTES_NOTHING.match(fence["info"]):
                yield Snippet(page, line, fence["info"], fence["text"])


def is_in(snippet: str, text: str) -> bool:
    """Whether these are lines of the text one after another, perhaps further in."""
    wanted = dedent(snippet).splitlines()
    lines = text.splitlines()
    parts = (lines[start : start + len(wanted)] for start in range(len(lines)))
    return any(dedent("\n".join(part)).splitlines() == wanted for part in parts)


@pytest.mark.parametrize("snippet", list(snippets()), ids=str)
def test_a_snippet_is_a_part_of_the_file_it_names(snippet: Snippet) -> None:
    _, named, name = snippet.info.partition(" file=")
    assert named, f"{snippet}: `{snippet.info}` names no file: write `{snippet.info} file=...`"
    assert is_in(snippet.text, (PROJECT / name).read_text()), f"{snippet} is not in {name}"


def test_there_are_snippets_and_each_line_counts() -> None:
    text = "def f():\n    a = 1\n    b = 2\n\n    return a\n"
    assert is_in("a = 1\nb = 2\n", text)
    assert is_in("b = 2\n\nreturn a\n", text)
    assert not is_in("a = 1\nreturn a\n", text)
    assert not is_in("a = 1\nb = 3\n", text)
