"""What people do with the messages they keep."""

from django.db import transaction

from chat import limits, queries
from chat.models import Message, User
from features.app_name.models import Mark
from realtime.wire import NotFound


@transaction.atomic
def mark(*, user: User, message_id: int, on: bool) -> None:
    """Keeps a message of one's rooms, or no longer. Once more changes nothing."""
    limits.changes.spend(user.pk)
    message = Message.objects.filter(pk=message_id, deleted_at=None).first()
    if message is None:
        raise NotFound("There is no such message.")
    queries.membership(user, message.room_id)
    if on:
        Mark.objects.get_or_create(user=user, message=message)
    else:
        Mark.objects.filter(user=user, message=message).delete()
