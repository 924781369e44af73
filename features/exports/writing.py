"""A room as a file, as a job writes it: a line of JSON for each message, compressed with gzip.

It is written part by part, each in a transaction of its own. So a few messages are in memory at a
time, and a worker that was given up finds out before the next part.
"""

import gzip
import json
from collections.abc import Iterator

from django.db import transaction
from django.db.models import F, Prefetch, prefetch_related_objects
from django.utils import timezone

from chat.models import Message
from features.exports.models import EXPORT_LIFE, Export, ExportPart
from realtime.jobs import queue
from realtime.jobs.queue import Claim, TakenOver

BATCH = 200  # messages in one part: at most 2 million characters


def write(claim: Claim, export: Export) -> None:
    """Writes a room's messages from the beginning, whatever an earlier attempt has left."""
    with transaction.atomic():
        claim.renew()
        begin(export)
    for number, lines in enumerate(batches(export.room_id, export.until)):
        add_part(claim, export, number, lines)
    with transaction.atomic():
        claim.renew()
        finish(export, Export.State.READY)


@transaction.atomic
def begin(export: Export) -> None:
    export.until = export.room.head
    change(export, state=Export.State.WRITING, until=export.until, messages=0, size=0)
    export.parts.all().delete()


def batches(room_id: int, until: int) -> Iterator[list[bytes]]:
    """What was said up to a number of the room, some lines at a time; at least one batch."""
    said = Message.objects.filter(room=room_id, position__lte=until).order_by("position")
    said = said.select_related("author").defer("html")
    positions = Message.objects.only("position")
    last = 0
    while True:
        messages = list(said.filter(position__gt=last)[:BATCH])
        # Not joined: a database that expects many answers would read all messages each time.
        prefetch_related_objects(messages, Prefetch("reply_to", positions))
        changed = [message for message in messages if message.version > message.position]
        prefetch_related_objects(changed, "reactions__user")  # the others have none
        if messages or not last:
            yield [line(message) for message in messages]
        if len(messages) < BATCH:
            return
        last = messages[-1].position


def line(message: Message) -> bytes:
    """A message and the end of its line. What it answers is named by position, people by the name
    they log in with: numbers of this database mean nothing outside."""
    reactions: dict[str, list[str]] = {}
    for reaction in message.reactions.all() if message.version > message.position else ():
        reactions.setdefault(reaction.emoji, []).append(reaction.user.username)
    said = {
        "position": message.position,
        "author": {"username": message.author.username, "name": message.author.name},
        "body": message.body,
        "created": message.created_at.isoformat(),
        "edited": message.edited_at and message.edited_at.isoformat(),
        "deleted": message.deleted_at and message.deleted_at.isoformat(),
        "reactions": reactions,
        "reply_to": message.reply_to and message.reply_to.position,
        "parts": message.parts,
    }
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


@transaction.atomic
def add_part(claim: Claim, export: Export, number: int, lines: list[bytes]) -> None:
    claim.renew()
    content = gzip.compress(b"".join(lines))
    change(export, messages=F("messages") + len(lines), size=F("size") + len(content))
    ExportPart.objects.create(export=export, number=number, content=content)


def change(export: Export, **fields: object) -> None:
    """Raises TakenOver if the export was deleted meanwhile, or its room was."""
    if not Export.objects.filter(pk=export.pk).update(**fields):
        raise TakenOver


@transaction.atomic
def finish(export: Export, state: Export.State) -> None:
    Export.objects.filter(pk=export.pk).update(state=state, finished_at=timezone.now())
    queue.ask("exports.expire", after=EXPORT_LIFE, export=export.pk)
