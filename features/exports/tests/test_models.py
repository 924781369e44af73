"""What the database itself holds of exports."""

import pytest
from django.utils import timezone

from features.exports.models import Export, ExportPart
from tests.factories import broken, person, room

pytestmark = pytest.mark.django_db


def test_a_room_has_one_export() -> None:
    alice = person("alice")
    garden = room(alice)
    Export.objects.create(room=garden, by=alice)
    with broken("exports_export_room_id", r"exports_export\.room_id"):
        Export.objects.create(room=garden, by=alice)


def test_an_export_is_in_a_known_state() -> None:
    alice = person("alice")
    with broken("export_state_is_known", "exports_end_at_some_time"):
        Export.objects.create(room=room(alice), by=alice, state="lost")


@pytest.mark.parametrize(("state", "ended"), [("ready", False), ("waiting", True)])
def test_an_export_ends_when_it_is_over(state: str, ended: bool) -> None:
    alice = person("alice")
    finished_at = timezone.now() if ended else None
    with broken("exports_end_at_some_time"):
        Export.objects.create(room=room(alice), by=alice, state=state, finished_at=finished_at)


def test_an_export_has_one_part_of_a_number() -> None:
    alice = person("alice")
    export = Export.objects.create(room=room(alice), by=alice)
    ExportPart.objects.create(export=export, number=0, content=b"")
    with broken("one_part_a_number", r"exports_exportpart\.export_id, exports_exportpart\.number"):
        ExportPart.objects.create(export=export, number=0, content=b"")
