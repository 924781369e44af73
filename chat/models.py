"""The truth: people, rooms, who is in them, and what was said.

A room counts its changes in `head`. A message keeps the number at which it was created
(`position`) and that of its last change (`version`); both are taken in `actions`, under the
room's row lock, so that the order of numbers is the order of commits.
"""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Value, When
from django.db.models.functions import Lower, Now
from django.urls import reverse
from django.utils import timezone

from chat.protocol import MAX_UNREAD

COLORS = 12  # the palette of static/chat/palette.css
INVITATION_LIFE = timedelta(days=7)


def random_color() -> int:
    return secrets.randbelow(COLORS)


def new_token() -> str:
    return secrets.token_urlsafe(24)


def a_week_from_now() -> datetime:
    return timezone.now() + INVITATION_LIFE


class User(AbstractUser):
    """A person. The owner set the site up; there is at most one."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(max_length=60)
    color = models.PositiveSmallIntegerField(default=random_color)
    is_owner = models.BooleanField(default=False, editable=False)
    profile_changed_at = models.DateTimeField(auto_now=True, db_default=Now(), db_index=True)

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_owner"], condition=Q(is_owner=True), name="one_owner"
            ),
            models.CheckConstraint(condition=Q(color__lt=COLORS), name="color_in_palette"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.display_name or self.username

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class RoomQuerySet(models.QuerySet["Room"]):
    def open(self) -> Self:
        return self.filter(kind=Room.Kind.OPEN)

    def not_joined_by(self, user: User) -> Self:
        return self.exclude(memberships__user=user)


class Room(models.Model):
    class Kind(models.TextChoices):
        OPEN = "open", "Open: anyone may join"
        CLOSED = "closed", "Closed: members add members"
        DIRECT = "direct", "Direct: exactly these people"

    name = models.CharField(max_length=80, blank=True)
    topic = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.OPEN)
    direct_key = models.CharField(max_length=200, unique=True, null=True, editable=False)
    head = models.PositiveBigIntegerField(default=0, editable=False)
    removals = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="rooms")

    objects = RoomQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["open", "closed", "direct"]),
                name="room_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="direct", direct_key__isnull=False, name="")
                | Q(~Q(kind="direct"), ~Q(name=""), direct_key__isnull=True),
                name="direct_rooms_have_people_for_a_name",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"direct room {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("room", args=[self.pk])

    @property
    def serial(self) -> int:
        """Orders all that is published to the room: changes to messages, and removals of people."""
        return self.head + self.removals

    @property
    def is_direct(self) -> bool:
        return self.kind == Room.Kind.DIRECT

    def name_for(self, user: User) -> str:
        """What this user calls the room: a direct room goes by the other people in it."""
        if not self.is_direct:
            return self.name
        others = [m.user.name for m in self.memberships.all() if m.user_id != user.pk]
        return ", ".join(sorted(others)) or user.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user, user__is_active=True)

    def heads(self) -> models.QuerySet["Membership", tuple[int, int]]:
        """The rooms, and the number of each."""
        return self.values_list("room", "room__head")

    def by_rank(self) -> Self:
        """The owner, the moderators, everybody else; each by name."""
        rank = Case(
            When(role=Membership.Role.OWNER, then=0),
            When(role=Membership.Role.MODERATOR, then=1),
            default=2,
        )
        return self.order_by(rank, Lower("user__display_name"), "pk")

    def for_side_bar(self) -> Self:
        """With all that a list of rooms shows of each, in a constant number of queries."""
        return self.with_people().with_unread()

    def with_people(self) -> Self:
        """With all that `Room.name_for` reads, in a constant number of queries."""
        return self.select_related("room").prefetch_related(
            models.Prefetch(
                "room__memberships",
                Membership.objects.filter(room__kind=Room.Kind.DIRECT).select_related("user"),
            )
        )

    def with_unread(self) -> Self:
        """Annotates `unread`: messages after the read position, counted up to MAX_UNREAD.

        The cap keeps the cost of a room flat however much was said in it.
        """
        unread = Message.objects.filter(
            room=OuterRef("room"), position__gt=OuterRef("read"), deleted_at=None
        )
        # Without an order PostgreSQL may well read all messages there are to find so many.
        in_order = unread.order_by("position").values("pk")
        return self.annotate(unread=CountOf(in_order[:MAX_UNREAD]))


class CountOf(models.Subquery):
    """How many rows a subquery, which may be sliced, returns."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner"
        MODERATOR = "moderator"
        MEMBER = "member"

    room = models.ForeignKey(Room, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", db_index=False)
    role = models.CharField(max_length=9, choices=Role, default=Role.MEMBER)
    read = models.PositiveBigIntegerField(default=0, editable=False)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    unread: int  # annotated by with_unread()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "room"], name="member_once"),
            models.UniqueConstraint(
                fields=["room"], condition=Q(role="owner"), name="one_owner_a_room"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "moderator", "member"]),
                name="role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.room}"

    @property
    def moderates(self) -> bool:
        return self.role in (Membership.Role.OWNER, Membership.Role.MODERATOR)

    @property
    def owns(self) -> bool:
        return self.role == Membership.Role.OWNER


class MessageQuerySet(models.QuerySet["Message"]):
    def since(self, number: int) -> Self:
        """What changed after a number of the room, in the order of the changes."""
        return self.filter(version__gt=number).order_by("version")

    def before(self, position: int) -> Self:
        return self.filter(position__lt=position)

    def after(self, position: int) -> Self:
        return self.filter(position__gt=position)

    def newest_first(self) -> Self:
        return self.order_by("-position")

    def oldest_first(self) -> Self:
        return self.order_by("position")


class Message(models.Model):
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", db_index=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="messages", db_index=False)
    client_id = models.UUIDField()
    position = models.PositiveBigIntegerField()
    version = models.PositiveBigIntegerField()
    body = models.TextField(blank=True)
    html = models.TextField(blank=True)
    # Each app may add something under a key of its own. The default is the database's as well, for
    # programs that insert without Django.
    parts = models.JSONField(
        default=dict, db_default=Value({}, models.JSONField()), blank=True, editable=False
    )
    reply_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["room", "position"], name="one_message_a_position"),
            models.UniqueConstraint(fields=["room", "version"], name="one_change_a_number"),
            models.UniqueConstraint(fields=["author", "client_id"], name="sent_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1, version__gte=F("position")),
                name="changes_come_after_creation",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(body="", html="", parts={}),
                name="tombstones_are_empty",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=False) | ~Q(body="", parts={}),
                name="messages_say_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author} at {self.position}: {self.body[:40]}"


class Reaction(models.Model):
    message = models.ForeignKey(Message, models.CASCADE, related_name="reactions", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="reactions")
    emoji = models.CharField(max_length=32)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "user", "emoji"], name="react_once"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} by {self.user}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def valid(self) -> Self:
        """Not expired, and given by somebody who is still in the room."""
        return self.filter(
            expires_at__gt=timezone.now(),
            created_by__is_active=True,
            created_by__memberships__room=F("room"),
        )


class Invitation(models.Model):
    """A link that lets its bearer sign up and join a room, until it expires or is deleted."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="invitations")
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    created_by = models.ForeignKey(User, models.CASCADE, related_name="invitations")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=a_week_from_now)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"to {self.room} by {self.created_by}"

    def get_absolute_url(self) -> str:
        return reverse("invitation", args=[self.token])
