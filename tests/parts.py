"""Runs the tests part by part, and says at the end how each went and what this machine lacks.

python -m tests.parts test             # what a change needs
python -m tests.parts rest             # everything else
python -m tests.parts sqlite browser   # some parts
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services import noted

PYTHON = sys.executable
WORKERS = os.environ.get("WORKERS") or str(min(4, (os.cpu_count() or 1) + 1))  # they wait a lot
NEWEST = ".venv/newest/bin/python"  # `make` installs it
EACH_DATABASE = "database and not (once or long or browser)"
ON_POSTGRES = (PYTHON, "-m", "tests.services", "postgres", "--")


@dataclass(frozen=True)
class Part:
    """Some of the tests, and how they run. The minutes are those of a machine with two cores."""

    title: str
    minutes: float
    marked: str
    before: tuple[str, ...] = ()
    python: str = PYTHON
    at_once: bool = True
    by_file: bool = False  # the tests of a file one after another, as the tutorial's chapters

    def command(self) -> list[str]:
        how = "loadfile" if self.by_file else "worksteal"
        spread = ["-n", WORKERS, "--dist", how] if self.at_once else []
        return [*self.before, self.python, "-m", "pytest", "-m", self.marked, *spread]


PARTS = {
    "sqlite": Part("on SQLite", 3.5, "not long"),
    "postgres": Part("on PostgreSQL", 1, f"{EACH_DATABASE} and not served", ON_POSTGRES),
    "served": Part("on PostgreSQL: servers", 3, f"{EACH_DATABASE} and served", ON_POSTGRES),
    "servers": Part("long ones: servers", 8, "long and not (browser or compose)"),
    "browser": Part("long ones: a browser", 6, "long and browser and not compose", by_file=True),
    "compose": Part("long ones: Docker Compose", 8, "long and compose", at_once=False),
    "newest": Part("on the newest Django", 3, "not (once or long or browser)", python=NEWEST),
}
GROUPS = {
    "test": ("sqlite", "postgres"),
    "rest": ("served", "servers", "browser", "compose", "newest"),
}


def chosen(names: list[str]) -> Iterator[Part]:
    for name in names:
        for part in GROUPS.get(name, (name,)):
            yield PARTS[part]


def main(names: list[str]) -> int:
    parts = list(chosen(names))
    minutes = sum(part.minutes for part in parts)
    print(
        f"About {minutes:g} minutes on two cores: {', '.join(p.title for p in parts)}", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="chat-tests-") as folder:
        lacking = Path(folder) / "lacking"
        lacking.touch()
        os.environ["LACKING"] = str(lacking)
        results = [run(part, named=part in map(PARTS.get, names)) for part in parts]
        missing = sorted(set(lacking.read_text().splitlines()))
    print()
    for part, (status, seconds) in zip(parts, results, strict=True):
        print(f"{'FAILED' if status else 'passed'} in {seconds:4.0f} s: {part.title}")
    for name in missing:
        print(f"Not tested, this machine lacks it: {name}")
    return int(any(status for status, _ in results))


def run(part: Part, named: bool) -> tuple[int, float]:
    """The exit status, and how many seconds it took. Debian has no newer Python: only who asks for
    that part by its name wants to fail without."""
    print(f"\n--- {part.title}", flush=True)
    began = time.monotonic()
    if part.python == NEWEST and not Path(NEWEST).exists():
        noted("Python 3.13, for the newest Django")
        status = int(bool(os.environ.get("CI")) and named)
    else:
        status = subprocess.run(part.command()).returncode
    return status, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
