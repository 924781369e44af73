"""Who knows whom: imports go one way only, and every module has its tests."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
HOUSE = ("chat", "chatsite", "lab")

# What each module may import of the house; of others whatever it likes, but for NETWORK.
MAY_IMPORT = {
    # what there is, and how it is said
    "chat.protocol": "",
    "chat.metrics": "chat.protocol",
    "chat.models": "chat.protocol",
    "chat.serializers": "chat.models chat.protocol",
    "chat.queries": "chat.metrics chat.serializers chat.models chat.protocol",
    "chat.markdown": "",
    "chat.rate_limit": "chat.protocol",
    "chat.outage": "",
    "chat.seams": "chat.models chat.protocol",
    # how it reaches everybody
    "chat.sequence": "chat.metrics",
    "chat.presence": "chat.protocol",
    "chat.socket": "chat.protocol",
    "chat.inbox": "",
    "chat.relay": "chat.socket chat.sequence chat.presence chat.metrics chat.protocol",
    "chat.fanout": "chat.relay chat.socket chat.presence chat.metrics chat.protocol",
    # what is done
    "chat.group_commit": "",
    "chat.actions.waking": "chat.fanout",
    "chat.actions.exports": "chat.queries chat.rate_limit chat.fanout chat.models",
    "chat.actions.messages": "chat.actions.waking chat.queries chat.serializers chat.markdown"
    " chat.rate_limit chat.seams chat.group_commit chat.fanout chat.models chat.protocol",
    "chat.actions.rooms": "chat.actions.waking chat.queries chat.rate_limit chat.fanout chat.models"
    " chat.protocol",
    "chat.actions.people": "chat.actions.rooms chat.actions.waking"
    " chat.queries chat.rate_limit chat.models chat.protocol",
    "chat.actions.staff": "chat.actions.messages chat.actions.people chat.actions.rooms"
    " chat.actions.waking"
    " chat.models chat.protocol",
    "chat.actions": "chat.actions.exports chat.actions.messages chat.actions.people"
    " chat.actions.rooms chat.actions.staff",
    # who asks for it
    "chat.open_socket": "chat.fanout chat.socket chat.inbox chat.rate_limit"
    " chat.metrics chat.models chat.outage chat.protocol",
    "chat.consumers": "chat.open_socket chat.actions chat.queries chat.serializers chat.fanout"
    " chat.metrics chat.models chat.protocol",
    "chat.exports": "chat.models chat.outage",
    "chat.worker": "chat.exports chat.open_socket",
    "chat.routing": "chat.consumers chat.worker",
    "chat.forms": "chat.models",
    "chat.views": "chat.forms chat.actions chat.queries chat.serializers chat.presence chat.models"
    " chat.outage chat.protocol",
    "chat.urls": "chat.views",
    "chat.admin": "chat.actions chat.models chat.protocol",
    "chat.middleware": "chat.metrics chat.outage chat.protocol",
    "chat.management.commands.demo": "chat.actions chat.markdown chat.models",
    "chat.management.commands.runworker": "chat.worker",
    "chat.management.commands.setup_link": "chat.actions chat.models",
    "chat.templatetags.icons": "",
    "chat.templatetags.modules": "",
    "chat.templatetags.site": "",
    "chat.apps": "",
    # the site, which knows nothing of chat but where it begins
    "chatsite.settings": "",
    "chatsite.orm_threads": "",
    "chatsite.logins": "",
    "chatsite.request_id": "",
    "chatsite.logs": "chatsite.request_id",
    "chatsite.sessions": "",
    "chatsite.admin_site": "",
    "chatsite.apps": "",
    "chatsite.health": "chatsite.logs",
    "chatsite.metrics": "chatsite.orm_threads",
    "chatsite.channel_layer": "chatsite.metrics",
    "chatsite.unavailable": "chatsite.health chatsite.logs chatsite.metrics",
    "chatsite.server": "chatsite.health chatsite.unavailable",
    "chatsite.urls": "chatsite.health",
    "chatsite.asgi": "chatsite.metrics chatsite.orm_threads chatsite.request_id"
    " chatsite.unavailable chat.routing chat.worker lab.routing",
    # the lab, which knows the chat and is not known to it
    "lab.protocol": "chat.protocol",
    "lab.connections": "",
    "lab.access": "chat.models",
    "lab.measuring": "lab.connections lab.protocol chat.models",
    "lab.threads": "",
    "lab.lab_socket": "lab.access lab.measuring lab.protocol"
    " chat.open_socket chat.rate_limit chat.protocol",
    "lab.consumers": "lab.lab_socket lab.measuring lab.protocol"
    " chat.models chat.outage chat.protocol",
    "lab.routing": "lab.consumers lab.threads",
    "lab.actions": "lab.access lab.lab_socket lab.measuring chat.fanout chat.models chat.protocol",
    "lab.views": "lab.actions lab.lab_socket lab.measuring lab.protocol chat.views",
    "lab.urls": "lab.views",
    "lab.templatetags.lab": "lab.access chat.models",
    "lab.apps": "lab.connections",
}

NETWORK = ("channels", "asgiref")
KNOWS_THE_NETWORK = {
    "chat.consumers",
    "chat.fanout",
    "chat.management.commands.runworker",
    "chat.open_socket",
    "chat.routing",
    "chat.worker",
    "chatsite.asgi",
    "chatsite.channel_layer",
    "chatsite.orm_threads",
    "lab.actions",
    "lab.consumers",
    "lab.threads",
}

# Where a module is tested that has no test module of its own name.
TESTED_BY = {
    "chat.open_socket": "tests/chat/test_consumers.py",
    "chat.routing": "tests/chat/test_consumers.py",
    "chat.forms": "tests/chat/test_views.py",  # filled in on their pages
    "chat.urls": "tests/chat/test_views.py",
    "chat.management.commands.runworker": "tests/chat/test_worker.py",
    "chat.middleware": "tests/chat/test_views.py",
    "chat.templatetags.icons": "tests/chat/test_views.py",
    "chat.templatetags.modules": "tests/chat/test_views.py",
    "chat.templatetags.site": "tests/chat/test_views.py",
    "chat.actions": "tests/chat/test_actions_messages.py",  # a list of names
    "chat.apps": "tests/chat/test_models.py",  # only names the app
    "chatsite.asgi": "tests/chat/test_consumers.py",
    "chatsite.admin_site": "tests/chat/test_admin.py",
    "chatsite.apps": "tests/chat/test_admin.py",
    "chatsite.urls": "tests/chat/test_views.py",
    "chatsite.sessions": "tests/abuse/test_cookies.py",
    "lab.access": "tests/lab/test_views.py",
    "lab.apps": "tests/lab/test_connections.py",
    "lab.lab_socket": "tests/lab/test_consumers.py",
    "lab.routing": "tests/lab/test_consumers.py",
    "lab.templatetags.lab": "tests/lab/test_views.py",
    "lab.urls": "tests/lab/test_views.py",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module with something in it; migrations are written by Django."""
    for package in HOUSE:
        for path in sorted((PROJECT / package).rglob("*.py")):
            if path.stat().st_size and path.parent.name != "migrations":
                parts = path.relative_to(PROJECT).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__"), path


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


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@every_module
def test_a_module_imports_only_what_it_may(module: str) -> None:
    of_the_house = {name for name in imports(module) if within(name, HOUSE)}
    assert of_the_house <= set(MAY_IMPORT[module].split())


def test_what_may_be_imported_goes_one_way_only() -> None:
    TopologicalSorter({name: may.split() for name, may in MAY_IMPORT.items()}).prepare()


def test_no_module_is_listed_that_is_not_there() -> None:
    assert MAY_IMPORT.keys() | KNOWS_THE_NETWORK | TESTED_BY.keys() <= MODULES.keys()


@every_module
def test_few_know_the_network(module: str) -> None:
    known = [name for name in imports(module) if within(name, NETWORK)]
    assert known == [] or module in KNOWS_THE_NETWORK


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, ("chat",))])
def test_chat_knows_neither_the_site_it_is_in_nor_the_lab(module: str) -> None:
    assert [name for name in imports(module) if within(name, ("chatsite", "lab"))] == []


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


def test_the_wire_knows_no_django() -> None:
    assert [name for name in imports("chat.protocol") if within(name, ("django",))] == []


@every_module
def test_every_module_has_its_test_module(module: str) -> None:
    if module in TESTED_BY:
        assert (PROJECT / TESTED_BY[module]).exists()
        return
    package, _, name = module.partition(".")
    name = name.removeprefix("management.commands.").replace(".", "_")
    assert list((PROJECT / "tests" / package).glob(f"test_{name}*.py"))
