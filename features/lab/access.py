"""Who may see the lab. Page, sockets and buttons ask here."""

from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.utils.crypto import constant_time_compare

from chat.models import User


def may_see_lab(user: User | AnonymousUser) -> bool:
    """Slow queries and cut connections are felt by everybody: the lab is for staff, and where a
    site is being developed for everybody who is logged in."""
    return user.is_authenticated and user.is_active and (user.is_staff or settings.DEBUG)


def still_may_see_lab(user: User, session: Any) -> bool:
    """The same of somebody who came in with this session: a new password ends it."""
    hash_then = session.get(HASH_SESSION_KEY, "")
    return may_see_lab(user) and constant_time_compare(hash_then, user.get_session_auth_hash())
