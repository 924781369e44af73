"""The people of these tests. A test file may have its own garden."""

import pytest

from chat.models import Room, User
from tests.factories import person, room


@pytest.fixture
def alice() -> User:
    return person("alice")


@pytest.fixture
def bob() -> User:
    return person("bob")


@pytest.fixture
def carol() -> User:
    return person("carol")


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    """Alice's open room, with Bob in it."""
    return room(alice, bob)
