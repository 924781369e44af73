"""Kills servers under a chat in use, and shows that nothing is lost.

python -m tests.chaos --seconds 300 --seed 1

Each fault strikes once, and after each of them everybody falls silent and is compared with the
database. For the rest of the time faults strike at random, among servers and among people at the
same time. The columns of the table:

acknowledged  what people did and were told is done
lost          what somebody does not hold, or only in an older version; and what was acknowledged
              and is not so
doubled       what somebody holds and the database does not, or holds twice
leaked        what somebody was told of a room after having been removed from it
wrong         anything else: an order that is not that of the room, events no right server sends,
              a connection closed without a reason, a person who does not heal
heals         the time from the end of a fault until a person is connected, holds all that had been
              committed by then, and has an answer to all that was said by then; it is looked at
              after a tenth of a second at the earliest

Exits with 1 if any number is not zero, if a web process logged a traceback, or if it grew.
"""

import argparse
import asyncio
import signal
import sys
from math import ceil
from pathlib import Path

from tests.chaos.drill import Plan, Report, Row, drill
from tests.chaos.faults import FAULTS
from tests.services import Missing

COLUMNS = ("struck", "acknowledged", "lost", "doubled", "leaked", "wrong", "heals p50", "p99")


def parse(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(
        "python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--web", type=int, default=2, help="processes")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this; repeatable")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the servers' logs")
    options = parser.parse_args(arguments)
    faults = [FAULTS[name] for name in options.fault or FAULTS]
    return Plan(
        faults=faults,
        seconds=options.seconds,
        seed=options.seed,
        clients=options.clients,
        webs=options.web,
        logs=options.logs,
    )


def table(report: Report) -> str:
    """In Markdown."""
    rows = [("fault", *COLUMNS), (":--", *["--:"] * len(COLUMNS)), *map(cells, report.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(line(row, widths) for row in rows)


def line(row: tuple[str, ...], widths: list[int]) -> str:
    padded = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    padded[0] = row[0].ljust(widths[0])
    return f"| {' | '.join(padded)} |"


def cells(row: Row) -> tuple[str, ...]:
    counts = row.strikes, row.acknowledged, row.lost, row.doubled, row.leaked, row.wrong
    return (row.name, *map(str, counts), seconds(row.heals, 0.5), seconds(row.heals, 0.99))


def seconds(times: list[float], quantile: float) -> str:
    """The time within which so many of them fell."""
    if not times:
        return "-"
    return f"{sorted(times)[ceil(quantile * len(times)) - 1]:.1f} s"


async def carry_out(plan: Plan) -> Report:
    running = asyncio.current_task()
    assert running
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    return await drill(plan)


def main(arguments: list[str]) -> int:
    plan = parse(arguments)
    try:
        report = asyncio.run(carry_out(plan))
    except asyncio.CancelledError:
        return 130
    except Missing as missing:
        print(f"This machine lacks it: {missing}", file=sys.stderr)
        return 1
    print(table(report))
    print(f"The web process that grew most grew by {report.growth} MB.")
    if report.failures:
        print(f"\nSeed {plan.seed}:", *report.failures, sep="\n", file=sys.stderr)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
