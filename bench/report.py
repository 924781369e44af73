"""Figures as tables and plots: docs/performance.md."""

import platform
import re
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("svg")

import msgspec
from matplotlib import pyplot
from msgspec import Struct

from bench.cases import CASES, Case
from bench.servers import PROJECT

PAGE = PROJECT / "docs" / "performance.md"
RAW = PROJECT / "docs" / "performance.json"
PLOTS = PROJECT / "docs" / "plots"
GENERATED = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- /figures -->)", re.DOTALL)
PACKAGES = ("django", "channels", "daphne", "uvicorn", "channels-redis", "redis", "uvloop")


class Figure(Struct, kw_only=True):
    """What one run of a case gave for one server."""

    case: str
    server: str
    run: int
    values: dict[str, float]


def line(figure: Figure) -> str:
    values = ", ".join(f"{name} {number(value)}" for name, value in figure.values.items())
    return f"{figure.case} {figure.run + 1}, {figure.server}: {values}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def write(figures: list[Figure], command: str) -> None:
    """Puts the figures into the page, and beside it as they are."""
    RAW.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
    text = "\n".join([about(command), *(section(case, figures) for case in CASES)])
    PAGE.write_text(GENERATED.sub(lambda _: text, PAGE.read_text()))
    draw(figures)


def about(command: str) -> str:
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"`{command}`, {date.today()}, {model[1] if model else platform.machine()}, "
        f"Python {platform.python_version()}, {versions}.\n"
    )


def section(case: Case, figures: Iterable[Figure]) -> str:
    """A table of medians, a row a server; in brackets, how they compare to Socket.IO's or else to
    those of the last server, run by run."""
    mine = [figure for figure in figures if figure.case == case.name]
    if not mine:
        return ""
    servers = [server.name for server in case.servers]
    peer = "Socket.IO" if "Socket.IO" in servers else servers[-1]
    names = list(mine[0].values)
    rows = [[server, *(cell(mine, server, peer, name) for name in names)] for server in servers]
    head = [["", *names], [":--", *["--:"] * len(names)]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows])
    return f"### {case.title}\n\n{table}\n\n![{case.title}](plots/{case.name}.svg)\n"


def cell(figures: list[Figure], server: str, peer: str, name: str) -> str:
    values = runs(figures, server, name)
    if not values:
        return "not installed"
    text = number(median(values))
    if server == peer or name not in COMPARED:
        return text
    ratios = [
        f"{value / theirs:.2f}"
        for value, theirs in zip(values, runs(figures, peer, name), strict=False)
        if theirs
    ]
    return f"{text} ({', '.join(ratios)})"


COMPARED = ("µs/event", "p99 ms", "events/s")


def runs(figures: Iterable[Figure], server: str, name: str) -> list[float]:
    return [figure.values[name] for figure in figures if figure.server == server]


def draw(figures: list[Figure]) -> None:
    """For each case its first figure: a bar a server, a dot a run."""
    PLOTS.mkdir(exist_ok=True)
    for case in CASES:
        mine = [figure for figure in figures if figure.case == case.name]
        if not mine:
            continue
        servers = list(dict.fromkeys(figure.server for figure in mine))
        name = next(iter(mine[0].values))
        plot, axes = pyplot.subplots(figsize=(7, 0.5 + 0.4 * len(servers)), layout="constrained")
        for place, server in enumerate(reversed(servers)):
            values = runs(mine, server, name)
            axes.barh(place, median(values), color="#4a7ba6")
            axes.plot(values, [place] * len(values), "o", color="#1c3144", markersize=3)
        axes.set_yticks(range(len(servers)), reversed(servers))
        axes.set_xlabel(name)
        axes.set_title(case.title, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        plot.savefig(PLOTS / f"{case.name}.svg", metadata={"Date": None})
        pyplot.close(plot)
