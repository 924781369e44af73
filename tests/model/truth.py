"""What a page should hold: in the end what the database holds, and never less than before."""

from typing import Any

from chat.models import Membership, Message, User
from tests.view import Event, RoomView, View

Row = dict[str, Any]
Timelines = dict[int, list[Row]]
Progress = dict[int, tuple[RoomView, int, dict[int, int]]]  # of a room: number, versions held


def differences(view: View, person: User) -> list[str]:
    """Where a page differs from the database."""
    here, there = held(view), truth(person)
    found = [f"room {id} has been left, and is here" for id in here.keys() - there.keys()]
    found += [f"room {id} is not here" for id in there.keys() - here.keys()]
    for id in here.keys() & there.keys():
        found += [f"only here: {row}" for row in here[id] if row not in there[id]]
        found += [f"not here: {row}" for row in there[id] if row not in here[id]]
    if not found and here != there:
        found.append(f"not in order or not once: {here}, {there}")
    return found


def progress(view: View) -> Progress:
    """How far a page has come."""
    return {
        id: (
            room,
            room.number,
            {message["id"]: message["version"] for message in view.timeline(id)},
        )
        for id, room in view.rooms.items()
    }


def went_back(before: Progress, now: Progress) -> bool:
    """Whether a page has less of a room than before. Who left a room begins anew."""
    for id, (room, number, versions) in before.items():
        if id not in now or now[id][0] is not room:
            continue
        _, number_now, versions_now = now[id]
        if number_now < number:
            return True
        if any(versions_now.get(message, 0) < version for message, version in versions.items()):
            return True
    return False


def truth(person: User) -> Timelines:
    """Every room of a person, and all that was said there, in order."""
    rooms = Membership.objects.of(person).values_list("room", flat=True)
    return {id: [_row(message) for message in _messages(id)] for id in rooms}


def held(view: View) -> Timelines:
    """The same as a page has it."""
    return {id: [_event(message) for message in view.timeline(id)] for id in view.rooms}


def _messages(room_id: int) -> list[Message]:
    messages = Message.objects.filter(room=room_id).order_by("position")
    return list(messages.prefetch_related("reactions"))


def _row(message: Message) -> Row:
    return {
        "id": message.pk,
        "client_id": str(message.client_id),
        "position": message.position,
        "version": message.version,
        "author": message.author_id,
        "body": message.body,
        "edited": message.edited_at is not None,
        "deleted": message.deleted_at is not None,
        "reactions": sorted((r.emoji, r.user_id) for r in message.reactions.all()),
        "reply_to": message.reply_to_id,
        "parts": message.parts,
    }


def _event(message: Event) -> Row:
    same = ("id", "client_id", "position", "version", "body", "edited", "deleted", "reply_to")
    return {key: message[key] for key in (*same, "parts")} | {
        "author": message["author"]["id"],
        "reactions": sorted((r["emoji"], id) for r in message["reactions"] for id in r["users"]),
    }
