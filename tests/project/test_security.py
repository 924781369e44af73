"""SECURITY.md promises nothing without a test that holds it, and neither does a feature."""

import ast
import re

import pytest

from tests.site import PROJECT

pytestmark = pytest.mark.once
TEXT = (PROJECT / "SECURITY.md").read_text()
PROMISED = TEXT + "".join(path.read_text() for path in sorted(PROJECT.glob("features/*/README.md")))
PROMISES = [
    (cells[0].strip(), cells[1].strip())
    for line in PROMISED[PROMISED.index("| promise |") :].splitlines()
    if line.startswith("| ") and len(cells := line.strip("| ").split(" | ")) == 2
    if cells[0] != "promise"
]
FILE = r"(?:tests|features/\w+/tests)/[\w/]+\.py"
NAMED = re.findall(rf"`({FILE})::(\w+)`", PROMISED)


def names_of_tests(path: str) -> set[str]:
    tree = ast.parse((PROJECT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


def test_there_are_promises_against_each_who_could_attack() -> None:
    assert len(PROMISES) > 20
    for section in re.split(r"^## ", TEXT, flags=re.M)[3:]:
        assert "| promise | held by |" in section, section.splitlines()[0]


@pytest.mark.parametrize(("promise", "held_by"), PROMISES, ids=[each[0][:40] for each in PROMISES])
def test_every_promise_names_its_test(promise: str, held_by: str) -> None:
    assert re.fullmatch(rf"`{FILE}::test_\w+`(, `{FILE}::test_\w+`)*", held_by)


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_every_test_that_is_named_is_there(path: str, test: str) -> None:
    assert test in names_of_tests(path)
