"""Changes to what is said in a room. Each takes the room's next number, under the room's row lock,
and the room is told of it on commit."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction

from chat import queries, serializers
from chat.fanout import fanout
from chat.models import Message, Room
from chat.seams import messages_changed
from realtime.group_commit import GroupCommit
from realtime.wire import NotFound, Refusal

# Written out: the room waits meanwhile, and to compile it takes longer than to run it.
COUNT_CHANGES = "UPDATE chat_room SET head = head + %s WHERE id = %s RETURNING *"

Write = Callable[[int], Message]  # makes the message of a number, or raises a Refusal


def created(room_id: int, write: Write) -> Message:
    """A new message of the next number. Those who write at the same moment share a transaction."""
    return _together.write(room_id, write)


def changed(message: Message) -> Message:
    """Gives a changed message its new number, and tells the room on commit."""
    room = _count(message.room_id)
    message.version = room.head
    message.save()
    [message] = queries.for_wire(Message.objects.filter(pk=message.pk))
    _publish(room, message)
    return message


def locked(message_id: int) -> Message:
    """A message, under the lock of its room until the commit."""
    if not Room.objects.select_for_update().filter(pk=room_of(message_id)):
        raise NotFound("There is no such message.")
    return Message.objects.get(pk=message_id)


def room_of(message_id: int) -> int:
    room_id = Message.objects.filter(pk=message_id).values_list("room", flat=True).first()
    if room_id is None:
        raise NotFound("There is no such message.")
    return room_id


@transaction.atomic
def create_all(room_id: int, writes: list[Write]) -> list[Message | Refusal]:
    """Writes one after another. Returns for each its message, or why there is none."""
    room = _count(room_id, len(writes))
    number = room.head - len(writes)
    outcomes: list[Message | Refusal] = []
    for write in writes:
        try:
            outcomes.append(write(number + 1))
            number += 1
        except Refusal as refusal:
            outcomes.append(refusal)
    if number < room.head:  # numbers that nobody took would be gaps
        room = _count(room_id, number - room.head)
    messages = [outcome for outcome in outcomes if isinstance(outcome, Message)]
    if messages:
        Message.objects.bulk_create([message for message in messages if not message.pk])
        _publish(room, *messages)
    return outcomes


# A repeated client id is found by the database only, and rolls the whole group back.
_together = GroupCommit(create_all, blames_one=IntegrityError, enough=settings.ASGI_THREADS // 2)


def _count(room_id: int, changes: int = 1) -> Room:
    """Takes the room's next numbers, up to its new head, and its row lock until the commit.

    So the order of the numbers is the order of the commits, and a roll-back leaves no gap.
    """
    rooms = list(Room.objects.raw(COUNT_CHANGES, [changes, room_id]))
    if not rooms:
        raise NotFound("There is no such room.")
    return rooms[0]


def _publish(room: Room, *messages: Message) -> None:
    """Tells the features, and on commit the room. The messages have its newest numbers."""
    messages_changed.send(Message, room=room, messages=messages)
    first = room.serial - len(messages) + 1
    events = [serializers.message(message) for message in messages]
    transaction.on_commit(partial(fanout.publish, room.pk, first, *events))
