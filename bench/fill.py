"""Fills a database that has its tables, as the chat itself would have in a year.

`python -m bench.fill --rooms 16 --people 50 --messages 1000` makes new people members of new rooms,
puts as many messages into each, which everybody has read, and prints the number of the first room;
those of the others follow it. `--cookies FILE` signs the people in: a line for each.
"""

import os
import secrets
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
django.setup()  # so it comes before whatever imports a model

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from chat import markdown, queries
from chat.management.commands.demo import SMALL_TALK
from chat.models import Membership, Message, Room, User

BATCH = 5_000


def store(rows: Iterable[Model]) -> None:
    """A million rows are neither one statement nor all in memory."""
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        type(batch[0])._default_manager.bulk_create(batch)


def people(count: int) -> Iterator[User]:
    password = make_password(None)  # none fits: they come with cookies
    begin = User.objects.count() + 1
    for number in range(begin, begin + count):
        yield User(username=f"person-{number}", display_name=f"Person {number}", password=password)


def rooms(count: int, messages: int) -> Iterator[Room]:
    """Each message is one change, so that a room's newest number is how many there are."""
    for number in range(count):
        yield Room(name=f"Room {number + 1}", head=messages)


def memberships(rooms: list[Room], people: list[User], each: int) -> Iterator[Membership]:
    """Everybody is in as many rooms; whoever comes to a room first owns it."""
    owned: set[Room] = set()
    for number, user in enumerate(people):
        for room in islice(cycle(rooms), number, number + each):
            role = Membership.Role.MEMBER if room in owned else Membership.Role.OWNER
            owned.add(room)
            yield Membership(room=room, user=user, role=role, read=room.head)


def talk(room: Room, people: list[User]) -> Iterator[Message]:
    """One message a second up to now, of everybody in turn."""
    lines = cycle([(line, markdown.render(line)) for line in SMALL_TALK])
    now = timezone.now()
    for position, author in zip(range(1, room.head + 1), cycle(people), strict=False):
        body, html = next(lines)
        yield Message(
            room=room,
            author=author,
            client_id=uuid4(),
            position=position,
            version=position,
            body=body,
            html=html,
            created_at=now - timedelta(seconds=room.head - position),
        )


def sessions(people: list[User]) -> Iterator[AbstractBaseSession]:
    for user in people:
        session = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        yield SessionStore(secrets.token_hex(16)).create_model_instance(session)


def main() -> None:
    parser = ArgumentParser(prog="python -m bench.fill")
    for name in ("rooms", "people", "messages"):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="N")
    parser.add_argument("--each", type=int, metavar="N", help="rooms a person is in; 0: all")
    parser.add_argument("--cookies", type=Path, metavar="FILE")
    asked = parser.parse_args()
    with transaction.atomic():
        crowd = list(people(asked.people))
        store(crowd)
        User.objects.update(profile_changed_at=timezone.now() - queries.SETTLED)  # they are not new
        places = list(rooms(asked.rooms, asked.messages))
        store(places)
        store(memberships(places, crowd, asked.each or asked.rooms))
        for room in places:
            store(talk(room, crowd))
        signed_in = list(sessions(crowd))
        store(signed_in)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # a database that has grown slowly knows what is in it
    if asked.cookies:
        name = settings.SESSION_COOKIE_NAME
        lines = [f"Cookie: {name}={session.session_key}\n" for session in signed_in]
        asked.cookies.touch(mode=0o600)
        asked.cookies.write_text("".join(lines))
    print(places[0].pk)


if __name__ == "__main__":
    main()
