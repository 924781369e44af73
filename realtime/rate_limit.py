"""How much is too much: token buckets, in this process's memory."""

import time
from collections import OrderedDict
from threading import Lock

from django.conf import settings

from realtime.wire import RateLimited

MAX_BUCKETS = 10_000  # people remembered at once; whoever came longest ago is forgotten first
FRAMES = 1_200  # of any kind that one socket may send; more if it may say more
SOCKETS = 2  # how many sockets' worth of them a person may send
REFUSALS = 60  # frames a minute and person that are refused with an error; then the socket closes
CALM = 30  # of them have to be left for a new socket: who was shut out waits half a minute


class TokenBucket:
    """A full bucket holds a minute's worth and fills up again evenly within a minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._tokens = float(per_minute)
        self._then = time.monotonic()

    def take(self) -> bool:
        """Takes one token. False when there is none; a bucket of 0 a minute has no bottom."""
        has_one = self.has(1)
        if has_one:
            self._tokens -= 1
        return has_one

    def has(self, tokens: int) -> bool:
        now = time.monotonic()
        self._tokens += (now - self._then) * self.per_minute / 60
        self._tokens = min(self._tokens, self.per_minute)
        self._then = now
        return self._tokens >= tokens or not self.per_minute


class TokenBuckets:
    """One for each person, from any thread."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[int, TokenBucket] = OrderedDict()
        self._lock = Lock()

    def take(self, user_id: int) -> bool:
        with self._lock:
            bucket = self._buckets.pop(user_id, None) or TokenBucket(self.per_minute)
            self._buckets[user_id] = bucket
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
            return bucket.take()

    def has(self, user_id: int, tokens: int) -> bool:
        with self._lock:
            bucket = self._buckets.get(user_id)
            return bucket is None or bucket.has(tokens)

    def spend(self, user_id: int) -> None:
        """Takes one token. Raises RateLimited when there is none."""
        if not self.take(user_id):
            raise RateLimited(f"Slow down: at most {self.per_minute} a minute.")


frames_a_minute = max(FRAMES, 2 * settings.RATE_LIMIT) if settings.RATE_LIMIT else 0
frames = TokenBuckets(frames_a_minute * SOCKETS)
refusals = TokenBuckets(REFUSALS)


def frames_of_a_socket() -> TokenBucket:
    return TokenBucket(frames_a_minute)
