"""What a log does not have to say over and over."""

import logging
import time

PAUSE = 10.0  # seconds


class Seldom(logging.Filter):
    """Lets each message through once in a while: in an outage every socket has the same to say."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._said.get(record.msg, -PAUSE) < PAUSE:
            return False
        self._said[record.msg] = now
        return True
