"""Threads that write to the same room write together."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest

from chat.group_commit import GroupCommit
from tests.site import wait_until

KITCHEN, GARDEN = 1, 2
SECONDS = 10.0


class Wrong(Exception):
    """A draft is."""


class Table:
    """What was written, group by group. It takes its time where it is told to."""

    def __init__(self) -> None:
        self.groups: list[tuple[int, list[str]]] = []
        self.begun, self.may_end = Event(), Event()
        self.outage: Exception | None = None

    def write(self, room: int, drafts: list[str]) -> list[str]:
        if drafts == ["slow"]:
            self.begun.set()
            assert self.may_end.wait(SECONDS)
        if self.outage:
            raise self.outage
        if "wrong" in drafts:
            raise Wrong
        self.groups.append((room, drafts))
        return [draft.upper() for draft in drafts]


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def commit(table: Table) -> GroupCommit[str, str]:
    return GroupCommit(table.write, blames_one=(Wrong,))


Say = Callable[..., Future[str]]


@pytest.fixture
def say(commit: GroupCommit[str, str]) -> Iterator[Say]:
    """Writes a draft from a thread of its own."""
    with ThreadPoolExecutor() as threads:

        def write(draft: str, room: int = KITCHEN) -> Future[str]:
            return threads.submit(commit.write, room, draft)

        yield write


@contextmanager
def meanwhile(table: Table, commit: GroupCommit[str, str], say: Say) -> Iterator[list[Future[str]]]:
    """While one is being written, what the block says comes to wait behind it."""
    first = say("slow")
    assert table.begun.wait(SECONDS)
    said: list[Future[str]] = []
    yield said
    desk = commit._desks[KITCHEN]
    wait_until(lambda: len(desk.waiting) == len(said), "all wait")
    table.may_end.set()
    assert first.result(SECONDS) == "SLOW"


def test_one_alone_does_not_wait(table: Table, commit: GroupCommit[str, str]) -> None:
    assert commit.write(KITCHEN, "hello") == "HELLO"
    assert table.groups == [(KITCHEN, ["hello"])]


def test_who_comes_while_one_writes_is_written_together(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("b"), say("c")]
    assert [each.result(SECONDS) for each in said] == ["A", "B", "C"]
    assert [sorted(drafts) for _, drafts in table.groups] == [["slow"], ["a", "b", "c"]]


def test_one_that_is_wrong_does_not_take_the_others_with_it(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("wrong"), say("c")]
    assert (said[0].result(SECONDS), said[2].result(SECONDS)) == ("A", "C")
    with pytest.raises(Wrong):
        said[1].result(SECONDS)
    assert sorted(drafts for _, drafts in table.groups) == [["a"], ["c"], ["slow"]]


def test_an_outage_reaches_everybody_and_is_over_for_the_next(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    first = say("slow")
    assert table.begun.wait(SECONDS)
    second = say("a")
    wait_until(lambda: len(commit._desks[KITCHEN].waiting) == 1, "it waits")
    table.outage = ConnectionError("gone")
    table.may_end.set()
    for each in (first, second):
        with pytest.raises(ConnectionError):
            each.result(SECONDS)
    table.outage = None
    assert commit.write(KITCHEN, "b") == "B"


def test_rooms_do_not_wait_for_each_other(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say):
        assert say("b", GARDEN).result(SECONDS) == "B"


def test_nothing_is_kept_of_a_room_in_which_nobody_writes(commit: GroupCommit[str, str]) -> None:
    commit.write(KITCHEN, "hello")
    assert not commit._desks
