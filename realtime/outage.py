"""What cannot be served now: the database is away, or this process stops.

A page is answered with 503. A WebSocket is accepted and closed with 4503, because a handshake that
fails says nothing; pages then come back after a random while, not all at the same moment.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from realtime import metrics
from realtime.logs import already_said
from realtime.wire import LEAVING

OUTAGE = (OperationalError, InterfaceError)  # any other database error is a fault of ours

RETRY_AFTER = "5"  # seconds

draining = False  # set by realtime.server when it is told to stop

logger = logging.getLogger(__name__)
outage = logging.getLogger("outage")


class OutageMiddleware:
    """Django middleware: a page whose view finds no database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OUTAGE):
            return None
        log(exception)
        page = render_to_string("503.html")  # without the request: its user is in the database
        response = HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER})
        return already_said(response)


class ComeBackLater:
    """ASGI middleware: a WebSocket that has no consumer yet which could say so."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if draining:
            return await turn_away(send)
        try:
            await self.app(scope, receive, send)
        except OUTAGE as error:
            log(error)
            await turn_away(send)


async def turn_away(send: Any) -> None:
    metrics.sockets_turned_away.inc()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": LEAVING})


def log(error: Exception) -> None:
    outage.warning("The database is not available: %s", str(error).partition("\n")[0])


def log_fault(error: Exception) -> None:
    """An outage is a line in the log; a fault of ours is a traceback."""
    if isinstance(error, OUTAGE):
        log(error)
    else:
        logger.error("A consumer failed", exc_info=error)
