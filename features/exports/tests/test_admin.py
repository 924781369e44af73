"""Exports in the admin: looked at, and deleted."""

import pytest
from django.urls import reverse

from chat.models import Room, User
from features.exports import actions
from features.exports.models import Export, ExportPart
from realtime.jobs import queue
from realtime.wire import Forbidden
from tests.factories import fill, person
from tests.plugin import logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def export(alice: User, garden: Room) -> Export:
    fill(garden, alice, 3)
    export = actions.ask_for_export(user=alice, room_id=garden.pk)
    queue.work()
    return export


def test_staff_delete_an_export_and_its_file(export: Export) -> None:
    admin = logged_in(person("sue", is_staff=True, is_superuser=True))
    assert admin.get(reverse("admin:exports_export_changelist")).status_code == 200
    assert admin.get(reverse("admin:exports_export_change", args=[export.pk])).status_code == 200
    assert admin.get(reverse("admin:exports_export_add")).status_code == 403
    assert ExportPart.objects.exists()
    admin.post(reverse("admin:exports_export_delete", args=[export.pk]), {"post": "yes"})
    assert not ExportPart.objects.exists()


def test_nobody_else_deletes_one(export: Export, bob: User) -> None:
    with pytest.raises(Forbidden):
        actions.delete_export(user=bob, export=export)
    page = reverse("admin:exports_export_delete", args=[export.pk])
    assert logged_in(bob).post(page, {"post": "yes"}).status_code == 302
    assert Export.objects.exists()
