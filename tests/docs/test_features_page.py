"""docs/features.md describes every seam there is, and none that is not."""

import ast
import re

import pytest

from tests.site import PROJECT

pytestmark = pytest.mark.once
PAGE = (PROJECT / "docs" / "features.md").read_text()
HEADINGS = "\n".join(re.findall("^### (.*)$", PAGE, re.M))
DESCRIBED = re.findall("`([^`]+)`", HEADINGS)


def found(pattern: str, *files: str) -> set[str]:
    """What a pattern finds in files of the project."""
    paths = [path for file in files for path in PROJECT.glob(file)]
    return {name for path in paths for name in re.findall(pattern, path.read_text())}


def public_names(file: str) -> set[str]:
    """What a module itself gives a name to."""
    names = set()
    for node in ast.parse((PROJECT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {ast.unparse(target) for target in targets}
    return {name for name in names if not name.startswith("_")}


SEAMS = {
    "names": public_names("chat/seams.py"),
    "attributes": found(r"(?m)^    (\w+): .* = ", "chat/seams.py"),  # of a Feature
    "places": found(r'\{% place "([\w.]+)" %\}', "templates/**/*.html"),
    "modules": {
        f"{name}.py"
        for name in found(r'submodule\("(\w+)"\)', "chat/seams.py")
        | found(r'autodiscover_modules\("(\w+)"\)', "realtime/**/*.py")
    },
    "scripts": {
        f"{name}.js" for name in found(r'\{% feature_scripts "(\w+)" %\}', "templates/**/*.html")
    },
    "styles": found(r"(\w+\.css)", "chat/templatetags/modules.py"),
    "actions": found(r"(?m)^def (amend)\(", "chat/actions/messages.py"),
    "jobs": found(r"(?m)^def (job|ask)\(", "realtime/jobs/queue.py"),
}


@pytest.mark.parametrize("kind", SEAMS)
def test_every_seam_is_described(kind: str) -> None:
    assert SEAMS[kind]
    assert SEAMS[kind] - set(DESCRIBED) == set()


def test_nothing_is_described_that_is_no_seam_and_nothing_twice() -> None:
    assert sorted(DESCRIBED) == sorted(set().union(*SEAMS.values()))


def test_each_is_described_in_words() -> None:
    said = re.findall("^### (.*)\n([^#]*)", PAGE, re.M)
    assert [heading for heading, text in said if len(text.split()) < 5] == []
