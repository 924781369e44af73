"""Who is in a topic, over all processes.

Every process announces the whole list of its own people, when it changes and every so often; a
list that is not repeated expires. So a lost announcement heals itself, and a process that was
killed leaves ghosts for a minute at most.
"""

import time
from collections.abc import Callable
from uuid import uuid4

from realtime.wire import Event

PROCESS = uuid4().hex  # this one, as the others know it
EXPIRES = 60.0  # seconds; three announcements

# Of a topic, who came and who went: an event of the protocol that is spoken.
PresenceEvent = Callable[[int, list[int], list[int]], Event]


class Presence:
    """What this process knows of who is in one topic."""

    def __init__(self, topic: int, event: PresenceEvent) -> None:
        self._topic = topic
        self._event = event
        self.told: set[int] = set()  # what the sockets of this process were told last
        self._elsewhere: dict[str, tuple[set[int], float]] = {}

    def hear(self, process: str, users: list[int]) -> bool:
        """Takes in the list of a process. True if it says something new."""
        if process == PROCESS:
            return False
        before, _ = self._elsewhere.get(process, (None, 0.0))
        self._elsewhere[process] = (set(users), time.monotonic() + EXPIRES)
        return before != set(users)

    def changes(self, here: set[int]) -> Event | None:
        """Who came and went since the last call, given who is in this process now."""
        present = self._everybody(here)
        came, went = present - self.told, self.told - present
        self.told = present
        if not came and not went:
            return None
        return self._event(self._topic, sorted(came), sorted(went))

    def snapshot(self, here: set[int]) -> Event:
        """Everybody this process knows of, for a socket that has just come."""
        return self._event(self._topic, sorted(self._everybody(here)), [])

    def _everybody(self, here: set[int]) -> set[int]:
        now = time.monotonic()
        self._elsewhere = {p: entry for p, entry in self._elsewhere.items() if entry[1] > now}
        return here.union(*(users for users, _ in self._elsewhere.values()))
