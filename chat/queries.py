"""Reads that several callers share. Synchronous; an async caller hands them to a thread, or awaits
the one that has a twin with an `a` before its name, as Django's have."""

import time
from datetime import timedelta
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import aget_user, get_user
from django.db.models import Max, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils import timezone

from chat import metrics, protocol, serializers
from chat.models import Membership, Message, Room, User
from chat.protocol import Older, Synced
from realtime import wire
from realtime.wire import Forbidden, NotFound

PAGE = 50  # messages in one page of history or of what was missed
SETTLED = timedelta(minutes=1)  # after which nobody commits a change that is older than the newest
MOMENT = 5.0  # seconds for which a page of changes may be another's
PAGE_SIZE = 128 * 1024  # characters of JSON after which a page ends; many clients take 1 MiB

Page = tuple[list[protocol.Message], bool]  # and whether there are more


def membership(user: User, room_id: int) -> Membership:
    """This user's place in a room. Raises NotFound for no such room, Forbidden for no place."""
    membership = Membership.objects.of(user).filter(room=room_id).select_related("room").first()
    if membership:
        return membership
    if Room.objects.filter(pk=room_id).exists():
        raise Forbidden("You are not in this room.")
    raise NotFound("There is no such room.")


def memberships(user: User) -> list[Membership]:
    """All rooms of a user, by name."""
    rooms = list(Membership.objects.of(user).select_related("room").with_unread())
    direct = [membership.room for membership in rooms if membership.room.is_direct]
    prefetch_related_objects(direct, "memberships__user")  # without any, this costs nothing
    return sorted(rooms, key=lambda membership: membership.room.name_for(user).casefold())


def appearance(user: User) -> str | None:
    """Is another after any change to what this user sees of rooms, except who is in them. Costs a
    fraction of looking at all of it. None while that is not certain."""
    newest = User.objects.aggregate(newest=Max("profile_changed_at"))["newest"]
    if timezone.now() - newest < SETTLED:
        return None
    fields = ("role", "read", "room", "room__head", "room__name", "room__topic", "room__kind")
    rooms = Membership.objects.of(user).order_by("pk").values_list(*fields)
    return repr([user.pk, newest, *rooms])


def people(room_id: int) -> QuerySet[Membership]:
    """Who is in a room: its owner, the moderators, everybody else."""
    return Membership.objects.filter(room=room_id).select_related("user").by_rank()


def for_wire(messages: QuerySet[Message]) -> list[Message]:
    """These messages with all that `serializers.message` reads. What nobody changed since it was
    said has no reactions, so none are looked for."""
    rows = list(messages.select_related("author"))
    changed = [row for row in rows if row.version > row.position]
    prefetch_related_objects(changed, "reactions")  # without any, this costs nothing
    return rows


def newest_messages(room_id: int) -> list[Message]:
    return for_wire(Message.objects.filter(room=room_id).newest_first()[:PAGE])[::-1]


def history(
    user: User,
    room_id: int,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
) -> Older:
    """A page of what was said before, after or around a position, oldest first.

    `more` is about what is newer than the page if `after` is given, else about what is older.
    """
    membership(user, room_id)
    if around is not None:
        messages, more, _ = page_around(room_id, around)
    elif after is not None:
        messages, more = _newer(room_id, after)
    else:
        messages, more = _older(room_id, before or 0)
    return Older(room=room_id, messages=messages, more=more)


def page_around(room_id: int, position: int) -> tuple[list[protocol.Message], bool, bool]:
    """What was said at a position, half a page on either side, and whether there is more of each:
    what is older, what is newer."""
    newer, more_newer = _newer(room_id, position - 1, share=2)
    older, more_older = _older(room_id, position, share=2, at_least=0 if newer else 1)
    return older + newer, more_older, more_newer


def _older(room_id: int, before: int, share: int = 1, at_least: int = 1) -> Page:
    said = Message.objects.filter(room=room_id)
    messages, more = _page(said.before(before).newest_first(), share, at_least)
    return messages[::-1], more


def _newer(room_id: int, after: int, share: int = 1) -> Page:
    return _page(Message.objects.filter(room=room_id).after(after).oldest_first(), share)


def sync(user: User, room_id: int, since: int) -> Synced:
    """A page of what changed after number `since`, in the order of the changes.

    The room's number is read first: a change that commits in between is sent, and asked for
    again at worst, but never passed over.
    """
    head = membership(user, room_id).room.head
    messages, more = changes(room_id, since, head, int(time.monotonic() / MOMENT))
    if messages:
        metrics.gaps_healed.inc()
    return Synced(room=room_id, messages=messages, head=head, more=more)


@lru_cache(maxsize=32)  # pages, most of them of PAGE_SIZE at most
def changes(room_id: int, since: int, head: int, moment: int) -> Page:
    """A page of what changed, remembered for a crowd that comes back and asks the same.

    What is said of a room whose number is `head` stays so until that is another, except for the
    names of people: these are of this `moment`. In memory, because Redis may be away.
    """
    return _page(Message.objects.filter(room=room_id).since(since))


def _page(messages: QuerySet[Message], share: int = 1, at_least: int = 1) -> Page:
    """The first of these messages, and whether there are more; several may share a page."""
    rows = for_wire(messages[: PAGE // share + 1])
    page: list[protocol.Message] = []
    size = 0
    for row in rows[: PAGE // share]:
        message = serializers.message(row)
        size += len(wire.encode(message))
        if len(page) >= at_least and size > PAGE_SIZE // share:
            break
        page.append(message)
    return page, len(rows) > len(page)


def session_user(session_key: str | None) -> User | None:
    """Whose session this is now; None once it ended, expired or lost its password's hash."""
    user = get_user(_request_of(session_key))
    return user if user.is_authenticated else None


async def asession_user(session_key: str | None) -> User | None:
    """The same, for the event loop: each of its two queries is awaited on the ORM thread."""
    user = await aget_user(_request_of(session_key))
    return user if user.is_authenticated else None


def _request_of(session_key: str | None) -> HttpRequest:
    """All of a request that its user is found by."""
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return cast(HttpRequest, SimpleNamespace(session=store))
