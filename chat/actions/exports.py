"""A room as a file: who may ask for it."""

from functools import partial

from django.db import transaction

from chat import queries, rate_limit
from chat.fanout import fanout
from chat.models import Export, Room, User


@transaction.atomic
def ask_for_export(*, user: User, room_id: int) -> Export:
    """Has all that was said in a room written to a file, in place of the one there is. Its owner
    and moderators may. While one is under way, nothing begins anew."""
    queries.export(user, room_id)
    rate_limit.changes.spend(user.pk)
    room = Room.objects.select_for_update().get(pk=room_id)  # two may ask at the same moment
    transaction.on_commit(partial(fanout.call, "exports", {"type": "look"}))
    earlier = Export.objects.filter(room=room).first()
    if earlier and earlier.is_under_way:
        return earlier
    if earlier:
        earlier.delete()
    return Export.objects.create(room=room, by=user)
