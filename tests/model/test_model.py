"""Whatever the network does and in whatever order, every page ends up with what the database holds.

Among the tests it is a short walk, always the same. A long one at random:

    MODEL_EXAMPLES=5000 python -m pytest tests/model/test_model.py --hypothesis-seed=1
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Chat
from tests.model.world import STRICT, world

LONG = int(os.environ.get("MODEL_EXAMPLES", "0"))
WALK = settings(
    max_examples=LONG or 20,
    stateful_step_count=40,
    derandomize=not LONG,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.served,  # by a thread: on PostgreSQL it belongs to those that take a while
    pytest.mark.timeout(0 if LONG else 600),  # when it fails, it takes a while to say why briefly
]


def test_every_page_ends_up_with_what_the_database_holds() -> None:
    with world(**STRICT) as server:
        run_state_machine_as_test(lambda: Chat(server), settings=WALK)
