"""However a message is twisted, it is rendered soon: in time that grows with its length only."""

import json
import subprocess
import sys
from typing import Any

import pytest

from chat.protocol import MAX_BODY
from tests.site import PROJECT

pytestmark = pytest.mark.once

# How each text is built from a number: a hundred times as large, it is a hundred times as long.
SHAPES = {
    "brackets": "'[' * n",
    "brackets in brackets": "'[' * (n // 2) + ']' * (n // 2)",
    "links in links": "'[' * (n // 5) + 'a' + '](b)' * (n // 5)",
    "links whose target never ends": "'[a](' * (n // 4)",
    "targets in angles": "'[a](<b' * (n // 6)",
    "titles that never end": "'[a](b \"' * (n // 7)",
    "brackets in a target": "'[a](' + '(' * (n // 2) + ')' * (n // 2)",
    "references": "''.join(f'[{i}]: b\\n' for i in range(n // 8)) + '[1]' * (n // 16)",
    "references to nothing": "'[a][b]' * (n // 6)",
    "images in images": "'![' * (n // 6) + 'a' + '](b)' * (n // 6)",
    "emphasis": "'*a ' * (n // 3)",
    "emphasis both ways": "'*a**a' * (n // 5)",
    "emphasis of all kinds": "'*_**__' * (n // 6)",
    "emphasis in emphasis": "'*a ' * (n // 6) + ' a*' * (n // 6)",
    "underscores": "'_' * n",
    "strikes": "'~~a' * (n // 3)",
    "backticks": "'`' * n",
    "backticks that grow": "''.join('a' + '`' * i for i in range(int((2 * n) ** 0.5)))",
    "backticks that shrink": "''.join('a' + '`' * i for i in range(int((2 * n) ** 0.5), 0, -1))",
    "fences": "'```\\n' * (n // 4)",
    "fences that never end": "'~~~a\\n' * (n // 5)",
    "tables": "'|a' * (n // 4) + '\\n' + '|-' * (n // 4)",
    "rows of a table": "'|a|b|\\n|-|-|\\n' + '|c\\n' * (n // 3)",
    "columns of a table": "'|' * (n // 3) + '\\n' + '|-' * (n // 3)",
    "quotes": "'>' * n",
    "quotes and lists": "'> - ' * (n // 4)",
    "quotes that grow": "''.join('>' * i + ' a\\n' for i in range(int((2 * n) ** 0.5)))",
    "lists": "'- ' * (n // 2)",
    "lists that grow": "''.join(' ' * i + '- a\\n' for i in range(int((2 * n) ** 0.5)))",
    "numbered lists": "'1. ' * (n // 3)",
    "items": "'- a\\n' * (n // 4)",
    "lazy lines": "'> a\\n' + 'b\\n' * (n // 2)",
    "headings": "'# ' * (n // 2)",
    "underlines": "'a\\n=\\n' * (n // 4)",
    "rules": "'* ' * (n // 2)",
    "hosts": "'www.' * (n // 4)",
    "dots": "'a.' * (n // 2)",
    "addresses": "'http://a.b/' * (n // 11)",
    "addresses of mail": "'a@b.c ' * (n // 6)",
    "letters before an at": "'a' * n + '@'",
    "letters after an at": "'@' + 'a' * n",
    "at after at": "'a@' * (n // 2)",
    "colons": "'a:' * (n // 2)",
    "slashes": "'//' * (n // 2)",
    "brackets in an address": "'http://a.b/' + '(' * (n // 2) + ')' * (n // 2)",
    "auto-links": "'<a:' * (n // 3)",
    "tags": "'<a ' * (n // 3)",
    "open comments": "'<!--' * (n // 4)",
    "entities": "'&#x' * (n // 3)",
    "ampersands": "'&a' * (n // 2)",
    "backslashes": "'\\\\' * n",
    "backslashes before brackets": "'\\\\[' * (n // 2)",
    "spaces": "' ' * n + 'a'",
    "spaces at the ends of lines": "('a' + ' ' * 98 + '\\n') * (n // 100)",
    "tabs": "'\\t-' * (n // 2)",
    "lines": "'a\\n' * (n // 2)",
    "one word": "'a' * n",
    "emoji": "'👨\u200d👩\u200d👧' * (n // 5)",
    "NUL": "'\\0' * n",
}

RENDER = """
import json, sys, time
from chat.markdown import render

def seconds(text):
    times = []
    for _ in range(3):
        start = time.process_time()
        render(text)
        times.append(time.process_time() - start)
    return min(times)

for name, shape in json.load(sys.stdin).items():
    quarter, whole = (eval(shape, {"n": n}) for n in (LENGTH // 4, LENGTH))
    print(json.dumps([name, len(whole), seconds(quarter), seconds(whole), len(render(whole))]))
"""
QUICK = 0.04  # seconds: below it is only noise


@pytest.fixture(scope="module")
def rendered() -> dict[str, list[Any]]:
    """Every shape, rendered in a process of its own that has done nothing before."""
    done = subprocess.run(
        [sys.executable, "-c", RENDER.replace("LENGTH", str(MAX_BODY))],
        input=json.dumps(SHAPES),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return {name: rest for name, *rest in map(json.loads, done.stdout.splitlines())}


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_the_longest_message_of_a_shape_is_rendered_soon(
    rendered: dict[str, list[Any]], name: str
) -> None:
    length, _, whole, html = rendered[name]
    assert length > MAX_BODY * 0.6
    assert whole < 2
    assert html < 64 * MAX_BODY


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_four_times_the_length_takes_about_four_times_the_time(
    rendered: dict[str, list[Any]], name: str
) -> None:
    """Quadratic work would take sixteen times as long."""
    _, quarter, whole, _ = rendered[name]
    assert whole < max(10 * quarter, QUICK)
