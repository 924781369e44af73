"""Who else is in these tests, and where. A test file may have its own garden."""

import pytest

from chat.models import Room, User
from tests.factories import person, room


@pytest.fixture
def carol() -> User:
    return person("carol")


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    """Alice's open room, with Bob in it."""
    return room(alice, bob)
