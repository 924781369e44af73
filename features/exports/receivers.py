"""What happens to exports when something happens to their rooms."""

from typing import Any

from django.dispatch import receiver

from chat.models import Room
from chat.seams import room_deleted
from features.exports import actions
from features.exports.models import Export


@receiver(room_deleted)
def remove_with_its_room(room: Room, **_: Any) -> None:
    for export in Export.objects.filter(room=room):
        actions.remove(export)
