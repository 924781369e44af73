"""Behind a proxy, people are told apart by the address that the proxy names."""

import pytest
from axes.models import AccessAttempt
from django.conf import settings

from tests.abuse.test_log_in import guess, guess_here
from tests.site import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet", "alice")]

ENVIRONMENT = {"BEHIND_PROXY": "1"}
BY_BOTH = settings.LOGIN_LIMITS[0]


def test_who_is_stopped_is_the_one_who_guesses_and_not_the_proxy(server: Site) -> None:
    for _ in range(BY_BOTH - 1):
        guess_here("alice", "198.51.100.7")
    assert guess(server, "alice", **{"X-Forwarded-For": "198.51.100.7"}) == 429
    assert guess(server, "alice", **{"X-Forwarded-For": "198.51.100.8"}) == 200


def test_an_address_of_ipv6_is_its_network(server: Site) -> None:
    for number in range(BY_BOTH - 1):
        guess_here("alice", f"2001:db8::{number}")
    assert guess(server, "alice", **{"X-Forwarded-For": "2001:db8::ffff"}) == 429
    assert guess(server, "alice", **{"X-Forwarded-For": "2001:db8:0:1::1"}) == 200


def test_who_has_no_address_is_counted_all_the_same(server: Site) -> None:
    for address in ("unknown", "_hidden"):
        assert guess(server, "alice", **{"X-Forwarded-For": address}) == 200
    assert AccessAttempt.objects.get().failures_since_start == 2
