"""An unreliable channel layer, as the fan-out is seen from the actions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from chat.fanout import fanout
from realtime import hints

Tell = Callable[..., None]


class Hints:
    """What the actions told, and nobody has heard yet: it may arrive late, twice or never."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    @contextmanager
    def withheld(self) -> Iterator[None]:
        """Within the block what is told waits here. What is worth nothing later passes."""
        publish, revoke = self._keep(fanout.publish), self._keep(fanout.revoke)
        rooms = patch.multiple(fanout, publish=publish, revoke=revoke)
        with rooms, patch.object(hints, "wake", self._keep(hints.wake)):
            yield

    def _keep(self, tell: Tell) -> Tell:
        def keep(*told: Any, **named: Any) -> None:
            self.waiting.append(partial(tell, *told, **named))

        return keep
