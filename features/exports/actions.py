"""A room as a file: who may see it, ask for it and delete it."""

from django.db import transaction

from chat import limits, queries
from chat.actions import check_staff
from chat.models import Room, User
from features.exports.models import Export
from realtime.jobs import queue
from realtime.wire import Forbidden


@transaction.atomic
def ask_for_export(*, user: User, room_id: int) -> Export:
    """Has all that was said in a room written to a file, in place of the one there is. Its owner
    and moderators may. While one is under way, nothing begins anew."""
    export_of(user, room_id)
    limits.changes.spend(user.pk)
    room = Room.objects.select_for_update().get(pk=room_id)  # two may ask at the same moment
    earlier = Export.objects.filter(room=room).first()
    if earlier and earlier.is_under_way:
        return earlier
    if earlier:
        earlier.delete()
    export = Export.objects.create(room=room, by=user)
    queue.ask("exports.write", export=export.pk)
    return export


def export_of(user: User, room_id: int) -> Export | None:
    """The export of a room, for its owner and moderators. Raises NotFound, Forbidden."""
    if not queries.membership(user, room_id).moderates:
        raise Forbidden("Only the owner and moderators export a room.")
    return Export.objects.filter(room=room_id).first()


@transaction.atomic
def delete_export(*, user: User, export: Export) -> None:
    """Deletes a file, or the wish for one; a worker that is at it finds out. Only staff may."""
    check_staff(user)
    remove(export)


def remove(export: Export) -> None:
    """Within a transaction; under the lock nothing is added any more."""
    list(Export.objects.select_for_update().filter(pk=export.pk))
    Export.objects.filter(pk=export.pk).delete()
