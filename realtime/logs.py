"""How a log says what it says, and what it does not have to say over and over."""

import json
import logging
import re
import time
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.http import HttpResponse

from realtime.request_id import request_id

PAUSE = 10.0  # seconds


class WithRequestId(logging.Filter):
    """Puts on each record which request or socket it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


@cache
def token() -> re.Pattern[str]:
    """Finds what is as good as a password in a path or a query. The settings are read late, because
    the server imports this module before it names them."""
    return re.compile(rf"""({settings.BEFORE_TOKENS})[^\s/?&"'<>\\]+""")


def without_tokens(text: str) -> str:
    return token().sub(r"\1...", text)


class LineFormatter(logging.Formatter):
    """A line for eyes; the traceback of a fault is below it."""

    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


class JsonFormatter(logging.Formatter):
    """A JSON object a line. What a message names, as `%(user)s`, is a field of its own.

    Nothing else that hangs on a record is written: Django hangs the whole request on some, and a
    library such as python-json-logger would write that as well.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if isinstance(record.args, dict):
            line = {**line, **record.args, **line}  # in this order, and none takes another's place
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return without_tokens(json.dumps(line, default=str, skipkeys=True))


def already_said(response: HttpResponse) -> HttpResponse:
    """An answer about whose reason the log has its line. Django would add an error for each."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # as django.utils.log does
    return response


class Seldom(logging.Filter):
    """Lets each message through once in a while: in an outage every socket has the same to say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self.said.get(record.msg, -PAUSE) < PAUSE:
            return False
        self.said[record.msg] = now
        return True
