"""docs/where.md points at what is there, and leaves no topic of Channels out."""

import pytest

from tests.docs.where import DOCUMENT, PLACE, Unknown, lines_of, rewritten

# The pages of https://channels.readthedocs.io/en/stable/, and the sections of its larger ones.
TOPICS = {
    "Introduction",
    "Installation",
    "Tutorial, part 1: basic setup",
    "Tutorial, part 2: a chat server",
    "Tutorial, part 3: asynchronous",
    "Tutorial, part 4: automated testing",
    "Consumers: sync",
    "Consumers: async",
    "Consumers: generic, JSON",
    "Consumers: closing",
    "Consumers: channel layers",
    "Consumers: scope",
    "Routing: ProtocolTypeRouter",
    "Routing: URLRouter",
    "Routing: ChannelNameRouter",
    "Database access: connections",
    "Database access: database_sync_to_async, called",
    "Database access: database_sync_to_async, as a decorator",
    "Database access: the ORM's own async methods",
    "Database access: aclose_old_connections",
    "Channel layers: configuration",
    "Channel layers: single channels",
    "Channel layers: groups",
    "Channel layers: synchronous functions",
    "Channel layers: what to send",
    "Channel layers: outside of consumers",
    "Sessions",
    "Authentication",
    "Security",
    "Testing",
    "Worker and background tasks: sending",
    "Worker and background tasks: receiving",
    "Worker and background tasks: running",
    "Deploying: the application",
    "Deploying: a channel backend",
    "Deploying: the protocol server",
    "Deploying: a proxy before it",
    "Troubleshooting",
    "ASGI",
    "Channel layer specification",
}


def rows() -> dict[str, str]:
    """The topics of the table, and the rest of their rows."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    cells = [line.strip("| ").split(" | ", 1) for line in lines[1:]]  # below the heading
    return {cell[0]: cell[1] for cell in cells}


def test_every_topic_has_its_row() -> None:
    assert rows().keys() == TOPICS


@pytest.mark.parametrize("topic", rows())
def test_a_row_names_one_place_and_says_why(topic: str) -> None:
    place, why = rows()[topic].split(" | ")
    assert PLACE.fullmatch(place)
    assert why.endswith(".")


@pytest.mark.parametrize("topic", rows())
def test_what_a_row_names_is_at_these_lines(topic: str) -> None:
    place = rows()[topic]
    assert rewritten(place) == place, "python -m tests.docs.where brings it up to date"


def test_a_place_is_found_with_its_decorators() -> None:
    first, last = lines_of("chat/consumers.py", "AsyncChatConsumer.welcome")
    lines = (DOCUMENT.parent.parent / "chat" / "consumers.py").read_text().splitlines()
    assert lines[first - 1].strip() == "@database_sync_to_async"
    assert lines[last - 1].strip().startswith("return")


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("chat/nowhere.py", "x"),
        ("chat/consumers.py", "AsyncChatConsumer.nothing"),
        ("docker-compose.yml", "image:"),  # more than once
        ("docker-compose.yml", "no such line"),
    ],
)
def test_what_is_not_there_or_not_clear_is_told(file: str, symbol: str) -> None:
    with pytest.raises(Unknown):
        lines_of(file, symbol)
