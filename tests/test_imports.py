"""Who knows whom: imports go down only, and never in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

# The four floors, the lowest first. A module imports from its own and from those below.
FLOORS = ("realtime", "chat", "features", "chatsite")


def modules() -> Iterator[tuple[str, Path]]:
    """Every module with something in it; migrations are written by Django."""
    for floor in FLOORS:
        for path in sorted((PROJECT / floor).rglob("*.py")):
            inside = path.relative_to(PROJECT).with_suffix("").parts
            if path.stat().st_size and not {"migrations", "tests"} & {*inside}:
                yield ".".join(part for part in inside if part != "__init__"), path


MODULES = dict(modules())
every_module = pytest.mark.parametrize("module", MODULES)


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def imports(module: str) -> Iterator[str]:
    """The modules that a module imports, by their whole names."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.partition(".")[0] in FLOORS}


def floor(module: str) -> int:
    return FLOORS.index(module.partition(".")[0])


@every_module
def test_a_module_imports_from_its_own_floor_and_those_below(module: str) -> None:
    assert [name for name in ours(module) if floor(name) > floor(module)] == []


def test_the_site_names_no_feature_but_in_its_settings() -> None:
    site = [name for name in MODULES if name.startswith("chatsite.")]
    assert [name for module in site for name in ours(module) if name.startswith("features")] == []


def test_a_feature_knows_another_only_if_its_readme_says_so() -> None:
    known = {
        (module.split(".")[1], name.split(".")[1])
        for module in MODULES
        if floor(module) == FLOORS.index("features")
        for name in ours(module)
        if name.startswith("features.")
    }
    for feature, other in known:
        readme = PROJECT / "features" / feature / "README.md"
        assert feature == other or f"features/{other}" in readme.read_text(), feature


def test_no_imports_go_in_a_circle() -> None:
    TopologicalSorter({name: ours(name) - {name} for name in MODULES}).prepare()


@every_module
def test_nothing_is_imported_inside_a_function(module: str) -> None:
    inside = [
        node.lineno
        for function in ast.walk(tree(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


@pytest.mark.parametrize("module", ["realtime.wire", "chat.protocol"])
def test_the_wire_knows_no_django(module: str) -> None:
    assert [name for name in imports(module) if name.partition(".")[0] == "django"] == []
