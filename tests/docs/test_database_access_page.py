"""docs/database-access.md and its tests belong together, row by row."""

import re
from collections import defaultdict

import pytest

from tests.docs import test_database_access, test_database_access_hazards
from tests.docs.page import says, sections, versions
from tests.site import PROJECT


def shown() -> dict[str, set[str]]:
    """The tests of each sentence."""
    tests = defaultdict(set)
    both = vars(test_database_access) | vars(test_database_access_hazards)
    for name, test in both.items():
        if name.startswith("test_"):
            assert hasattr(test, "says"), f"{name} shows no sentence"
            tests[test.says].add(name)
    return dict(tests)


def test_each_sentence_names_its_tests_and_each_test_has_its_sentence() -> None:
    assert shown() == {anchor: section.tests for anchor, section in sections().items()}


def test_a_test_that_fails_quotes_its_sentence() -> None:
    @says("synchronous-orm")
    def fails() -> None:
        raise AssertionError

    with pytest.raises(AssertionError) as failure:
        fails()
    assert "The Django ORM is a synchronous piece of code" in "".join(failure.value.__notes__)


def test_the_document_is_about_the_versions_that_are_pinned() -> None:
    pins = (PROJECT / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w-]+)(?:\[.+\])?==([\d.]+)", pins, re.MULTILINE))
    spoken_of = versions()
    assert spoken_of.keys() == {
        "channels",
        "asgiref",
        "django",
        "daphne",
        "psycopg",
        "psycopg-pool",
    }
    assert spoken_of == {name: pinned[name] for name in spoken_of}
