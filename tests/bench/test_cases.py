"""A smoke test: in every case everything is delivered. How fast is not asked here."""

import shutil
import subprocess
from collections.abc import Iterator

import msgspec
import pytest

from bench.case import Case, Figures, Trial
from bench.cases import CASES, NODE
from bench.goals import GOALS
from bench.servers import PEERS, Server
from tests.plugin import need
from tests.services import Missing

SECONDS = 1.0
MOST = 20  # sockets, people


def trials() -> Iterator[tuple[Case, Server]]:
    """Each case once, and each server once at least."""
    for case in CASES:
        yield case, case.servers[0]
    by_server = {server: case for case in reversed(CASES) for server in case.servers}
    for server, case in by_server.items():
        if server is not case.servers[0]:
            yield case, server


@pytest.fixture(scope="session")
def node_peers(request: pytest.FixtureRequest) -> None:
    npm = shutil.which("npm")
    if not npm:
        need(request, Missing("Node.js with npm"))
    elif not (PEERS / "node_modules").is_dir():
        subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEERS, check=True)


@pytest.mark.parametrize(
    ("case", "server"),
    [
        pytest.param(
            *trial,
            id=f"{trial[0].name}-{trial[1].name}",
            marks=pytest.mark.long if number else (),  # one of them shows that the bench runs
        )
        for number, trial in enumerate(trials())
    ],
)
def test_everything_is_delivered(
    request: pytest.FixtureRequest, case: Case, server: Server
) -> None:
    if server in NODE:
        request.getfixturevalue("node_peers")
    size = case.sizes[:2][-1]
    try:
        figures = case.measure(Trial(server, SECONDS, size, most=MOST))
    except Missing as missing:
        need(request, missing)
    assert figures["lost"] == 0
    assert msgspec.json.decode(msgspec.json.encode(figures), type=Figures) == figures
    assert figures.keys() >= wanted_of(case)


def wanted_of(case: Case) -> set[str]:
    """The figures of a case that docs/performance.md compares with what they should be."""
    readings = [reading for goal in GOALS for reading in (goal.figure, goal.beside) if reading]
    return {reading.figure for reading in readings if reading.case == case.name}
