"""Puts what is published to a topic back into its order.

Two writers commit 7 and 8, and 8 is published first: without this, every page would take 7 for
lost and ask the database for it.
"""

import time

from realtime import metrics

PATIENCE = 0.1  # seconds to wait for a missing number; after that it is lost, and pages sync


class Sequence:
    """Collects events as they come, hands them out as they happened."""

    def __init__(self, after: int) -> None:
        self._last = after  # the newest number that is out
        self._passing: list[str] = []
        self._numbered: dict[int, tuple[str, float]] = {}

    @property
    def waits(self) -> bool:
        """Whether events are held back for a missing one."""
        return bool(self._numbered)

    def put(self, number: int, event: str) -> None:
        """Takes an event in; number 0 is for what passes and has no place in the order."""
        if number:
            self._numbered[number] = (event, time.monotonic())
        else:
            self._passing.append(event)

    def take(self) -> list[str]:
        """All that may go out now."""
        events, self._passing = self._passing, []
        for number in sorted(self._numbered):
            event, came = self._numbered[number]
            if number > self._last + 1:
                if time.monotonic() - came < PATIENCE:
                    break
                metrics.hints_missed.inc(number - self._last - 1)
            del self._numbered[number]
            self._last = max(self._last, number)
            events.append(event)
        return events
