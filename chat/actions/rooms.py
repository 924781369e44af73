"""Rooms, and who is in them."""

from functools import partial

from django.db import models, transaction
from django.db.models import F

from chat import limits, queries
from chat.fanout import fanout
from chat.models import Membership, Room, User
from chat.seams import membership_changed
from realtime.hints import wake
from realtime.wire import Forbidden, Invalid, NotFound

MAX_DIRECT = 8  # people in a direct room

JOINERS = {0x200C: None, 0x200D: None}  # invisible, and part of Persian words and of emoji

Role = Membership.Role


@transaction.atomic
def create_room(*, user: User, name: str, kind: str, topic: str = "") -> Room:
    """Opens a room that this user owns; `kind` is open or closed."""
    limits.changes.spend(user.pk)
    if kind not in (Room.Kind.OPEN, Room.Kind.CLOSED):
        raise Invalid("A new room is open or closed.")
    room = Room.objects.create(name=title(name), topic=about(topic), kind=kind)
    grant(room, user.pk, Role.OWNER)
    return room


@transaction.atomic
def update_room(*, user: User, room_id: int, name: str, topic: str) -> Room:
    """Renames a room. Its owner and moderators may. One event a member: it is rare."""
    limits.changes.spend(user.pk)
    if not queries.membership(user, room_id).moderates:
        raise Forbidden("Only the owner and moderators change a room.")
    return rename(group_room(room_id), name, topic)


@transaction.atomic
def join_room(*, user: User, room_id: int) -> Room:
    """Goes into an open room; what was said before counts as read."""
    limits.changes.spend(user.pk)
    room = group_room(room_id)
    if members_of(room).filter(user=user).exists():
        return room
    if room.kind != Room.Kind.OPEN:
        raise Forbidden("Somebody in this room has to add you.")
    grant(room, user.pk)
    return room


@transaction.atomic
def leave_room(*, user: User, room_id: int) -> None:
    """Goes out of a room. An owner leaves it to a moderator, or to who was there longest."""
    limits.changes.spend(user.pk)
    room = group_room(room_id)
    membership = queries.membership(user, room_id)
    revoke(membership)
    if membership.owns:
        appoint_heir(room)


@transaction.atomic
def add_member(*, user: User, room_id: int, member_id: int) -> None:
    """Brings somebody into a room. Every member may."""
    limits.changes.spend(user.pk)
    room = group_room(room_id)
    queries.membership(user, room_id)
    if not User.objects.filter(pk=member_id, is_active=True).exists():
        raise NotFound("There is no such person.")
    if not members_of(room).filter(user=member_id).exists():
        grant(room, member_id)


@transaction.atomic
def remove_member(*, user: User, room_id: int, member_id: int) -> None:
    """Sends somebody out. Moderators may with members, the owner with everybody."""
    limits.changes.spend(user.pk)
    room = group_room(room_id)
    mine, theirs = queries.membership(user, room_id), _member(room, member_id)
    if not mine.owns and (not mine.moderates or theirs.moderates):
        raise Forbidden("Moderators remove members; only the owner removes a moderator.")
    if theirs.owns:
        raise Forbidden("The owner can only leave.")
    revoke(theirs)


@transaction.atomic
def set_role(*, user: User, room_id: int, member_id: int, role: str) -> None:
    """Makes somebody moderator, member, or owner in one's own place. Only the owner may."""
    limits.changes.spend(user.pk)
    room = group_room(room_id)
    mine, theirs = queries.membership(user, room_id), _member(room, member_id)
    if not mine.owns:
        raise Forbidden("Only the owner gives roles.")
    if role not in Role.values or mine == theirs:
        raise Invalid("Give another person one of the roles.")
    make_way(room, role)
    assign(theirs, role)


@transaction.atomic
def start_direct(*, user: User, people: list[int]) -> Room:
    """The room of exactly this user and these people: the same one whenever it is asked for."""
    limits.changes.spend(user.pk)
    ids = sorted({user.pk, *people})
    if not 2 <= len(ids) <= MAX_DIRECT:
        raise Invalid(f"A direct room has 2 to {MAX_DIRECT} people.")
    if User.objects.filter(pk__in=ids, is_active=True).count() != len(ids):
        raise NotFound("There is no such person.")
    room, created = Room.objects.get_or_create(
        direct_key="-".join(map(str, ids)), defaults={"kind": Room.Kind.DIRECT}
    )
    if created:
        for id in ids:
            grant(room, id)
    return room


def group_room(room_id: int) -> Room:
    """A room that people come to and go from, under its lock."""
    room = Room.objects.select_for_update().filter(pk=room_id).first()
    if room is None:
        raise NotFound("There is no such room.")
    if room.is_direct:
        raise Forbidden("A direct room always has the same people.")
    return room


def title(name: str) -> str:
    name = " ".join(name.split())
    visible = name.translate(JOINERS)
    if not visible or len(name) > 80 or not visible.isprintable():
        raise Invalid("A name has 1 to 80 characters that can be read.")
    return name


def about(topic: str) -> str:
    topic = " ".join(topic.split())
    if len(topic) > 200 or not topic.translate(JOINERS).isprintable():
        raise Invalid("A topic has at most 200 characters that can be read.")
    return topic


def rename(room: Room, name: str, topic: str) -> Room:
    room.name, room.topic = title(name), about(topic)
    room.save(update_fields=["name", "topic"])
    for user_id in members_of(room).values_list("user", flat=True):
        wake(user_id, "user.room", room=room.pk)
    return room


def members_of(room: Room) -> models.QuerySet[Membership]:
    return Membership.objects.filter(room=room)


def _member(room: Room, user_id: int) -> Membership:
    membership = members_of(room).filter(user=user_id).first()
    if membership is None:
        raise NotFound("That person is not in this room.")
    return membership


def grant(room: Room, user_id: int, role: str = Role.MEMBER) -> Membership:
    """Lets somebody in. Who comes into a room that everybody had left owns it."""
    if not room.is_direct and not members_of(room).exists():
        role = Role.OWNER
    membership = Membership.objects.create(room=room, user_id=user_id, role=role, read=room.head)
    _tell(membership)
    return membership


def assign(membership: Membership, role: str) -> None:
    membership.role = role
    membership.save(update_fields=["role"])
    _tell(membership)


def revoke(membership: Membership) -> None:
    """Sends somebody out, at a moment that has its place among the changes to the room's messages:
    none of a later one reaches them, in whatever process."""
    room, user_id = Room.objects.filter(pk=membership.room_id), membership.user_id
    room.update(removals=F("removals") + 1)
    Membership.objects.filter(pk=membership.pk).delete()
    transaction.on_commit(partial(fanout.revoke, membership.room_id, room.get().serial, user_id))
    _tell(membership)


def _tell(membership: Membership) -> None:
    """Tells the features, and on commit the person, that a membership began, changed or ended."""
    room_id, user_id = membership.room_id, membership.user_id
    membership_changed.send(Membership, room_id=room_id, user_id=user_id)
    wake(user_id, "user.room", room=room_id)


def make_way(room: Room, role: str) -> None:
    """A room has one owner: who was it becomes moderator when another is to be it."""
    if role == Role.OWNER and (owner := members_of(room).filter(role=Role.OWNER).first()):
        assign(owner, Role.MODERATOR)


def hand_over(membership: Membership) -> None:
    """Makes another person the owner in this one's place, if there is another."""
    room = group_room(membership.room_id)
    if not members_of(room).filter(pk=membership.pk, role=Role.OWNER).exists():
        return  # another is since before the lock
    heirs = members_of(room).filter(user__is_active=True).exclude(pk=membership.pk)
    if heirs.exists():
        assign(membership, Role.MEMBER)
        appoint_heir(room)


def appoint_heir(room: Room) -> None:
    members = members_of(room).filter(user__is_active=True).order_by("joined_at", "pk")
    heir = members.filter(role=Role.MODERATOR).first() or members.first()
    if heir:
        assign(heir, Role.OWNER)
