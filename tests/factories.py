"""People, rooms and talk for tests, made in one line, and ears for what is told about them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import TestCase

from chat import actions, protocol
from chat.fanout import fanout
from chat.models import Membership, Message, Room, User
from realtime import hints, wire

T = TypeVar("T")
EMOJI = "😀😃😄😁😆😅😂🙂🙃😉😊😇😍😘😗😋😛😜😝😎😏"


def person(username: str, **fields: Any) -> User:
    return User.objects.create(username=username, display_name=username.title(), **fields)


def staff(username: str) -> User:
    return person(username, is_staff=True, is_superuser=True)


def room(owner: User, *members: User, kind: str = Room.Kind.OPEN, name: str = "Garden") -> Room:
    room = actions.create_room(user=owner, name=name, kind=kind)
    for member in members:
        actions.add_member(user=owner, room_id=room.pk, member_id=member.pk)
    return room


def direct(user: User, *others: User) -> Room:
    return actions.start_direct(user=user, people=[other.pk for other in others])


def say(
    author: User,
    room: Room,
    body: str = "Hello",
    client_id: UUID | None = None,
    reply_to: int | None = None,
    parts: dict[str, Any] | None = None,
) -> Message:
    return actions.send_message(
        user=author,
        room_id=room.pk,
        client_id=client_id or uuid4(),
        body=body,
        reply_to=reply_to,
        parts=parts,
    )


def react(user: User, message: Message, emoji: str = "🎉", on: bool = True) -> Message:
    return actions.react(user=user, message_id=message.pk, emoji=emoji, on=on)


def edit(user: User, message: Message, body: str = "Hello again") -> Message:
    return actions.edit_message(user=user, message_id=message.pk, body=body)


def delete(user: User, message: Message) -> Message:
    return actions.delete_message(user=user, message_id=message.pk)


def fill(room: Room, author: User, size: int) -> None:
    """A long history, written behind the actions' back."""
    room.refresh_from_db()
    numbers = range(room.head + 1, room.head + size + 1)
    Message.objects.bulk_create(past_message(room, author, number) for number in numbers)
    Room.objects.filter(pk=room.pk).update(head=room.head + size)
    room.refresh_from_db()


def past_message(room: Room, author: User, number: int, **fields: Any) -> Message:
    """A row as `actions` would write it, not saved; `fields` say where it differs."""
    said = {"client_id": uuid4(), "position": number, "version": number}
    return Message(room=room, author=author, **said | {"body": f"Number {number}"} | fields)


def moderator(room: Room, member: User) -> User:
    Membership.objects.filter(room=room, user=member).update(role=Membership.Role.MODERATOR)
    return member


def roles(room: Room) -> dict[str, str]:
    """Who is in a room, as what."""
    return dict(room.memberships.values_list("user__username", "role"))


def head(room: Room) -> int:
    """The room's number in the database."""
    return Room.objects.values_list("head", flat=True).get(pk=room.pk)


class Interrupted(Exception):
    """Something else goes wrong in the transaction of an action."""


class Heard:
    """What the fan-out was asked to tell, in order."""

    def __init__(self) -> None:
        self.published: list[tuple[int, int, protocol.Message]] = []
        self.passed_on: list[tuple[int, wire.Event]] = []
        self.revoked: list[tuple[int, int, int]] = []
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.woken: list[tuple[int, dict[str, Any]]] = []

    @property
    def nothing(self) -> bool:
        told = (self.published, self.passed_on, self.revoked, self.woken, self.called)
        return not any(told)

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _ in self.published]

    def woke(self, user: User, type: str) -> bool:
        return any(who == user.pk and what["type"] == type for who, what in self.woken)


def user_of(group: str) -> int:
    return int(group.removeprefix("user."))


@contextmanager
def listening() -> Iterator[Heard]:
    """Hears what is told once the block's transaction is over, as if it had been committed."""
    heard = Heard()
    ears = patch.multiple(
        fanout,
        publish=lambda room, first, *events: heard.published.extend(
            (room, number, event) for number, event in enumerate(events, first)
        ),
        pass_on=lambda *told: heard.passed_on.append(told),
        revoke=lambda *told: heard.revoked.append(told),
    )
    waking = patch.multiple(
        hints,
        send_to_group=lambda group, event: heard.woken.append((user_of(group), event)),
        send=lambda *told: heard.called.append(told),
    )
    with ears, waking, TestCase.captureOnCommitCallbacks(execute=True):
        yield heard


@contextmanager
def broken(constraint: str, *columns: str) -> Iterator[None]:
    """The block breaks this constraint. SQLite names a unique one by its columns."""
    names = "|".join((constraint, *columns))
    with pytest.raises(IntegrityError, match=names), transaction.atomic():
        yield


def at_once(*works: Callable[[], T]) -> list[T | BaseException]:
    """Each work in a thread and on a connection of its own, all started together.

    Gives what each returned, or raised.
    """
    start = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        start.wait(timeout=30)
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
    return [future.exception() or future.result() for future in futures]


@contextmanager
def meanwhile(watch: Callable[[], None]) -> Iterator[None]:
    """Calls `watch` over and over, in a thread of its own, until the block ends."""
    over = Event()

    def run() -> None:
        try:
            while not over.is_set():
                watch()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        watching: Future[None] = pool.submit(run)
        try:
            yield
        finally:
            over.set()
    watching.result()
