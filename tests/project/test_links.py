"""What a document of this project links to is there."""

import re
from pathlib import Path

import pytest

from tests.site import PROJECT

pytestmark = pytest.mark.once
DOCUMENTS = sorted(
    [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob(".github/*.md")]
)
OF_FEATURES = sorted(PROJECT.glob("features/*/README.md"))


def name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def links(path: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", path.read_text())


@pytest.mark.parametrize("path", [*DOCUMENTS, *OF_FEATURES], ids=name)
def test_no_link_leads_nowhere(path: Path) -> None:
    assert [link for link in links(path) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_no_document_needs_a_feature(path: Path) -> None:
    """Each can be deleted: another page may name a file of it in code, but neither links to it, nor
    quotes it, nor names a test of it as proof."""
    linked = [link for link in links(path) if re.search(r"(^|/)features/\w+", link)]
    quoted = re.findall(
        r"^`{3,}\w+ file=features/\S+|`features/\w+/tests/\S+::\w+`", path.read_text(), re.M
    )
    assert linked + quoted == []
