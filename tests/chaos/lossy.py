"""A channel layer that loses every third event for as long as a certain file exists."""

import os
from itertools import count
from pathlib import Path
from typing import Any

from channels.layers import channel_layers

SWITCH = "CHAOS_LOSES_HINTS"  # the name of the environment variable with the path of that file


class LossyLayer:
    """Lies over another channel layer, named by its alias."""

    def __init__(self, over: str) -> None:
        self._over = over
        self._switch = Path(os.environ[SWITCH])
        self._sent = count(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(channel_layers[self._over], name)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self._switch.exists() and next(self._sent) % 3 == 0:
            return
        await channel_layers[self._over].group_send(group, message)
