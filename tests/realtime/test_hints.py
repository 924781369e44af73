"""Waking the consumers of a user: on commit, and not if it is rolled back."""

import pytest
from django.db import transaction

from realtime.hints import wake
from tests.factories import Interrupted, listening

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_user_is_woken_with_what_happened() -> None:
    with listening() as heard:
        wake(7, "user.read", room=1, position=2)
    assert heard.woken == [(7, {"type": "user.read", "room": 1, "position": 2})]


def test_nobody_is_woken_before_the_commit() -> None:
    with listening() as heard:
        with transaction.atomic():
            wake(7, "user.session")
            assert heard.nothing
        assert heard.woken == [(7, {"type": "user.session"})]


def test_nobody_is_woken_by_what_is_rolled_back() -> None:
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        wake(7, "user.session")
        raise Interrupted
    assert heard.nothing
