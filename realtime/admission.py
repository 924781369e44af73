"""How many sockets a person may have in this process; the settings say."""

from collections import Counter

from django.conf import settings

from realtime import metrics

_open: Counter[int] = Counter()  # sockets by user


def admit(user_id: int) -> bool:
    """Counts one more socket, unless the person has as many as allowed."""
    if settings.SOCKETS_PER_USER and _open.get(user_id, 0) >= settings.SOCKETS_PER_USER:
        return False
    _open[user_id] += 1
    metrics.people_online.set(len(_open))
    return True


def dismiss(user_id: int) -> None:
    """A socket that was admitted is closed."""
    _open[user_id] -= 1
    if not _open[user_id]:
        del _open[user_id]
    metrics.people_online.set(len(_open))
