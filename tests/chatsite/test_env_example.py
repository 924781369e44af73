""".env.example explains every setting, no other, and tells its default."""

import ast
import os
import re
from typing import Any
from unittest.mock import patch

import environ
import pytest

from tests.site import PROJECT

LINE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
IN_COMPOSE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::?[-?+]([^${}]*))?")  # ${NAME}, ${NAME:-default}
IN_CADDYFILE = re.compile(r"\{\$([A-Z][A-Z0-9_]*)|\{env\.([A-Z][A-Z0-9_]*)\}")
IN_SCRIPT = re.compile(r"\$\{?(?!PG)([A-Z][A-Z0-9_]*)")  # those of psql are not ours
GIVEN_IN_COMPOSE = re.compile(r"^\s+([A-Z][A-Z0-9_]*): ", re.MULTILINE)

# The site's, and what a feature reads and explains itself.
EXAMPLES = [PROJECT / ".env.example", *sorted(PROJECT.glob("features/*/.env.example"))]
EXAMPLE = "\n".join(path.read_text() for path in EXAMPLES)
EXPLAINED = dict(LINE.findall(EXAMPLE))
SETTINGS = ast.Module(
    [
        statement
        for path in [PROJECT / "chatsite/settings.py", *sorted(PROJECT.glob("features/*/conf.py"))]
        for statement in ast.parse(path.read_text()).body
    ],
    type_ignores=[],
)


def literal(node: ast.expr) -> Any:
    """The value that stands there. Raises ValueError for one that has to be computed."""
    if isinstance(node, ast.Name):
        for each in SETTINGS.body:
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id:
                return ast.literal_eval(each.value)
    return ast.literal_eval(node)


class Call:
    """A call such as `env.int("ASGI_THREADS", default=16)`."""

    def __init__(self, node: ast.Call, cast: str) -> None:
        self.cast = cast
        self.name: str = ast.literal_eval(node.args[0])
        self.options = {word.arg: word.value for word in node.keywords}

    @property
    def default(self) -> Any:
        """None if there is none, or another one elsewhere."""
        try:
            return literal(self.options["default"])
        except (KeyError, ValueError):
            return None

    def value_of(self, text: str) -> Any:
        """What the site makes of this text."""
        options = {"cast": int} if "cast" in self.options else {}
        with patch.dict(os.environ, {self.name: text}):
            return getattr(environ.Env(), self.cast)(self.name, **options)


def calls_of_env() -> list[Call]:
    return [
        Call(node, node.func.attr)
        for node in ast.walk(SETTINGS)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


SITE = {call.name: call for call in calls_of_env()}


def text_of(*patterns: str) -> str:
    paths = {path for pattern in patterns for path in PROJECT.glob(pattern) if path.is_file()}
    return "\n".join(path.read_text() for path in sorted(paths))


COMPOSE = text_of("*compose*.yml", "*compose*.yaml", "deploy/**/*.yml", "deploy/**/*.yaml")
GIVEN = set(GIVEN_IN_COMPOSE.findall(COMPOSE))  # to a container, by a compose file


def names(pattern: re.Pattern[str], text: str) -> set[str]:
    return {next(filter(None, match.groups())) for match in pattern.finditer(text)}


DEPLOYMENT = {
    "the compose files": names(IN_COMPOSE, COMPOSE),
    "a Caddyfile": names(IN_CADDYFILE, text_of("deploy/**/*Caddyfile*")) - GIVEN,
    "a script": names(IN_SCRIPT, text_of("deploy/**/*.sh")) - GIVEN,
}


def test_there_is_something_to_explain() -> None:
    """Or these patterns find nothing any more."""
    assert {"SECRET_KEY", "LOGIN_LIMITS", "LOG_LEVEL", "STATIC_ROOT"} <= SITE.keys()
    assert {"DOMAIN", "PORT", "BIND"} <= DEPLOYMENT["the compose files"]
    assert "SITE_ADDRESS" in GIVEN


def test_every_setting_that_the_site_reads_is_explained() -> None:
    assert SITE.keys() - EXPLAINED.keys() == set()


@pytest.mark.parametrize("where", DEPLOYMENT)
def test_every_setting_that_the_deployment_reads_is_explained(where: str) -> None:
    assert DEPLOYMENT[where] - EXPLAINED.keys() == set()


def test_nothing_is_explained_that_is_not_read() -> None:
    assert EXPLAINED.keys() - SITE.keys() - set().union(*DEPLOYMENT.values()) == set()


def test_nothing_is_explained_twice() -> None:
    said = [name for name, _ in LINE.findall(EXAMPLE)]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", EXPLAINED)
def test_above_it_stands_what_it_means(name: str) -> None:
    lines = EXAMPLE.splitlines()
    place = next(n for n, line in enumerate(lines) if LINE.match(line) and name in line)
    while LINE.match(lines[place]):  # those that are explained together
        place -= 1
    assert lines[place].startswith("# ")


@pytest.mark.parametrize("name", SITE)
def test_behind_it_stands_the_default_of_the_code(name: str) -> None:
    call, text = SITE[name], EXPLAINED[name]
    if call.default:
        assert call.value_of(text) == call.default
    else:
        assert text == ("false" if call.default is False else "")


@pytest.mark.parametrize("name", sorted(EXPLAINED.keys() - SITE.keys()))
def test_or_that_of_the_compose_files(name: str) -> None:
    assert EXPLAINED[name] in {default for it, default in IN_COMPOSE.findall(COMPOSE) if it == name}


def test_what_a_compose_file_gives_to_the_site_is_one_of_its_settings() -> None:
    """A misspelt one would do nothing."""
    web = re.search(r"^x-web:.*?^services:", COMPOSE, re.MULTILINE | re.DOTALL)
    assert web
    given = {name.removesuffix("_FILE") for name in GIVEN_IN_COMPOSE.findall(web.group())}
    assert given - SITE.keys() == set()
    assert "SECRET_KEY" in given


def test_no_module_but_the_settings_reads_the_environment() -> None:
    """Else there would be settings that nobody finds."""
    reads = re.compile(r"os\.environ(?!\.setdefault\(\"DJANGO_SETTINGS_MODULE\")|getenv")
    packages = ("realtime", "chat", "features", "chatsite")
    modules = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    product = [path for path in modules if "tests" not in path.parts[len(PROJECT.parts) :]]
    assert [path.name for path in product if reads.search(path.read_text())] == []
