"""How a WebSocket is told to come back later: 4503, and not a failed handshake, which says nothing.

Pages wait a random while, so that not all of them come back at the same moment.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import InterfaceError, OperationalError

from chatsite import health

LEAVING = 4503

logger = logging.getLogger(__name__)


class ComeBackLater:
    """ASGI middleware for what cannot be served now: this process stops, or the database is away
    before there is a consumer that could say so."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if health.draining:
            return await turn_away(send)
        try:
            await self.app(scope, receive, send)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is not available: %s", error)
            await turn_away(send)


async def turn_away(send: Any) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": LEAVING})
