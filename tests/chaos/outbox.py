"""What a person wants to be done, until the server has answered for it; and what must be so then.

One frame is on its way at a time, in the order in which they were written. What is not answered is
said again, for ever: every frame means the same when it is said twice.
"""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from tests.view import Event, Frame

AGAIN = ("unavailable", "rate_limited")  # the same frame may succeed later

Fact = tuple[Any, ...]  # what a frame decides, such as ("body", client id)


@dataclass
class Wish:
    frame: Frame
    fact: Fact
    value: Any
    said: int = 0


class Outbox:
    def __init__(self, name: str) -> None:
        self.added = 0
        self.answered = 0
        self.acknowledged = 0  # those of the answers that were not a refusal
        # Each fact has one of these values. One that was said twice may have been heard twice, and
        # the second time late: a process that was cut off works on what it had received.
        self.facts: dict[Fact, set[Any]] = {}
        self.said: dict[Fact, set[Any]] = defaultdict(set)  # whatever was sent, answered or not
        self._echoes: dict[Fact, set[Any]] = defaultdict(set)
        self._name = name
        self._wishes: deque[Wish] = deque()
        self._sent = False

    def __len__(self) -> int:
        """How much waits for an answer."""
        return len(self._wishes)

    def add(self, frame: Frame, fact: Fact, value: Any) -> None:
        self.added += 1
        self._wishes.append(Wish({**frame, "ref": f"{self._name} {self.added}"}, fact, value))

    def next(self) -> Frame | None:
        """The frame to be sent now, if there is one."""
        if self._sent or not self._wishes:
            return None
        wish = self._wishes[0]
        wish.said += 1
        self.said[wish.fact].add(wish.value)
        self._sent = True
        return wish.frame

    def lost(self) -> None:
        """What was sent will not be answered: it is said again."""
        self._sent = False

    def is_answer(self, event: Event) -> bool:
        """Whether this answers what is on its way."""
        return self._sent and event.get("ref") == self._wishes[0].frame["ref"]

    def take(self, event: Event) -> None:
        """Takes an answer in."""
        self._sent = False
        if event["type"] == "error" and event["code"] in AGAIN:
            return
        wish = self._wishes.popleft()
        self.answered += 1
        if wish.said > 1:
            self._echoes[wish.fact].add(wish.value)
        if event["type"] == "error":
            if wish.fact in self.facts:
                self.facts[wish.fact] |= self._echoes[wish.fact]
            return
        self.acknowledged += 1
        self.facts[wish.fact] = {wish.value} | self._echoes[wish.fact]
