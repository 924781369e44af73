"""The places docs/where.md points at: `python -m tests.docs.where` brings their lines up to date.

A place is written as [`FILE`, lines 1-2](../FILE#L1-L2) `SYMBOL`. In a Python file SYMBOL is a name
at the top, or `Class.name`; in any other it is text that stands there, once.
"""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = PROJECT / "docs" / "where.md"
PLACE = re.compile(
    r"\[`(?P<file>[^`]+)`, lines? (?P<lines>[\d-]+)\]\(\.\./(?P<target>[^)]+)\) `(?P<symbol>[^`]+)`"
)


class Unknown(Exception):
    """The document names something that is not there."""


def lines_of(file: str, symbol: str) -> tuple[int, int]:
    """Where a symbol begins and ends, decorators included. Raises Unknown."""
    path = PROJECT / file
    if not path.is_file():
        raise Unknown(f"There is no {file}.")
    if path.suffix == ".py":
        return lines_of_name(ast.parse(path.read_text()), f"{file}: {symbol}", symbol.split("."))
    return lines_of_text(path.read_text().splitlines(), f"{file}: {symbol}", symbol)


def lines_of_name(tree: ast.AST, whole: str, names: list[str]) -> tuple[int, int]:
    for node in ast.iter_child_nodes(tree):
        if names[0] in names_of(node):
            if names[1:]:
                return lines_of_name(node, whole, names[1:])
            decorators = getattr(node, "decorator_list", [])
            first = min(part.lineno for part in [node, *decorators])  # type: ignore[attr-defined]
            return first, node.end_lineno  # type: ignore[attr-defined]
    raise Unknown(f"There is no {whole}.")


def names_of(node: ast.AST) -> set[str]:
    """What a statement gives a name to."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign(targets=targets):
            return {
                part.id for it in targets for part in ast.walk(it) if isinstance(part, ast.Name)
            }
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def lines_of_text(lines: list[str], whole: str, text: str) -> tuple[int, int]:
    found = [number for number, line in enumerate(lines, 1) if text in line]
    if len(found) != 1:
        raise Unknown(f"Found {len(found)} times: {whole}.")
    return found[0], found[0]


def up_to_date(place: re.Match[str]) -> str:
    file, symbol = place["file"], place["symbol"]
    first, last = lines_of(file, symbol)
    if first == last:
        return f"[`{file}`, line {first}](../{file}#L{first}) `{symbol}`"
    return f"[`{file}`, lines {first}-{last}](../{file}#L{first}-L{last}) `{symbol}`"


def rewritten(text: str) -> str:
    """The document with every place at the lines where it is now."""
    return PLACE.sub(up_to_date, text)


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text()))
