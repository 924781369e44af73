"""Every write to the chat: one transaction each, permission first, told to others on commit.

All are keyword-only and synchronous. They raise a `protocol.Refusal` (Invalid, Forbidden,
NotFound, TooLarge, RateLimited) and then have changed and told nothing.
"""

from chat.actions.exports import ask_for_export
from chat.actions.messages import (
    amend,
    delete_message,
    edit_message,
    mark_read,
    react,
    send_message,
    typing,
)
from chat.actions.people import (
    accept_invitation,
    check_setup,
    create_owner,
    invite,
    recheck_sessions,
    setup_token,
    sign_up,
    update_profile,
)
from chat.actions.rooms import (
    add_member,
    create_room,
    join_room,
    leave_room,
    remove_member,
    set_role,
    start_direct,
    update_room,
)
from chat.actions.staff import (
    staff_add_member,
    staff_delete_export,
    staff_delete_message,
    staff_delete_room,
    staff_edit_message,
    staff_remove_member,
    staff_remove_reaction,
    staff_save_user,
    staff_set_active,
    staff_set_role,
    staff_update_room,
)

__all__ = [
    "accept_invitation",
    "add_member",
    "amend",
    "ask_for_export",
    "check_setup",
    "create_owner",
    "create_room",
    "delete_message",
    "edit_message",
    "invite",
    "join_room",
    "leave_room",
    "mark_read",
    "react",
    "recheck_sessions",
    "remove_member",
    "send_message",
    "set_role",
    "setup_token",
    "sign_up",
    "staff_add_member",
    "staff_delete_export",
    "staff_delete_message",
    "staff_delete_room",
    "staff_edit_message",
    "staff_remove_member",
    "staff_remove_reaction",
    "staff_save_user",
    "staff_set_active",
    "staff_set_role",
    "staff_update_room",
    "start_direct",
    "typing",
    "update_profile",
    "update_room",
]
