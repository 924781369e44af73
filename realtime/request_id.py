"""Which request, or which socket, a line of the log belongs to."""

import re
import secrets
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings

HEADER = b"x-request-id"
WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{8,64}")

request_id = ContextVar("request_id", default="-")  # asgiref takes it along to the ORM threads


class RequestId:
    """ASGI middleware that gives each request an id, and a socket that of its handshake.

    A proxy may have given one already, in X-Request-ID; it is believed when BEHIND_PROXY. The
    answer carries the id back.
    """

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        id = given(scope) or secrets.token_hex(8)
        request_id.set(id)
        if scope["type"] != "http":  # Daphne sends no headers with a handshake
            return await self.app(scope, receive, send)

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                header = (HEADER, id.encode())
                message = {**message, "headers": [*message.get("headers", []), header]}
            await send(message)

        await self.app(scope, receive, send_with_id)


def given(scope: Any) -> str:
    """The id that the proxy gave; empty if there is none that can be believed."""
    if not settings.BEHIND_PROXY:
        return ""
    id: bytes = dict(scope.get("headers", ())).get(HEADER, b"")
    return id.decode() if WELL_FORMED.fullmatch(id) else ""
