"""The page of figures."""

from pathlib import Path

import pytest

from bench import report
from bench.cases import CASES, OURS
from bench.goals import GOALS
from bench.report import Figure


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(report, "RAW", tmp_path / "performance.json")
    monkeypatch.setattr(report, "PLOTS", tmp_path / "plots")
    report.RAW.write_text("{}")
    report.PAGE.write_text("before\n<!-- figures -->\n<!-- /figures -->\nafter\n")
    return report.PAGE


def write(name: str, value: float | None) -> None:
    """As if the first server of a case had been measured once."""
    case = next(case for case in CASES if case.name == name)
    values = None if value is None else {"µs/event": value, "lost": 0.0}
    figure = Figure(server=case.servers[0].name, run=0, size=case.sizes[0], values=values)
    report.write(CASES, {name: [figure]}, "a command")


def test_the_figures_of_cases_that_are_not_measured_again_stay(page: Path) -> None:
    write("quiet", 12.5)
    write("members", 34.5)
    write("members", 56.5)
    text = page.read_text()
    assert "| 12.5 | 0 |" in text
    assert "| 56.5 | 0 |" in text
    assert "34.5" not in text
    assert text.startswith("before\n") and text.endswith("after\n")


def test_what_was_wanted_stands_beside_what_came_out(page: Path) -> None:
    slow, ours = next(case for case in CASES if case.name == "slow"), OURS[0].name
    runs = [
        {"p99 ms": p99, "p99 ms before": 10.0, "all done s": 1.5, "lost": 0} for p99 in (9, 15, 99)
    ]
    figures = [Figure(server=ours, run=n, size=0, values=values) for n, values in enumerate(runs)]
    report.write(CASES, {slow.name: figures}, "a command")
    text = page.read_text()
    assert "| eight handlers of a second, s | ≤ 1.2 | **1.50** | ≤ 1.2 |  |" in text
    assert "| p99 of the others meanwhile : before | ≤ 2 | 1.50 | ≤ 2 |  |" in text


def test_what_is_wanted_is_measured() -> None:
    cases = {case.name: case for case in CASES}
    for goal in GOALS:
        for reading in filter(None, (goal.figure, goal.beside)):
            case = cases[reading.case]
            assert reading.size in case.sizes
            wanted = zip(OURS, (goal.daphne, goal.uvicorn), strict=True)
            assert {reading.of[server] for server, limit in wanted if limit} <= set(case.servers)


def test_a_server_that_died_says_so(page: Path) -> None:
    write("busy", None)
    assert "| died |" in page.read_text()
    assert (report.PLOTS / "busy.svg").exists()
