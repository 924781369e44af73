"""From rows to the events of the wire."""

from typing import Any, Literal

from django.conf import settings

from chat import protocol
from chat.models import Membership, Message, Room, User


def person(user: User) -> protocol.Person:
    return protocol.Person(
        id=user.pk,
        username=user.username,
        name=user.name,
        initials=user.initials,
        color=user.color,
    )


def message(message: Message) -> protocol.Message:
    """Reads the author and the reactions: `queries.for_wire` loads them."""
    return protocol.Message(
        room=message.room_id,
        id=message.pk,
        client_id=message.client_id,
        position=message.position,
        version=message.version,
        author=person(message.author),
        body=message.body,
        html=message.html,
        created=message.created_at,
        edited=message.edited_at is not None,
        deleted=message.deleted_at is not None,
        reactions=reactions(message),
        reply_to=message.reply_to_id,
        parts=message.parts,
    )


def reactions(message: Message) -> list[protocol.Reaction]:
    """Who reacted with what; the emoji that came first stands first."""
    if message.version == message.position:
        return []  # nothing changed since it was said
    users: dict[str, list[int]] = {}
    for reaction in message.reactions.all():
        users.setdefault(reaction.emoji, []).append(reaction.user_id)
    return [protocol.Reaction(emoji=emoji, users=ids) for emoji, ids in users.items()]


def sent(message: Message, ref: str | None) -> protocol.Sent:
    return protocol.Sent(
        ref=ref,
        id=message.client_id,
        message=message.pk,
        room=message.room_id,
        position=message.position,
        version=message.version,
    )


def welcome(
    user: User, rooms: list[Membership], consumer: Literal["sync", "async"]
) -> protocol.Welcome:
    return protocol.Welcome(
        consumer=consumer,
        user=person(user),
        rooms=[room_state(membership, user) for membership in rooms],
        heartbeat=settings.HEARTBEAT,
    )


def room_state(membership: Membership, user: User) -> protocol.RoomState:
    """A room as this user sees it. Reads what `MembershipQuerySet.for_side_bar()` loads."""
    return protocol.RoomState(**_room(membership, user))


def room(membership: Membership, user: User) -> protocol.Room:
    """The same as an event of its own."""
    return protocol.Room(**_room(membership, user))


def _room(membership: Membership, user: User) -> dict[str, Any]:
    room: Room = membership.room
    return {
        "id": room.pk,
        "name": room.name_for(user),
        "kind": room.kind,
        "role": membership.role,
        "head": room.head,
        "read": membership.read,
        "unread": membership.unread,
    }
