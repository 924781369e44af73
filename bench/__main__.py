"""Measures this chat beside its peers: `make bench`, or `python -m bench --case talk --runs 1`.

Servers take turns in each run, so that whatever else the machine does meets all of them.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.cases import CASES, Case
from bench.report import Figure
from bench.servers import Server
from tests.services import redis_server


def main() -> None:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="a case, for each server")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", action="append", choices=names, help="only this; repeatable")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    figures: list[Figure] = []
    for case in CASES:
        if not options.case or case.name in options.case:
            figures += take_turns(case, options.runs, options.seconds)
    if options.write:
        report.write(figures, " ".join(["python -m bench", *sys.argv[1:]]))


def take_turns(case: Case, runs: int, seconds: float) -> Iterator[Figure]:
    for run in range(runs):
        for server in case.servers:
            if not server.is_installed:
                print(f"{case.name}: {server.name} is not installed")
                continue
            figure = measure(case, server, run, seconds)
            print(report.line(figure), flush=True)
            yield figure


def measure(case: Case, server: Server, run: int, seconds: float) -> Figure:
    with (
        redis_server() as redis,
        tempfile.TemporaryDirectory(prefix="chat-bench-") as folder,
        server.running(Path(folder), redis) as running,
    ):
        values = case.measure(running, seconds)
    return Figure(case=case.name, server=server.name, run=run, values=values)


if __name__ == "__main__":
    main()
