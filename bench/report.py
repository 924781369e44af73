"""Figures as tables and plots: docs/performance.md."""

import os
import platform
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("svg")

import msgspec
from matplotlib import pyplot
from matplotlib.axes import Axes
from msgspec import Struct

from bench.case import Case, Figures
from bench.cases import OURS
from bench.goals import GOALS, Goal, Reading
from bench.servers import PROJECT, Server
from tests.services import Missing, find

PAGE = PROJECT / "docs" / "performance.md"
RAW = PROJECT / "docs" / "performance.json"
PLOTS = PROJECT / "docs" / "plots"
GENERATED = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- /figures -->)", re.DOTALL)
PACKAGES = ("django", "channels", "daphne", "uvicorn", "channels-redis", "redis", "uvloop")
PROGRAMS = {"Redis": "redis-server", "PostgreSQL": "postgres", "Node": "node"}
COMPARED = ("µs/event", "p99 ms", "events/s", "KB/socket")
BLUE, DARK = "#4a7ba6", "#1c3144"

matplotlib.rcParams["svg.hashsalt"] = "the same figures are the same file"


class Figure(Struct, kw_only=True):
    """What one trial gave."""

    server: str
    run: int
    size: int
    values: Figures | None  # None: the server died of it


class Result(Struct, kw_only=True):
    """What came of a case when it was measured last."""

    command: str
    date: str
    machine: str
    figures: list[Figure]

    def values(self, server: Server, size: int, name: str) -> list[float]:
        """One figure of a server, of each run it survived."""
        return [
            figure.values[name]
            for figure in self.figures
            if (figure.server, figure.size) == (server.name, size)
            and figure.values
            and name in figure.values
        ]

    def tried(self, server: Server) -> bool:
        return any(figure.server == server.name for figure in self.figures)

    @property
    def names(self) -> list[str]:
        return next((list(figure.values) for figure in self.figures if figure.values), [""])


def line(case: Case, figure: Figure) -> str:
    what = f"{case.name} {figure.run + 1}, {figure.server}"
    if case.grows:
        what += f", {figure.size:,} {case.grows}"
    if figure.values is None:
        return f"{what}: died"
    return f"{what}: {', '.join(f'{n} {number(v)}' for n, v in figure.values.items())}"


def number(value: float) -> str:
    """Three digits at least."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write(cases: list[Case], measured: dict[str, list[Figure]], command: str) -> None:
    """Puts figures into the page, and beside it as they are. Cases that were not measured now
    keep what they had."""
    results = msgspec.json.decode(RAW.read_bytes(), type=dict[str, Result])
    for name, figures in measured.items():
        results[name] = Result(
            command=command, date=str(date.today()), machine=machine(), figures=figures
        )
    results = {case.name: results[case.name] for case in cases if case.name in results}
    RAW.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    drawn = [(case, results[case.name]) for case in cases if case.name in results]
    text = "\n".join(
        [about(results), outcome(results), *(section(case, result) for case, result in drawn)]
    )
    PAGE.write_text(GENERATED.sub(lambda _: text, PAGE.read_text()))
    PLOTS.mkdir(exist_ok=True)
    for case, result in drawn:
        draw(case, result)


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = model[1] if model else platform.machine()
    packages = [f"{package} {version(package)}" for package in PACKAGES]
    programs = [f"{product} {found}" for product in PROGRAMS if (found := version_of(product))]
    python = f"Python {platform.python_version()}"
    return ", ".join([f"{os.cpu_count()} x {processor}", python, *packages, *programs])


def version_of(product: str) -> str:
    """Of a program, which may not be there."""
    try:
        command = [find(PROGRAMS[product], product), "--version"]
    except Missing:
        return ""
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    number = re.search(r"\d+(\.\d+)+", said)
    return number[0] if number else said.strip()


def about(results: dict[str, Result]) -> str:
    """What was measured how and when: not always all at once."""
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for name, result in results.items():
        lines[f"`{result.command}`, {result.date}, {result.machine}"].append(name)
    return "".join(f"- {', '.join(names)}: {how}.\n" for how, names in lines.items())


def outcome(results: dict[str, Result]) -> str:
    """What was wanted and what came out, as medians; ratios are medians of those of each run."""
    table = [["", "Daphne", "", "Uvicorn", ""], [":--", "--:", "--:", "--:", "--:"]]
    for goal in GOALS:
        daphne, uvicorn = (
            reached(goal, server, wanted, results)
            for server, wanted in zip(OURS, (goal.daphne, goal.uvicorn), strict=True)
        )
        table.append([goal.what, *daphne, *uvicorn])
    daphne_lost, uvicorn_lost = (lost(server, results) for server in OURS)
    table.append(["lost, in all cases", "0", number(daphne_lost), "0", number(uvicorn_lost)])
    return f"### What was wanted, and what came out\n\n{markdown(table)}\n"


def reached(goal: Goal, server: Server, wanted: str, results: dict[str, Result]) -> list[str]:
    values = readings(goal.figure, server, results)
    if goal.beside:
        theirs = readings(goal.beside, server, results)
        values = [a / b for a, b in zip(values, theirs, strict=False) if b]
    if not wanted or not values:
        return [wanted, ""]
    sign, limit = wanted.split()
    value = median(values)
    met = value <= float(limit) if sign == "≤" else value >= float(limit)
    return [wanted, number(value) if met else f"**{number(value)}**"]


def readings(reading: Reading, server: Server, results: dict[str, Result]) -> list[float]:
    if reading.case not in results or server not in reading.of:
        return []
    return results[reading.case].values(reading.of[server], reading.size, reading.figure)


def lost(server: Server, results: dict[str, Result]) -> float:
    figures = [figure for result in results.values() for figure in result.figures]
    return sum(f.values["lost"] for f in figures if f.server == server.name and f.values)


def markdown(table: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def section(case: Case, result: Result) -> str:
    """A table of medians; in brackets, how they compare to those of a rival, run by run."""
    names = result.names
    head = ["", *([case.grows] if case.grows else []), *names]
    table = [head, [":--", *["--:"] * (len(head) - 1)], *rows(case, result, names)]
    return f"### {case.title}\n\n{markdown(table)}\n\n![{case.title}](plots/{case.name}.svg)\n"


def rows(case: Case, result: Result, names: list[str]) -> Iterator[list[str]]:
    for server in case.servers:
        for size in case.sizes:
            cells = [cell(case, result, server, size, name) for name in names]
            yield [server.name, *([f"{size:,}"] if case.grows else []), *cells]


def cell(case: Case, result: Result, server: Server, size: int, name: str) -> str:
    values = result.values(server, size, name)
    if not values:
        return "died" if result.tried(server) else "not installed"
    text = number(median(values))
    rival = case.rivals.get(server)
    if rival is None or name not in COMPARED:
        return text
    theirs = result.values(rival, size, name)
    ratios = [f"{a / b:.2f}" for a, b in zip(values, theirs, strict=False) if b]
    return f"{text} ({', '.join(ratios)})" if ratios else text


def draw(case: Case, result: Result) -> None:
    names = case.plotted or tuple(result.names[:1])
    servers = [server for server in case.servers if result.tried(server)]
    plot, all_axes = pyplot.subplots(
        1,
        len(names),
        figsize=(min(10, 4 + 3 * len(names)), 3 if case.grows else 0.7 + 0.4 * len(servers)),
        layout="constrained",
        sharey=not case.grows,
        squeeze=False,
    )
    for axes, name in zip(all_axes[0], names, strict=True):
        (draw_lines if case.grows else draw_bars)(axes, case, result, servers, name)
        axes.spines[["top", "right"]].set_visible(False)
    plot.suptitle(case.title, x=0.01, ha="left", fontsize=10)
    plot.savefig(PLOTS / f"{case.name}.svg", metadata={"Date": None})
    pyplot.close(plot)


def draw_bars(axes: Axes, case: Case, result: Result, servers: list[Server], name: str) -> None:
    """A bar a server, a dot a run."""
    for place, server in enumerate(reversed(servers)):
        values = result.values(server, case.sizes[0], name)
        axes.barh(place, median(values or [0]), color=BLUE)
        axes.plot(values, [place] * len(values), "o", color=DARK, markersize=3)
    axes.set_yticks(range(len(servers)), [server.name for server in reversed(servers)])
    axes.set_xlabel(name)


def draw_lines(axes: Axes, case: Case, result: Result, servers: list[Server], name: str) -> None:
    """A line a server, as something grows."""
    for server in servers:
        values = {size: result.values(server, size, name) for size in case.sizes}
        medians = {size: median(each) for size, each in values.items() if each}
        axes.plot(list(medians), list(medians.values()), "o-", markersize=3, label=server.name)
    axes.set_xscale("log")
    axes.set_xticks(case.sizes, [f"{size:,}" for size in case.sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(case.grows)
    axes.set_ylabel(name)
    axes.legend(frameon=False, fontsize=8)
