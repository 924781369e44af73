"""Nothing is lost when servers are killed under a chat in use. `make chaos` does it for longer."""

import asyncio

import pytest

from tests.chaos.drill import Plan, Report, drill
from tests.chaos.faults import FAULTS
from tests.plugin import need
from tests.services import Missing

SELECTION = (
    "redis_killed",
    "postgres_killed",
    "webs_rolled",
    "hints_lost",
    "cut_before_ok",
    "member_removed",
)

# The time is for all of it, on a machine that is busy.
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Report:
    """One drill, with a row for each of these faults."""
    try:
        return asyncio.run(drill(Plan([FAULTS[name] for name in SELECTION], clients=6)))
    except Missing as missing:
        need(request, missing)
        raise


@pytest.mark.parametrize("place", range(len(SELECTION)), ids=SELECTION)
def test_all_hold_what_the_database_holds_and_what_was_acknowledged(
    report: Report, place: int
) -> None:
    row = report.rows[place]
    assert row.acknowledged > 0
    assert (row.lost, row.doubled, row.leaked, row.wrong) == (0, 0, 0, 0), report.failures


def test_no_server_complains_or_grows(report: Report) -> None:
    assert not report.failures
