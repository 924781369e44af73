"""Messages that people keep for later."""

from typing import Self

from django.db import models

from chat.models import Message, User


class MarkQuerySet(models.QuerySet["Mark"]):
    def of(self, user: User) -> Self:
        """What a user keeps and may still read, the newest first."""
        rooms = user.memberships.values("room")
        return self.filter(user=user, message__room__in=rooms, message__deleted_at=None).order_by(
            "-pk"
        )


class Mark(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="+")

    objects = MarkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "message"], name="app_name_mark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} keeps {self.message_id}"
