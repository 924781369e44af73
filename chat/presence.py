"""Who is in a room, over all processes.

Every process announces the whole list of its own people, when it changes and every so often; a
list that is not repeated expires. So a lost announcement heals itself, and a process that was
killed leaves ghosts for a minute at most.
"""

import time
from uuid import uuid4

from chat import protocol

PROCESS = uuid4().hex  # this one, as the others know it
EXPIRES = 60.0  # seconds; three announcements


class Presence:
    """What this process knows of who is in one room."""

    def __init__(self, room_id: int) -> None:
        self.room_id = room_id
        self.told: set[int] = set()  # what the sockets of this process were told last
        self._elsewhere: dict[str, tuple[set[int], float]] = {}

    def hear(self, process: str, users: list[int]) -> bool:
        """Takes in the list of a process. True if it says something new."""
        if process == PROCESS:
            return False
        before, _ = self._elsewhere.get(process, (None, 0.0))
        self._elsewhere[process] = (set(users), time.monotonic() + EXPIRES)
        return before != set(users)

    def changes(self, here: set[int]) -> protocol.Presence | None:
        """Who came and went since the last call, given who is in this process now."""
        present = self._everybody(here)
        came, went = present - self.told, self.told - present
        self.told = present
        if not came and not went:
            return None
        return protocol.Presence(room=self.room_id, here=sorted(came), gone=sorted(went))

    def snapshot(self, here: set[int]) -> protocol.Presence:
        """Everybody this process knows of, for a socket that has just come."""
        return protocol.Presence(room=self.room_id, here=sorted(self._everybody(here)), gone=[])

    def _everybody(self, here: set[int]) -> set[int]:
        now = time.monotonic()
        self._elsewhere = {p: entry for p, entry in self._elsewhere.items() if entry[1] > now}
        return here.union(*(users for users, _ in self._elsewhere.values()))
