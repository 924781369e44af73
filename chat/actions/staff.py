"""What the admin may do. Only staff; it reaches open pages like everything else."""

from django.db import transaction

from chat.actions.changes import changed, locked
from chat.actions.messages import bury, rendered, rewrite
from chat.actions.people import checked, show_anew
from chat.actions.rooms import (
    Role,
    appoint_heir,
    assign,
    grant,
    group_room,
    hand_over,
    make_way,
    members_of,
    rename,
    revoke,
)
from chat.models import Membership, Message, Reaction, Room, User
from chat.seams import room_deleted
from realtime.hints import wake
from realtime.wire import Forbidden, Invalid, NotFound


@transaction.atomic
def staff_edit_message(*, user: User, message_id: int, body: str) -> Message:
    check_staff(user)
    return rewrite(locked(message_id), *rendered(body))


@transaction.atomic
def staff_delete_message(*, user: User, message_id: int) -> Message:
    check_staff(user)
    return bury(locked(message_id))


@transaction.atomic
def staff_remove_reaction(*, user: User, reaction: Reaction) -> None:
    check_staff(user)
    message = locked(reaction.message_id)
    reaction.delete()
    changed(message)


@transaction.atomic
def staff_update_room(*, user: User, room_id: int, name: str, topic: str) -> Room:
    check_staff(user)
    return rename(group_room(room_id), name, topic)


@transaction.atomic
def staff_delete_room(*, user: User, room: Room) -> None:
    """Deletes a room of any kind with all that was said in it."""
    check_staff(user)
    Room.objects.select_for_update().get(pk=room.pk)  # first, as everybody else does
    room_deleted.send(Room, room=room)
    for membership in members_of(room):
        revoke(membership)
    room.delete()


@transaction.atomic
def staff_add_member(*, user: User, room_id: int, member_id: int, role: str) -> Membership:
    check_staff(user)
    room = group_room(room_id)
    make_way(room, role)
    return grant(room, member_id, role)


@transaction.atomic
def staff_set_role(*, user: User, membership: Membership, role: str) -> None:
    check_staff(user)
    room = group_room(membership.room_id)
    current = members_of(room).filter(pk=membership.pk).first()  # what is given is from before
    if current is None:
        raise NotFound("That person is not in this room.")
    if role != Role.OWNER and current.owns:
        raise Invalid("Make another person the owner first.")
    make_way(room, role)
    assign(current, role)


@transaction.atomic
def staff_remove_member(*, user: User, membership: Membership) -> None:
    check_staff(user)
    room = group_room(membership.room_id)
    current = members_of(room).filter(pk=membership.pk).first()  # what is given is from before
    if current is None:
        return
    revoke(current)
    if current.owns:
        appoint_heir(room)


@transaction.atomic
def staff_save_user(*, user: User, person: User) -> None:
    """Saves a new or changed person. Who is shut out is signed out at once, and owns no room."""
    check_staff(user)
    checked(person)
    person.save()
    show_anew(person)
    wake(person.pk, "user.session")
    if not person.is_active:
        for membership in person.memberships.filter(role=Role.OWNER).select_related("room"):
            hand_over(membership)


def staff_set_active(*, user: User, person: User, active: bool) -> None:
    """Lets a person in or keeps them out."""
    person.is_active = active
    staff_save_user(user=user, person=person)


def check_staff(user: User) -> None:
    if not user.is_staff:
        raise Forbidden("Only staff may do this.")
