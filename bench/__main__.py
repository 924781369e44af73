"""Measures this chat beside its peers: `make bench`, or `python -m bench --case talk --runs 1`.

Servers take turns in each run, so that whatever else the machine does meets all of them.
"""

import argparse
import resource
import sys
from collections.abc import Iterator

from bench import report
from bench.case import Case, Died, Trial
from bench.cases import CASES
from bench.report import Figure


def main() -> None:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, help="of each trial; else as its case has it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", action="append", choices=names, help="only this; repeatable")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    allow_many_sockets()
    measured: dict[str, list[Figure]] = {}
    for case in CASES:
        if not options.case or case.name in options.case:
            seconds = options.seconds or case.seconds
            measured[case.name] = list(take_turns(case, options.runs, seconds))
    if options.write:
        report.write(CASES, measured, " ".join(["python -m bench", *sys.argv[1:]]))


def allow_many_sockets() -> None:
    """To this process and to the servers it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def take_turns(case: Case, runs: int, seconds: float) -> Iterator[Figure]:
    servers = [server for server in case.servers if server.is_installed]
    for server in case.servers:
        if server not in servers:
            print(f"{case.name}: {server.name} is not installed")
    for run in range(runs):
        for size in case.sizes:
            for server in servers:
                figure = measure(case, Trial(server, seconds, size), run)
                print(report.line(case, figure), flush=True)
                yield figure


def measure(case: Case, trial: Trial, run: int) -> Figure:
    try:
        values = case.measure(trial)
    except Died:
        values = None
    return Figure(server=trial.server.name, run=run, size=trial.size, values=values)


if __name__ == "__main__":
    main()
