"""What the buttons of the lab do that concerns more than one socket."""

from asgiref.sync import async_to_sync
from django.db import connection

from chat.models import User
from features.lab.access import may_see_lab
from features.lab.lab_socket import lab_group
from features.lab.measuring import now
from realtime.hints import channel_layer
from realtime.wire import Forbidden, Invalid

CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    # Others come with the same user, and say who they are: pg_dump at a backup, manage.py when it
    # migrates or works.
    " AND application_name = current_setting('application_name')"
)


def allow(user: User) -> None:
    """Raises Forbidden."""
    if not may_see_lab(user):
        raise Forbidden("The lab is for staff.")


def wake(*, user: User) -> None:
    """Sends a channel-layer event to all lab sockets of this user. Raises Forbidden."""
    allow(user)
    event = {"type": "wake", "asked": now()}
    async_to_sync(channel_layer().group_send)(lab_group(user.pk), event)


def why_not_cut() -> str:
    """Why connections cannot be cut here; empty if they can."""
    if connection.vendor == "postgresql":
        return ""
    return "This site runs on SQLite: a file, with nobody at its other end who could hang up."


def cut_connections(*, user: User) -> int:
    """Ends all connections of the site's servers to its database, but the one that asks. Returns
    how many. Raises Forbidden, or Invalid where there is nothing to cut.

    https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
    """
    allow(user)
    if reason := why_not_cut():
        raise Invalid(reason)
    with connection.cursor() as cursor:
        cursor.execute(CUT)
        number: int = cursor.fetchone()[0]
        return number
