"""Rooms as files."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chat.models import Room, User

EXPORT_LIFE = timedelta(days=1)


class Export(models.Model):
    """What was said in a room as a file, or the wish for one. A room has at most one."""

    class State(models.TextChoices):
        WAITING = "waiting"
        WRITING = "writing"
        READY = "ready"
        FAILED = "failed"

    room = models.OneToOneField(Room, models.CASCADE, related_name="export")
    by = models.ForeignKey(User, models.CASCADE, related_name="exports")
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    until = models.PositiveBigIntegerField(default=0)  # the room's number when writing began
    messages = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes of all parts

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "writing", "ready", "failed"]),
                name="export_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "writing"], finished_at__isnull=True)
                | Q(state__in=["ready", "failed"], finished_at__isnull=False),
                name="exports_end_at_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"of {self.room}: {self.state}"

    @property
    def is_under_way(self) -> bool:
        return self.state in (Export.State.WAITING, Export.State.WRITING)

    @property
    def is_ready(self) -> bool:
        return self.state == Export.State.READY

    @property
    def kept_until(self) -> datetime:
        """When it is removed; it has to be finished."""
        assert self.finished_at
        return self.finished_at + EXPORT_LIFE


class ExportPart(models.Model):
    """Some of an export's bytes. Each part is a whole gzip member, and so is their sequence a gzip
    file: https://www.rfc-editor.org/rfc/rfc1952#section-2.2"""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="one_part_a_number"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of export {self.export_id}"
