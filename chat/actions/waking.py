"""How an action reaches the consumers of a user's sockets."""

from functools import partial

from django.db import transaction

from realtime import hints


def wake(user_id: int, type: str, **fields: int) -> None:
    """On commit, wakes each socket of a user; its consumer looks for itself what is so now."""
    transaction.on_commit(partial(hints.wake, user_id, {"type": type, **fields}))
