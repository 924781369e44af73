"""How much one person may write: a token bucket for each, in this process's memory."""

import time
from collections import OrderedDict
from threading import Lock

from django.conf import settings

from chat.protocol import RateLimited

MAX_BUCKETS = 10_000  # people remembered at once; whoever wrote longest ago is forgotten first


class TokenBuckets:
    """A full bucket holds a minute's worth and fills up again evenly within a minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()  # tokens, when
        self._lock = Lock()

    def spend(self, user_id: int) -> None:
        """Takes one token. Raises RateLimited when there is none."""
        if not self.per_minute:
            return
        with self._lock:
            now = time.monotonic()
            tokens, then = self._buckets.pop(user_id, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - then) * self.per_minute / 60)
            allowed = tokens >= 1
            self._buckets[user_id] = (tokens - allowed, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimited(f"At most {self.per_minute} messages a minute.")


writes = TokenBuckets(settings.RATE_LIMIT)
