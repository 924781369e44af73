"""What is said: send, edit, delete, react, read."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Greatest
from django.utils import timezone
from emoji import is_emoji

from chat import limits, markdown, queries, seams, serializers
from chat.actions.waking import wake
from chat.fanout import fanout
from chat.models import Membership, Message, Reaction, Room, User
from chat.protocol import MAX_BODY, TypingNow
from chat.seams import messages_changed
from realtime.group_commit import GroupCommit
from realtime.wire import Forbidden, Invalid, NotFound, Refusal, TooLarge

MAX_EMOJI = 20  # different emoji on one message
# Written out: the room waits meanwhile, and to compile them takes longer than to run them.
COUNT_CHANGES = "UPDATE chat_room SET head = head + %s WHERE id = %s RETURNING *"
READ_ON = """UPDATE chat_membership SET read = %s WHERE room_id = %s AND user_id = %s
    AND EXISTS (SELECT 1 FROM chat_user WHERE id = user_id AND is_active)"""


def send_message(
    *,
    user: User,
    room_id: int,
    client_id: UUID,
    body: str,
    reply_to: int | None = None,
    parts: dict[str, Any] | None = None,
) -> Message:
    """Says something in a room. The client's id makes it idempotent, for ever.

    The same author and `client_id` give the message that was said first, whatever the rest, and
    even if its author has left the room since. Without words it says what is in its parts.
    """
    try:
        limits.writes.spend(user.pk)
        text = rendered(body) if body.strip() or not parts else ("", "")
        draft = Draft(user, client_id, *text, reply_to, parts or {})
        if transaction.get_connection().in_atomic_block:  # whose end decides about this too
            return _create_message(room_id, draft)
        return _talk.write(room_id, draft)
    except (Refusal, IntegrityError):
        said = Message.objects.filter(author=user, client_id=client_id).first()
        if said is None:
            raise
        return said


@dataclass(frozen=True)
class Draft:
    """What somebody is about to say."""

    user: User
    client_id: UUID
    body: str
    html: str
    reply_to: int | None
    parts: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def _create_messages(room_id: int, drafts: list[Draft]) -> list[Message | Refusal]:
    """Says things in a room, one after another. Returns for each the message, or why not."""
    room = _count_changes(room_id, len(drafts))
    position = room.head - len(drafts)
    outcomes: list[Message | Refusal] = []
    for draft in drafts:
        try:
            accept = _accept_with_parts if draft.parts else _accept
            outcomes.append(accept(draft, room_id, position + 1))
            position += 1
        except Refusal as refusal:
            outcomes.append(refusal)
    if position < room.head:  # numbers that nobody took would be gaps
        room = _count_changes(room_id, position - room.head)
    messages = [outcome for outcome in outcomes if isinstance(outcome, Message)]
    if messages:
        Message.objects.bulk_create([message for message in messages if not message.pk])
        _publish(room, *messages)
    return outcomes


def _create_message(room_id: int, draft: Draft) -> Message:
    outcome = _create_messages(room_id, [draft])[0]
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def _accept(draft: Draft, room_id: int, position: int) -> Message:
    """The message to be stored, if its author may say it, who then has read what came before.

    Asked under the lock: only then is it certain that nobody is being removed meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(READ_ON, [position, room_id, draft.user.pk])
        is_member = cursor.rowcount > 0
    if not is_member:
        raise Forbidden("You are not in this room.")
    if draft.reply_to and not Message.objects.filter(pk=draft.reply_to, room=room_id).exists():
        raise NotFound("The message you answer is not in this room.")
    return Message(
        room_id=room_id,
        author=draft.user,
        client_id=draft.client_id,
        position=position,
        version=position,
        body=draft.body,
        html=draft.html,
        reply_to_id=draft.reply_to,
    )


@transaction.atomic  # of what is refused nothing stays, while the rest of the group is said
def _accept_with_parts(draft: Draft, room_id: int, position: int) -> Message:
    """The message, stored at once: what an app claims for it the next draft cannot claim."""
    message = _accept(draft, room_id, position)
    message.parts = seams.checked(message, draft.parts)
    _check_content(message)
    message.save()
    seams.stored(message, draft.parts)
    return message


# A repeated client id is found by the database only, and rolls the whole group back.
_talk = GroupCommit(_create_messages, blames_one=IntegrityError, enough=settings.ASGI_THREADS // 2)


def edit_message(*, user: User, message_id: int, body: str) -> Message:
    """Says it differently. Only the author may."""
    limits.writes.spend(user.pk)
    text = rendered(body)  # before the lock: it takes a while
    with transaction.atomic():
        message = _seen_by(user, message_id)
        if message.author_id != user.pk:
            raise Forbidden("Only its author can edit a message.")
        return rewrite(message, *text)


@transaction.atomic
def delete_message(*, user: User, message_id: int) -> Message:
    """Leaves a tombstone without content. The author may, and who moderates the room."""
    limits.writes.spend(user.pk)
    message = _seen_by(user, message_id)
    if message.author_id != user.pk and not queries.membership(user, message.room_id).moderates:
        raise Forbidden("Only its author or a moderator can delete a message.")
    return bury(message)


@transaction.atomic
def amend(*, message_id: int, part: str, value: Any) -> Message:
    """Changes what an app adds to a message; None takes it away.

    The code of an app calls this, not a person: nobody's permission is checked. Nothing happens if
    the message was deleted meanwhile or says so already.
    """
    message = locked(message_id)
    if message.deleted_at or message.parts.get(part) == value:
        return message
    others = {key: other for key, other in message.parts.items() if key != part}
    message.parts = others if value is None else others | {part: value}
    _check_content(message)
    return changed(message)


@transaction.atomic
def react(*, user: User, message_id: int, emoji: str, on: bool) -> Message:
    """Puts an emoji under a message or takes it away; what is so already stays so."""
    limits.writes.spend(user.pk)
    if not is_emoji(emoji):
        raise Invalid("That is not an emoji.")
    message = _seen_by(user, message_id)
    _check_alive(message)
    mine = message.reactions.filter(user=user, emoji=emoji)
    if mine.exists() == on:
        return message
    if on:
        _check_space(message, emoji)
        Reaction.objects.create(message=message, user=user, emoji=emoji)
    else:
        mine.delete()
    return changed(message)


def mark_read(*, user: User, room_id: int, position: int) -> int:
    """Moves the read position forward, never back. Returns where it is now."""
    membership = queries.membership(user, room_id)
    position = min(position, membership.room.head)
    if position <= membership.read:
        return membership.read
    with transaction.atomic():
        Membership.objects.filter(pk=membership.pk).update(read=Greatest("read", position))
        wake(user.pk, "user.read", room=room_id, position=position)
    return position


def typing(*, user: User, room_id: int) -> None:
    """Lets the others in a room see that somebody writes. Nothing is stored."""
    queries.membership(user, room_id)
    fanout.pass_on(room_id, TypingNow(room=room_id, user=serializers.person(user)))


def rendered(body: str) -> tuple[str, str]:
    body = body.strip()
    if not body:
        raise Invalid("A message cannot be empty.")
    if len(body) > MAX_BODY:
        raise TooLarge(f"A message has at most {MAX_BODY} characters.")
    return body, markdown.render(body)


def _count_changes(room_id: int, changes: int = 1) -> Room:
    """Takes the room's next numbers, up to its new head, and its row lock until the commit.

    So the order of the numbers is the order of the commits, and a roll-back leaves no gap.
    """
    rooms = list(Room.objects.raw(COUNT_CHANGES, [changes, room_id]))
    if not rooms:
        raise NotFound("There is no such room.")
    return rooms[0]


def _seen_by(user: User, message_id: int) -> Message:
    """A message in a room of this user, under the room's lock.

    Asked before the lock, so that outsiders do not make a room wait, and again under it.
    """
    queries.membership(user, _room_of(message_id))
    message = locked(message_id)
    queries.membership(user, message.room_id)
    return message


def locked(message_id: int) -> Message:
    """A message, under the lock of its room until the commit."""
    if not Room.objects.select_for_update().filter(pk=_room_of(message_id)):
        raise NotFound("There is no such message.")
    return Message.objects.get(pk=message_id)


def _room_of(message_id: int) -> int:
    room_id = Message.objects.filter(pk=message_id).values_list("room", flat=True).first()
    if room_id is None:
        raise NotFound("There is no such message.")
    return room_id


def rewrite(message: Message, body: str, html: str) -> Message:
    _check_alive(message)
    message.body, message.html = body, html
    message.edited_at = timezone.now()
    return changed(message)


def bury(message: Message) -> Message:
    if message.deleted_at:
        return message
    message.reactions.all().delete()
    message.body = message.html = ""
    message.parts = {}
    message.deleted_at = timezone.now()
    return changed(message)


def changed(message: Message) -> Message:
    """Gives a changed message its new number, and tells the room on commit."""
    room = _count_changes(message.room_id)
    message.version = room.head
    message.save()
    [message] = queries.for_wire(Message.objects.filter(pk=message.pk))
    _publish(room, message)
    return message


def _publish(room: Room, *messages: Message) -> None:
    """Tells the features, and on commit the room. The messages have its newest numbers."""
    messages_changed.send(Message, room=room, messages=messages)
    first = room.serial - len(messages) + 1
    events = [serializers.message(message) for message in messages]
    transaction.on_commit(partial(fanout.publish, room.pk, first, *events))


def _check_alive(message: Message) -> None:
    if message.deleted_at:
        raise Invalid("This message was deleted.")


def _check_content(message: Message) -> None:
    if not message.body and not message.parts:
        raise Invalid("A message cannot be empty.")


def _check_space(message: Message, emoji: str) -> None:
    emoji_used = set(message.reactions.values_list("emoji", flat=True).distinct())
    if emoji not in emoji_used and len(emoji_used) >= MAX_EMOJI:
        raise Invalid(f"A message takes at most {MAX_EMOJI} different emoji.")
