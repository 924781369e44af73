"""The chapters of the tutorial as steps: what a reader writes, types and looks at, in order.

docs/tutorial/index.md tells the reader of the forms a block of code may have.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROMPT = "$ "
FORMS = ("file", "append", "replace", "line")
CLOSING = (")", "]", "}")  # begin the last line of what they close
# Of a line, what says which it is: up to its first bracket, colon or equals sign.
HEAD = re.compile(r"from \S+ import|import \S+|[^(\[{=:]*[(\[{=:]")


@dataclass(frozen=True)
class Step:
    line: int


@dataclass(frozen=True)
class Write(Step):
    """A file as a whole, more at its end, or something in place of a definition or a line."""

    form: str
    path: str
    text: str

    def applied(self, old: str) -> str:
        """The file afterwards. Raises ValueError if there is nothing to replace, or too much."""
        match self.form:
            case "append":
                return f"{old}{self.text}"
            case "replace":
                return replaced(old, self.text, extent=definition)
            case "line":
                return replaced(old, self.text, extent=lambda lines, begin: begin + 1)
            case _:
                return self.text


@dataclass(frozen=True)
class Type(Step):
    """A command, and what the chapter says it shows."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Interrupt(Step):
    """Ctrl-C: for what the paragraph names in `code` and runs, or else for all that runs."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Look(Step):
    """What the browser shows now: a picture, or a comment `<!-- look: name -->` where none is
    needed."""

    name: str
    picture: str = ""


def steps(chapter: Path) -> list[Step]:
    """What the reader of a chapter does. Raises ValueError for code that says not where it goes."""
    tokens = MarkdownIt("commonmark").parse(chapter.read_text())
    return [step for token in tokens for step in _steps_of(token)]


def _steps_of(token: Token) -> Iterator[Step]:
    line = token.map[0] + 1 if token.map else 0
    if token.type == "fence":
        language, *options = token.info.split()
        if language == "console":
            yield from _commands(token.content, line)
        else:
            form, _, path = (options or [""])[0].partition("=")
            if form not in FORMS or not path:
                raise ValueError(f"line {line}: a block of {language} that goes nowhere")
            yield Write(line, form, path, token.content)
    if token.type == "inline":
        if "Ctrl-C" in token.content:
            codes = [child.content for child in token.children or [] if child.type == "code_inline"]
            yield Interrupt(line, tuple(codes))
        for child in token.children or []:
            if child.type == "image":
                picture = str(child.attrs["src"])
                name = re.sub(r"^\d+-", "", Path(picture).stem).replace("-", "_")
                yield Look(line, name, picture)
    if look := re.fullmatch(r"<!-- look: (\w+) -->\s*", token.content):
        yield Look(line, look[1])


def _commands(block: str, line: int) -> Iterator[Type]:
    command, shown, began = "", [], line
    for number, text in enumerate(block.splitlines(), line + 1):
        if not text.startswith(PROMPT):
            shown.append(text)
            continue
        if command:
            yield Type(began, command, tuple(shown))
        command, shown, began = text.removeprefix(PROMPT), [], number
    yield Type(began, command, tuple(shown))


def replaced(old: str, block: str, extent: Callable[[list[str], int], int]) -> str:
    """A file in which what begins as the block does makes way for the block."""
    first = block.splitlines()[0]
    match = HEAD.match(first)
    head = match[0] if match else first
    lines = old.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.startswith(head)]
    if len(begins) != 1:
        raise ValueError(f"{head!r} begins {len(begins)} lines")
    (begin,) = begins
    return "".join([*lines[:begin], block, *lines[extent(lines, begin) :]])


def definition(lines: list[str], begin: int) -> int:
    """Where the definition that begins here has ended: before the next line that is indented no
    deeper and closes nothing, and before the blank lines that separate it from that."""
    indent = indentation(lines[begin])
    end = begin + 1
    while end < len(lines) and _belongs(lines[end], indent):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end


def _belongs(line: str, indent: int) -> bool:
    text = line.strip()
    if not text or indentation(line) > indent:
        return True
    return indentation(line) == indent and text.startswith(CLOSING)


def indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def names_its_files(chapter: Path) -> list[str]:
    """Blocks before which the text does not name their file; a page shows no info string."""
    text = chapter.read_text().splitlines()
    missing = []
    for step in steps(chapter):
        if isinstance(step, Write):
            before = "\n".join(text[max(0, step.line - 8) : step.line - 1])
            if f"`{step.path}`" not in before:
                missing.append(f"{chapter.name}:{step.line}: {step.path}")
    return missing
