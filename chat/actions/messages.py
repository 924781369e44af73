"""What is said: send, edit, delete, react, read."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Greatest
from django.utils import timezone
from emoji import is_emoji

from chat import limits, markdown, queries, seams, serializers
from chat.actions.changes import Write, changed, created, locked, room_of
from chat.fanout import fanout
from chat.models import Membership, Message, Reaction, User
from chat.protocol import MAX_BODY, TypingNow
from realtime.hints import wake
from realtime.wire import Forbidden, Invalid, NotFound, Refusal, TooLarge

MAX_EMOJI = 20  # different emoji on one message
# Written out: the room waits meanwhile, and to compile it takes longer than to run it.
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
        say: Write = partial(_say, user, room_id, client_id, *text, reply_to)
        return created(room_id, partial(_with_parts, parts, say) if parts else say)
    except (Refusal, IntegrityError):
        said = Message.objects.filter(author=user, client_id=client_id).first()
        if said is None:
            raise
        return said


def _say(
    user: User,
    room_id: int,
    client_id: UUID,
    body: str,
    html: str,
    reply_to: int | None,
    number: int,
) -> Message:
    """The message of a number, under the lock of its room: only then is it certain that nobody is
    being removed meanwhile. Its author has read all that came before."""
    if reply_to and not Message.objects.filter(pk=reply_to, room=room_id).exists():
        queries.membership(user, room_id)  # who is not in the room learns no more than that
        raise NotFound("The message you answer is not in this room.")
    _read_on(user, room_id, number)
    return Message(
        room_id=room_id,
        author=user,
        client_id=client_id,
        position=number,
        version=number,
        body=body,
        html=html,
        reply_to_id=reply_to,
    )


def _read_on(user: User, room_id: int, number: int) -> None:
    """Moves the read position of a member. Raises Forbidden for anybody else."""
    with connection.cursor() as cursor:
        cursor.execute(READ_ON, [number, room_id, user.pk])
        if not cursor.rowcount:
            raise Forbidden("You are not in this room.")


@transaction.atomic  # of what is refused nothing stays, while others of the same moment are said
def _with_parts(parts: dict[str, Any], say: Write, number: int) -> Message:
    """The message is stored at once: what an app claims for it, the next one cannot claim."""
    message = say(number)
    message.parts = seams.checked(message, parts)
    _check_content(message)
    message.save()
    seams.stored(message, parts)
    return message


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
    """Puts an emoji under a message or takes it away; a repeated reaction changes nothing."""
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


def _seen_by(user: User, message_id: int) -> Message:
    """A message in a room of this user, under the room's lock.

    Asked before the lock, so that outsiders do not make a room wait, and again under it.
    """
    queries.membership(user, room_of(message_id))
    message = locked(message_id)
    queries.membership(user, message.room_id)
    return message


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
