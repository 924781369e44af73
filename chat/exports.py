"""A room as a file, as the worker writes it: a line of JSON for each message, compressed with gzip.

The row is the truth, a hint only says that there is one. A worker takes an export that waits, or
that another has left alone, and writes it part by part, each in a transaction of its own. So a few
messages are in memory at a time, the row shows that somebody is at it, and who was thought dead and
is not finds out before the next part.
"""

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Prefetch, prefetch_related_objects
from django.utils import timezone

from chat.models import Export, ExportPart, Message
from chat.outage import OUTAGE

BATCH = 200  # messages in one part: at most 2 million characters

logger = logging.getLogger(__name__)


class TakenOver(Exception):
    """Another worker has this export now, or it is gone with its room."""


def work() -> None:
    """Writes all exports that are due, and removes what was kept for long enough."""
    Export.objects.expired().delete()
    Export.objects.hopeless().update(state=Export.State.FAILED, finished_at=timezone.now())
    while export := take():
        write(export)
    leave_sign_of_life()


@transaction.atomic
def take() -> Export | None:
    """The next export that is due. It is this worker's as long as its number of attempts stays."""
    export = Export.objects.due().select_for_update(skip_locked=True).first()
    if export is None:
        return None
    export.parts.all().delete()  # of who began before
    export.state = Export.State.WRITING
    export.attempts += 1
    export.heard_at = timezone.now()
    export.until = export.room.head
    export.messages = export.size = 0
    export.save()
    return export


def write(export: Export) -> None:
    """Leaves it ready or failed. An outage of the database is raised: it is taken again later, as
    often as one may begin."""
    try:
        state = add_parts(export)
        change(export, state=state, finished_at=timezone.now())
    except TakenOver:
        logger.info("Export %s was taken over", export.pk)


def add_parts(export: Export) -> Export.State:
    try:
        for number, lines in enumerate(batches(export.room_id, export.until)):
            add_part(export, number, lines)
    except (TakenOver, *OUTAGE):
        raise
    except Exception:  # a fault of ours: the page says so, and the next export has its turn
        logger.exception("Export %s failed", export.pk)
        return Export.State.FAILED
    return Export.State.READY


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
def add_part(export: Export, number: int, lines: list[bytes]) -> None:
    content = gzip.compress(b"".join(lines))
    change(
        export,
        heard_at=timezone.now(),
        messages=F("messages") + len(lines),
        size=F("size") + len(content),
    )
    ExportPart.objects.create(export=export, number=number, content=content)
    leave_sign_of_life()


def change(export: Export, **fields: object) -> None:
    """Changes the row of an export that is still this worker's. Raises TakenOver."""
    mine = Export.objects.filter(pk=export.pk, state=Export.State.WRITING, attempts=export.attempts)
    if not mine.update(**fields):
        raise TakenOver


def leave_sign_of_life() -> None:
    """For who supervises the worker: the database answers, and it gets on."""
    if settings.WORKER_ALIVE:
        Path(settings.WORKER_ALIVE).touch()
