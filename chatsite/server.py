"""Daphne as this site runs it: `python -m chatsite.server [--bind 127.0.0.1] [--port 8000]`.

Told to stop, it closes every WebSocket with 4503, so that pages come back in their own time and
find another process, and lets requests and consumers finish. Daphne alone would drop the sockets.
"""

import asyncio
import logging
import os
import sys
from typing import Any

import uvloop
from twisted.internet import asyncioreactor

# Before Daphne is imported: it would put Twisted on asyncio's own, slower event loop.
asyncioreactor.install(uvloop.new_event_loop())

from daphne.cli import CommandLineInterface  # noqa: E402
from daphne.server import Server  # noqa: E402
from daphne.ws_protocol import WebSocketProtocol  # noqa: E402
from django.conf import settings  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.tcp import Port  # noqa: E402

from chatsite import health  # noqa: E402

LEAVING = 4503  # the close code that means: come back, I am going
GRACE = 8.0  # seconds to finish in; a container runtime kills after 10

logger = logging.getLogger("chatsite.server")


class DrainingServer(Server):
    """Daphne, but it says goodbye."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ports: list[Port] = []

    def listen_success(self, port: Port) -> None:
        super().listen_success(port)
        self.ports.append(port)
        logger.info("Listening on http://%s:%s", port.getHost().host, port.getHost().port)

    def kill_all_applications(self) -> Deferred[None]:
        """Twisted waits for this before it stops."""
        return Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        health.draining = True
        for port in self.ports:
            port.stopListening()
        self.close_websockets()
        applications = self.running_applications()
        logger.info("Stopping: %d requests and sockets have %.0f s", len(applications), GRACE)
        if applications:
            await finish(applications)

    def close_websockets(self) -> None:
        for protocol in list(self.connections):
            if isinstance(protocol, WebSocketProtocol):
                protocol.handle_reply({"type": "websocket.close", "code": LEAVING})

    def running_applications(self) -> list[asyncio.Future[None]]:
        applications = [c.get("application_instance") for c in self.connections.values()]
        return [task for task in applications if task and not task.done()]


async def finish(applications: list[asyncio.Future[None]]) -> None:
    """Waits for applications to end by themselves, and in the end no longer."""
    _, late = await asyncio.wait(applications, timeout=GRACE)
    for application in late:
        application.cancel()
    await asyncio.gather(*late, return_exceptions=True)


class Command(CommandLineInterface):
    description = "Serves the chat."
    server_class = DrainingServer


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    proxy = ["--proxy-headers"] if settings.BEHIND_PROXY else []
    # No access log: that is the proxy's. No timeout for sockets: a page may stay open for days.
    quiet = ["--verbosity", "0", "--no-server-name", "--websocket_timeout", "-1"]
    Command().run([*quiet, *proxy, *arguments, "chatsite.asgi:application"])


if __name__ == "__main__":
    main(sys.argv[1:])
