"""Sphinx extension: where a page names a file of the project, it leads to that file, as a page.

That is a file's path in code, and a link as GitHub follows it: `[text](../manage.py#L5-L9)`. Sphinx
would offer the latter as a download, and forget the line. The name of a test in code leads to the
test: `test_it_works`, or `test_file.py::test_it_works`. If there is no such test, or more than one,
that is a warning.
"""

import ast
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

DOCS = Path(__file__).resolve().parent
PROJECT = DOCS.parent
TO_LINES = re.compile(r"(\.md)#L[\dL-]+(?=\))")  # of a page of the documentation, which has none
FENCES = re.compile(r"(^```+.*?^```+\s*?$)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<![\[`])`(?P<path>[\w./:-]+)`(?![`\]])")  # and not the text of a link
TEST = re.compile(r"(?:(?P<file>[\w/]+\.py)::)?(?P<name>test_\w+)")
LINK = re.compile(
    r"(?<!!)\[(?P<text>[^\]]+)\]"  # not an image
    r"\((?P<path>\.\.?/[^)#\s]+)(?:#L(?P<line>\d+)[^)]*)?\)"
)

logger = getLogger(__name__)


def files() -> set[Path]:
    """What is in the repository: whatever else lies here, such as .env, is nobody's business."""
    command = ["git", "ls-files", "-z", "--", ".", ":!docs"]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    return {PROJECT / name for name in listed.stdout.split("\0")}


def tests(files: set[Path]) -> dict[str, dict[Path, int]]:
    """Where there are tests of a name: files and lines."""
    found: defaultdict[str, dict[Path, int]] = defaultdict(dict)
    for path in files:
        if path.name.startswith("test_") and path.suffix == ".py" and path.is_file():
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[node.name][path] = node.lineno
    return found


def rewrite_links(app: Sphinx, page: str, source: list[str]) -> None:
    folder = (DOCS / page).parent

    def to_page(path: Path, text: str, line: str | None = None) -> str | None:
        path = path.resolve()
        if path not in app.env.files:
            return None
        app.env.source_pages.add(path)
        file = path.relative_to(PROJECT)
        address = os.path.relpath(DOCS / "source" / f"{file}.html", folder)
        return f'<a href="{address}{f"#L-{line}" if line else ""}">{text}</a>'

    def to_test(test: re.Match[str]) -> str:
        places = app.env.tests[test["name"]].items()
        end = f"/{test['file']}" if test["file"] else ""
        fitting = [(path, line) for path, line in places if str(path).endswith(end)]
        if len(fitting) != 1:
            logger.warning("%d tests are called %s", len(fitting), test[0], location=page)
            return f"`{test[0]}`"
        [(path, line)] = fitting
        return to_page(path, f"`{test[0]}`", str(line)) or ""

    def from_code(code: re.Match[str]) -> str:
        if test := TEST.fullmatch(code["path"]):
            return to_test(test)
        return to_page(PROJECT / code["path"], code[0]) or code[0]

    def from_link(link: re.Match[str]) -> str:
        return to_page(folder / link["path"], link["text"], link["line"]) or link[0]

    parts = FENCES.split(source[0])
    source[0] = "".join(
        part
        if part.startswith("```")
        else CODE.sub(from_code, LINK.sub(from_link, TO_LINES.sub(r"\1", part)))
        for part in parts
    )


def highlighted(path: Path) -> str:
    text = path.read_text()
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    return highlight(text, lexer, HtmlFormatter(linenos="inline", lineanchors="L"))


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    for path in sorted(app.env.source_pages):
        name = path.relative_to(PROJECT)
        body = f"<h1>{name}</h1>\n{highlighted(path)}"
        yield f"source/{name}", {"title": str(name), "body": body}, "page.html"


def begin(app: Sphinx) -> None:
    app.env.files, app.env.source_pages = files(), set()
    app.env.tests = tests(app.env.files)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", begin)
    app.connect("source-read", rewrite_links)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": False}
