"""Fills an empty site with people and talk, to look at or to measure."""

import random
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from chat import actions, markdown
from chat.models import Membership, Message, Room, User

PASSWORD = "demo"
PEOPLE = {  # what they are called, and their place in the palette
    "alice": ("Alice Ahmadi", 1),
    "bob": ("Bob Brandt", 6),
    "carol": ("Carol Costa", 9),
}
TALK = {
    "General": [
        ("alice", "Good morning! 👋"),
        ("bob", "Morning. Is the new office **really** on the fourth floor?"),
        ("alice", "It is, and there is a lift."),
        (
            "carol",
            "Which is out of order. I have just walked up with two plants and a printer.",
        ),
        ("bob", "> out of order\n\nThat explains the noises."),
        (
            "alice",
            "I'll call somebody. In the meantime: coffee is on the *second* floor.",
        ),
    ],
    "Release": [
        ("carol", "What is left before we ship?"),
        ("bob", "- the notes\n- one failing test\n- somebody to press the button"),
        ("alice", "The test compares floats with `==`. I am on it."),
        ("carol", "```python\nassert abs(a - b) < 1e-9\n```\nhelped me last time."),
    ],
    "Garden": [
        ("carol", "The tomatoes came up! See <https://en.wikipedia.org/wiki/Tomato>"),
    ],
}
TOPICS = {
    "General": "Everybody is here",
    "Release": "What has to be done before Friday",
    "Garden": "The roof, and what grows on it",
}
SMALL_TALK = (
    "Yes.",
    "Not before lunch, I am afraid.",
    "Let me look into it and come back to you.",
    "That is *much* better than what we had.",
    "Could you send me the link again?",
    "I think we said Thursday, but I may be wrong.",
    "Works for me.",
    "Ha!",
)
BATCH = 1_000


class Command(BaseCommand):
    help = "Fills an empty database with alice, bob and carol (password: demo), rooms and talk."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off")
        parser.add_argument(
            "--messages",
            type=int,
            default=0,
            metavar="N",
            help="N more messages in the first room",
        )
        parser.add_argument(
            "--users",
            type=int,
            default=0,
            metavar="N",
            help="N more members of the first room",
        )
        parser.add_argument(
            "--cookies",
            type=Path,
            metavar="FILE",
            help="write one Cookie: line a person",
        )

    def handle(self, **options: Any) -> None:
        if not settings.DEBUG and not options["force"]:
            raise CommandError("The demo has a known password: only with DEBUG, or --force.")
        if not settings.DEBUG and (options["users"] or options["cookies"]):
            raise CommandError("--users and --cookies make sessions for anyone: only with DEBUG.")
        if not User.objects.exists():
            self.fill()
        room = Room.objects.order_by("pk").first()
        if room is None:
            raise CommandError("This site has people but no room.")
        if options["users"]:
            join_crowd(room, options["users"])
            self.stdout.write(f"guest-1 to guest-{options['users']} are in {room}.")
        if options["messages"]:
            talk(room, options["messages"])
            self.stdout.write(f"{options['messages']} more messages are in {room}.")
        if options["cookies"]:
            write_cookies(options["cookies"])
            self.stdout.write(f"A cookie for everybody is in {options['cookies']}.")

    def fill(self) -> None:
        with transaction.atomic():
            people = {name: new_person(name, *shown) for name, shown in PEOPLE.items()}
            alice, bob, carol = people.values()
            User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True, is_owner=True)
            for name, lines in TALK.items():
                kind = Room.Kind.CLOSED if name == "Release" else Room.Kind.OPEN
                room = actions.create_room(user=alice, name=name, kind=kind, topic=TOPICS[name])
                for other in (bob, carol):
                    actions.add_member(user=alice, room_id=room.pk, member_id=other.pk)
                for author, body in lines:
                    say(room, people[author], body)
            direct = actions.start_direct(user=alice, people=[bob.pk])
            say(direct, bob, "Are you coming along for lunch?")
            decorate(people)
            spread_over_the_day()
        self.stdout.write("The demo is ready: alice, bob and carol, each with the password demo.")


def new_person(username: str, display_name: str, color: int) -> User:
    user = User(username=username, display_name=display_name, password=make_password(PASSWORD))
    user.color = color
    user.save()
    return user


def say(room: Room, author: User, body: str) -> Message:
    return actions.send_message(user=author, room_id=room.pk, client_id=uuid4(), body=body)


def decorate(people: dict[str, User]) -> None:
    """A reply, an edit, a deletion and some reactions, so that each can be seen."""
    alice, bob, carol = people.values()
    plants = Message.objects.get(body__contains="two plants")
    for user in (alice, bob):
        actions.react(user=user, message_id=plants.pk, emoji="💪", on=True)
    actions.react(user=alice, message_id=plants.pk, emoji="🪴", on=True)
    actions.send_message(
        user=carol,
        room_id=plants.room_id,
        client_id=uuid4(),
        body="Never mind, the plants like the view.",
        reply_to=plants.pk,
    )
    coffee = Message.objects.get(body__contains="coffee")
    actions.edit_message(
        user=alice, message_id=coffee.pk, body=coffee.body.replace("second", "third")
    )
    slip = say(plants.room, bob, "Wrong room, sorry.")
    actions.delete_message(user=bob, message_id=slip.pk)


def spread_over_the_day() -> None:
    """As if it had not all been said in the same second."""
    for age, message in enumerate(Message.objects.order_by("-pk")):
        said = timezone.now() - age * timedelta(minutes=37)
        Message.objects.filter(pk=message.pk).update(created_at=said)


@transaction.atomic
def join_crowd(room: Room, size: int) -> None:
    """Members guest-1 to guest-N of a room; those who are there already stay."""
    password = make_password(PASSWORD)
    names = [f"guest-{number}" for number in range(1, size + 1)]
    User.objects.bulk_create(
        [User(username=name, display_name=name.capitalize(), password=password) for name in names],
        ignore_conflicts=True,
        batch_size=BATCH,
    )
    crowd = User.objects.filter(username__in=names)
    Membership.objects.bulk_create(
        [Membership(room=room, user=user, read=room.head) for user in crowd],
        ignore_conflicts=True,
        batch_size=BATCH,
    )


@transaction.atomic
def talk(room: Room, size: int) -> None:
    """A long history, written in bulk: nobody is told, and everybody has read it."""
    room = Room.objects.select_for_update().get(pk=room.pk)
    authors = cycle(room.members.order_by("pk")[:8])
    lines = random.Random(size)
    messages = (
        past_message(room, author, position, lines.choice(SMALL_TALK), until=room.head + size)
        for position, author in zip(
            range(room.head + 1, room.head + size + 1), authors, strict=False
        )
    )
    while batch := list(islice(messages, BATCH)):
        Message.objects.bulk_create(batch)
    room.head += size
    room.save(update_fields=["head"])
    Membership.objects.filter(room=room).update(read=room.head)


def past_message(room: Room, author: User, position: int, body: str, until: int) -> Message:
    """One of many, said a minute after the one before; the last one is said now."""
    return Message(
        room=room,
        author=author,
        client_id=uuid4(),
        position=position,
        version=position,
        body=body,
        html=markdown.render(body),
        created_at=timezone.now() - timedelta(minutes=until - position),
    )


def write_cookies(path: Path) -> None:
    """A session for every person, as the header a client sends; readable by this user only."""
    path.touch()
    path.chmod(0o600)
    path.write_text("".join(f"{line}\n" for line in cookie_lines()))


def cookie_lines() -> Iterator[str]:
    for user in User.objects.filter(is_active=True).order_by("pk"):
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        yield f"Cookie: {settings.SESSION_COOKIE_NAME}={session.session_key}"
