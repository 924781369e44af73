"""What is to be done beside the conversation."""

from django.db import models
from django.utils import timezone


class Job(models.Model):
    """A wish that commits with the change it belongs to, and is gone once it is done.

    `due_at` is when it may be taken next. A worker that takes it puts that off, and puts it off
    again while it is at it; so a job whose worker died becomes due by itself.
    """

    name = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.arguments}"
