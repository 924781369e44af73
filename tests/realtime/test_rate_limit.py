"""How much one person may write."""

import pytest

from realtime import rate_limit
from realtime.rate_limit import TokenBuckets
from realtime.wire import RateLimited
from tests.chat.fixtures import Clock
from tests.factories import at_once

ALICE, BOB = 1, 2


pytestmark = pytest.mark.usefixtures("clock")


def spent(buckets: TokenBuckets, user_id: int = ALICE) -> int:
    """Writes until it is refused. Returns how often it was not."""
    for times in range(1_000):
        try:
            buckets.spend(user_id)
        except RateLimited:
            return times
    raise AssertionError("It was never refused.")


def test_a_minute_s_worth_may_be_written_at_once_and_no_more() -> None:
    assert spent(TokenBuckets(per_minute=60)) == 60


def test_one_who_waits_may_write_again(clock: Clock) -> None:
    buckets = TokenBuckets(per_minute=60)
    spent(buckets)
    clock.now += 3
    assert spent(buckets) == 3


def test_waiting_longer_than_a_minute_earns_no_more(clock: Clock) -> None:
    buckets = TokenBuckets(per_minute=60)
    spent(buckets)
    clock.now += 3_600
    assert spent(buckets) == 60


def test_a_refused_attempt_costs_nothing(clock: Clock) -> None:
    buckets = TokenBuckets(per_minute=60)
    spent(buckets)
    for _ in range(4):
        clock.now += 0.25
        refused = spent(buckets) == 0
    assert not refused


def test_everybody_has_a_bucket_of_their_own() -> None:
    buckets = TokenBuckets(per_minute=2)
    spent(buckets, ALICE)
    assert spent(buckets, BOB) == 2


def test_zero_is_no_limit() -> None:
    buckets = TokenBuckets(per_minute=0)
    with pytest.raises(AssertionError):
        spent(buckets)


def test_whoever_wrote_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_BUCKETS", 2)
    buckets = TokenBuckets(per_minute=1)
    for user_id in (ALICE, BOB, 3):
        buckets.spend(user_id)
    assert spent(buckets, BOB) == 0
    assert spent(buckets, ALICE) == 1


def test_threads_at_once_do_not_spend_more_than_there_is() -> None:
    buckets = TokenBuckets(per_minute=100)
    outcomes = at_once(*[lambda: spent(buckets)] * 20)
    assert sum(times for times in outcomes if isinstance(times, int)) == 100


def test_who_was_refused_too_often_is_let_in_again_when_the_bucket_has_filled_up(
    clock: Clock,
) -> None:
    buckets = TokenBuckets(per_minute=60)
    assert buckets.has(ALICE, 30)
    spent(buckets)
    clock.now += 29
    assert not buckets.has(ALICE, 30)
    clock.now += 1
    assert buckets.has(ALICE, 30)
