"""Threads that write to the same room write together."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from traceback import extract_tb

import pytest

from realtime import group_commit
from realtime.group_commit import GroupCommit
from tests.site import wait_until

KITCHEN, GARDEN = 1, 2
SECONDS = 10.0
NEVER = 3_600.0  # seconds


class Refused(Exception):
    """A draft was, and no other."""


class Clash(Exception):
    """A draft spoiled it for its group."""


class Table:
    """What was written, group by group. It takes its time where it is told to."""

    def __init__(self) -> None:
        self.groups: list[tuple[int, list[str]]] = []
        self.begun = {"slow": Event(), "slower": Event()}
        self.may_end = {"slow": Event(), "slower": Event()}
        self.outage: Exception | None = None

    def commit(self, room: int, drafts: list[str]) -> list[str | Exception]:
        if drafts[0] in self.begun:
            self.begun[drafts[0]].set()
            assert self.may_end[drafts[0]].wait(SECONDS)
        if self.outage:
            raise self.outage
        if "clash" in drafts:
            raise Clash
        self.groups.append((room, drafts))
        return [Refused() if draft == "refused" else draft.upper() for draft in drafts]


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def commit(table: Table) -> GroupCommit[str, str]:
    return GroupCommit(table.commit, blames_one=Clash, enough=3)


Say = Callable[..., Future[str]]


@pytest.fixture
def say(commit: GroupCommit[str, str]) -> Iterator[Say]:
    """Writes a draft from a thread of its own."""
    with ThreadPoolExecutor() as threads:

        def write(draft: str, room: int = KITCHEN) -> Future[str]:
            return threads.submit(commit.write, room, draft)

        yield write


@contextmanager
def writing(table: Table, draft: str, say: Say, room: int) -> Iterator[None]:
    """While a draft is being written."""
    first = say(draft, room)
    assert table.begun[draft].wait(SECONDS)
    yield
    table.may_end[draft].set()
    assert first.result(SECONDS) == draft.upper()


@contextmanager
def meanwhile(table: Table, commit: GroupCommit[str, str], say: Say) -> Iterator[list[Future[str]]]:
    """While one is being written, what the block says comes to wait behind it."""
    with writing(table, "slow", say, KITCHEN):
        said: list[Future[str]] = []
        yield said
        wait_until(lambda: len(commit._waiting[KITCHEN]) == len(said), "all wait")


def test_one_alone_does_not_wait(
    table: Table, commit: GroupCommit[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "GATHER", NEVER)
    assert commit.write(KITCHEN, "hello") == "HELLO"
    assert commit.write(KITCHEN, "world") == "WORLD"
    assert table.groups == [(KITCHEN, ["hello"]), (KITCHEN, ["world"])]


def test_a_busy_room_gathers_drafts_for_a_moment(
    table: Table, commit: GroupCommit[str, str], say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "GATHER", 1.0)
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("b")]
    assert [each.result(SECONDS) for each in said] == ["A", "B"]
    first = say("c")
    wait_until(lambda: KITCHEN in commit._waiting, "it leads")
    second = say("d")
    assert say("elsewhere", GARDEN).result(SECONDS) == "ELSEWHERE"  # where nobody waits
    assert [first.result(SECONDS), second.result(SECONDS)] == ["C", "D"]
    assert [drafts for room, drafts in table.groups if room == KITCHEN][-1] == ["c", "d"]


def test_a_busy_room_waits_no_longer_than_until_it_has_enough(
    table: Table, commit: GroupCommit[str, str], say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "GATHER", NEVER)
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("b"), say("c")]
    assert [each.result(SECONDS) for each in said] == ["A", "B", "C"]
    first = say("d")
    wait_until(lambda: KITCHEN in commit._waiting, "it leads")
    second = say("e")
    wait_until(lambda: bool(commit._waiting[KITCHEN]), "it waits")
    assert not first.done()
    third = say("f")
    assert [each.result(SECONDS) for each in (first, second, third)] == ["D", "E", "F"]
    assert sorted(table.groups[-1][1]) == ["d", "e", "f"]


def test_no_room_gathers_while_enough_wait_in_others(
    table: Table, commit: GroupCommit[str, str], say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "GATHER", NEVER)
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("b")]
    assert [each.result(SECONDS) for each in said] == ["A", "B"]
    gathering = say("e")
    assert say("c", GARDEN).result(SECONDS) == "C"
    assert not gathering.done()  # one thread waits, and three are enough
    with writing(table, "slower", say, GARDEN):
        behind = say("d", GARDEN)
        assert gathering.result(SECONDS) == "E"
    assert behind.result(SECONDS) == "D"


def test_what_is_known_of_busy_rooms_is_bounded(
    commit: GroupCommit[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_ROWS", 3)
    for room in range(100):
        commit.write(room, "hello")
    assert len(commit._gathered) <= 4


def test_who_comes_while_one_writes_is_written_together(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("b"), say("c")]
    assert [each.result(SECONDS) for each in said] == ["A", "B", "C"]
    assert [sorted(drafts) for _, drafts in table.groups] == [["slow"], ["a", "b", "c"]]


def test_one_that_is_refused_is_so_alone(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("refused"), say("c")]
    assert (said[0].result(SECONDS), said[2].result(SECONDS)) == ("A", "C")
    with pytest.raises(Refused):
        said[1].result(SECONDS)
    assert len(table.groups) == 2


def test_one_that_spoils_its_group_does_not_take_the_others_with_it(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said += [say("a"), say("clash"), say("c")]
    assert (said[0].result(SECONDS), said[2].result(SECONDS)) == ("A", "C")
    with pytest.raises(Clash):
        said[1].result(SECONDS)
    assert sorted(drafts for _, drafts in table.groups) == [["a"], ["c"], ["slow"]]


def test_who_is_written_does_not_wait_for_the_next_group(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say) as said:
        said.append(say("slower"))
    assert table.begun["slower"].wait(SECONDS)
    assert not said[0].done()
    table.may_end["slower"].set()
    assert said[0].result(SECONDS) == "SLOWER"


def test_an_outage_reaches_everybody_and_is_over_for_the_next(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    first = say("slow")
    assert table.begun["slow"].wait(SECONDS)
    second = say("a")
    wait_until(lambda: len(commit._waiting[KITCHEN]) == 1, "it waits")
    table.outage = ConnectionError("gone")
    table.may_end["slow"].set()
    errors = [each.exception(SECONDS) for each in (first, second)]
    assert [type(error) for error in errors] == [ConnectionError, ConnectionError]
    for error in errors:  # both say where it was
        assert error and "commit" in [it.name for it in extract_tb(error.__traceback__)]
    table.outage = None
    assert commit.write(KITCHEN, "b") == "B"


def test_rooms_do_not_wait_for_each_other(
    table: Table, commit: GroupCommit[str, str], say: Say
) -> None:
    with meanwhile(table, commit, say):
        assert say("b", GARDEN).result(SECONDS) == "B"


def test_nothing_is_kept_of_a_room_in_which_nobody_writes(commit: GroupCommit[str, str]) -> None:
    commit.write(KITCHEN, "hello")
    assert not commit._waiting
