"""What is so in the end: every client holds what the database holds, and so do the acknowledged.

The database is read straight, with a query of our own, and not through what is being checked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row

from tests.chaos.client import Person
from tests.view import Event, essence

MESSAGES = """
    SELECT m.id, m.room_id AS room, m.client_id::text, m.author_id, m.position, m.version,
           m.body, m.html, m.reply_to_id AS reply_to,
           m.edited_at IS NOT NULL AS edited, m.deleted_at IS NOT NULL AS deleted
    FROM chat_message m ORDER BY m.room_id, m.position
"""
REACTIONS = "SELECT message_id, emoji, user_id FROM chat_reaction ORDER BY id"
MEMBERSHIPS = "SELECT user_id, room_id, read FROM chat_membership"
UNWANTED = {1011, 4401, 4403, 4429}  # close codes, for clients who do nothing wrong


@dataclass
class Truth:
    """The database, as the wire would tell it."""

    # The messages of each room by id, in order; and how far each person has read in each room.
    messages: dict[int, dict[int, Event]] = field(default_factory=lambda: defaultdict(dict))
    reads: dict[tuple[int, int], int] = field(default_factory=dict)

    def rooms_of(self, user_id: int) -> set[int]:
        return {room for user, room in self.reads if user == user_id}


def read(url: str) -> Truth:
    truth = Truth()
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ  # one moment of it
        reactions = grouped(connection.execute(REACTIONS))
        for row in connection.execute(MESSAGES):
            row["author"] = {"id": row.pop("author_id")}
            row["reactions"] = reactions.get(row["id"], [])
            truth.messages[row["room"]][row["id"]] = row
        for row in connection.execute(MEMBERSHIPS):
            truth.reads[row["user_id"], row["room_id"]] = row["read"]
    return truth


def grouped(rows: Iterable[Event]) -> dict[int, list[Event]]:
    """The reactions to each message, as the wire spells them."""
    users: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        users[row["message_id"]][row["emoji"]].append(row["user_id"])
    return {
        id: [{"emoji": emoji, "users": ids} for emoji, ids in emojis.items()]
        for id, emojis in users.items()
    }


@dataclass
class Findings:
    """What is not as it should be: how often, and in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return self.lost + self.doubled + self.wrong


def compare(crowd: Iterable[Person], truth: Truth) -> Findings:
    findings = Findings()
    for person in crowd:
        compare_view(person, truth, findings)
        compare_facts(person, truth, findings)
        findings.wrong += [f"{person.name} was told {what}" for what in person.view.violations]
        findings.wrong += [
            f"{person.name} was sent away with {code}, {count} times"
            for code, count in person.closes.items()
            if code in UNWANTED
        ]
    return findings


def compare_view(person: Person, truth: Truth, findings: Findings) -> None:
    """What a person holds is what the database holds, no more and no less."""
    rooms = truth.rooms_of(person.id)
    findings.lost += [f"{person.name} misses room {id}" for id in rooms - person.view.rooms.keys()]
    for id in person.view.rooms.keys() - rooms:
        findings.wrong.append(f"{person.name} still holds room {id}")
    for id in rooms & person.view.rooms.keys():
        real, held = truth.messages[id], person.view.timeline(id)
        where = f"{person.name} in room {id}"
        ids = [message["id"] for message in held]
        findings.lost += [f"{where} misses {real[id]}" for id in real.keys() - set(ids)]
        findings.doubled += [f"{where} holds {id}, which is not" for id in set(ids) - real.keys()]
        if [id for id in ids if id in real] != [id for id in real if id in ids]:
            findings.wrong.append(f"{where} holds another order: {ids}, really {list(real)}")
        findings.lost += [
            f"{where} holds {essence(message)}, really {essence(real[message['id']])}"
            for message in held
            if message["id"] in real and essence(message) != essence(real[message["id"]])
        ]


def compare_facts(person: Person, truth: Truth, findings: Findings) -> None:
    """What was acknowledged is so, and what is so was said."""
    messages = [message for room in truth.messages.values() for message in room.values()]
    mine = [message for message in messages if message["author"]["id"] == person.id]
    for client_id, times in Counter(message["client_id"] for message in mine).items():
        if times > 1:
            findings.doubled.append(f"{person.name} said {client_id} {times} times")
    for message in mine:
        fact = ("deleted" if message["deleted"] else "body"), message["client_id"]
        if (message["deleted"] or message["body"]) not in person.outbox.said[fact]:
            findings.wrong.append(f"{person.name} never asked for {message}")
    known = {message["id"]: message for message in messages}
    known |= {message["client_id"]: message for message in mine}
    for (what, about, *more), values in person.outbox.facts.items():
        if what == "read":
            right = truth.reads.get((person.id, about), inf) >= min(values)
        else:
            right = is_so(what, known.get(about), values, person, *more)
        if not right:
            now = known.get(about)
            findings.lost.append(f"{person.name} was told {what} {about} {values}; it is {now}")


def is_so(
    what: str, message: Event | None, values: set[Any], person: Person, emoji: str = ""
) -> bool:
    if message is None:
        return False
    if message["deleted"]:  # and nothing else is so any more
        return True
    if what == "body":
        return message["body"] in values
    return what == "reaction" and reacted(message, person, emoji) in values


def reacted(message: Event, person: Person, emoji: str) -> bool:
    users = {reaction["emoji"]: reaction["users"] for reaction in message["reactions"]}
    return person.id in users.get(emoji, ())
