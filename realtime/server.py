"""Daphne for this site: `python -m realtime.server [--bind 127.0.0.1] [--port 8000]`.

It writes to WebSockets at less cost, and a long answer no faster than its client takes it: Daphne
would keep all of that in memory. And it says goodbye: told to stop, it closes each with 4503, so
that pages come back in their own time and find another process, and lets requests and consumers
finish. Daphne alone would drop the sockets.
"""

import asyncio
import logging
import os
import sys
from functools import lru_cache
from typing import Any

import uvloop
from twisted.internet import asyncioreactor

# Before Daphne is imported: it would put Twisted on asyncio's own, slower event loop.
asyncioreactor.install(uvloop.new_event_loop())

from autobahn.websocket.protocol import PreparedMessage
from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection, Port
from twisted.web.http import NO_BODY_CODES
from zope.interface import implementer

from realtime import outage
from realtime.wire import LEAVING, TOO_MUCH

SUBPROTOCOLS = b"Sec-WebSocket-Protocol"
SPREAD = 3.0  # seconds over which sockets are closed: a process elsewhere has to take them in
GRACE = 5.0  # seconds to finish in after that; a container runtime kills after 10 in all
CLEAN_UP = 1.0  # seconds for what was cancelled then
LAST_HINTS = 0.1  # seconds for what was said last to reach the other processes

logger = logging.getLogger("realtime.server")


class StrictRequest(http_protocol.WebRequest):
    """Daphne's, without headers that a client has no business with, or that make Daphne raise."""

    def process(self) -> Any:
        for name in (b"Daphne-Root-Path", b"X-Forwarded-Port"):
            self.requestHeaders.removeHeader(name)
        if not all(map(bytes.isascii, self.requestHeaders.getRawHeaders(SUBPROTOCOLS, []))):
            return self.basic_error(400, b"Bad Request", "Invalid sub-protocol")
        transport = self.transport
        super().process()
        if self.transport is None:  # a WebSocket took it over
            transport.unregisterProducer()  # lets go of this request, which it kept as long

    def finish(self) -> None:
        """Ends the connection after an answer that is shorter than it said: its client waits for
        the rest, and would take the next answer for it."""
        if self.channel and self.is_short():
            self.channel.persistent = False
        super().finish()

    def is_short(self) -> bool:
        if self.method == b"HEAD" or self.code in NO_BODY_CODES:
            return False
        said = self.responseHeaders.getRawHeaders(b"content-length", [b"0"])[-1]
        return bool(self.sentLength < int(said))


http_protocol.WebRequest = StrictRequest  # where Daphne looks for it


@implementer(IPushProducer)
class Valve:
    """Shut while Twisted has more of an answer than the client takes."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def pauseProducing(self) -> None:
        self.open.clear()

    def resumeProducing(self) -> None:
        self.open.set()

    def stopProducing(self) -> None:
        """The client is gone, and what is still written is thrown away."""
        self.open.set()


class PromptSocket(WebSocketProtocol):
    """Daphne's, but a text that goes to many is framed once, and written at once."""

    def serverSend(self, content: Any, binary: bool = False) -> None:
        if binary or self.state != self.STATE_OPEN:
            super().serverSend(content, binary)
        elif rest := write_now(self.transport, framed(content)):
            self.sendData(rest)


@lru_cache(maxsize=1)
def framed(text: str) -> bytes:
    """A WebSocket frame; a topic's sockets get the same text one after the other."""
    payload = text.encode()
    frame = PreparedMessage(payload, isBinary=False, applyMask=False, doNotCompress=True)
    return bytes(frame.payloadHybi)


def write_now(transport: Any, data: bytes) -> bytes:
    """Writes what there is room for, unless older data waits or it has to be encrypted. Returns the
    rest. Twisted first lets the event loop tell it that there is room: that costs more than to
    write."""
    if not isinstance(transport, Connection) or transport.dataBuffer or transport._tempDataLen:
        return data
    written = transport.writeSomeData(data)
    return data[written:] if isinstance(written, int) else data  # Twisted will see that it is lost


WebSocketFactory.protocol = PromptSocket


class DrainingServer(Server):
    """Daphne, but it says goodbye."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ports: list[Port] = []
        self.events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.life: asyncio.Task[None] | None = None

    def run(self) -> None:
        reactor.callWhenRunning(self.begin)
        super().run()

    def begin(self) -> None:
        """Daphne does not tell the application that it is served, as ASGI's lifespan has it."""
        self.events.put_nowait({"type": "lifespan.startup"})
        self.life = asyncio.ensure_future(self.live())

    async def live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        try:
            await self.application(scope, self.events.get, ignore)
        except Exception as error:
            logger.info("The application has no lifespan: %r", error)

    def listen_success(self, port: Port) -> None:
        super().listen_success(port)
        self.ports.append(port)
        logger.info("Listening on %s", address(port))

    async def handle_reply(self, protocol: Any, message: Any) -> None:
        if message["type"] == "http.response.body" and message.get("more_body"):
            return await self.write_part(protocol, message)
        await super().handle_reply(protocol, message)
        if message["type"] == "websocket.close" and message.get("code") == TOO_MUCH:
            # Autobahn gives a client a second to answer the close, and reads all that it says
            # meanwhile. Who was told to be quiet is not listened to.
            protocol.transport.pauseProducing()

    async def write_part(self, protocol: Any, message: Any) -> None:
        """Waits until the client has taken it. Daphne would keep a whole file in memory."""
        if protocol.finished or protocol.channel is None:
            return
        valve = Valve()
        protocol.registerProducer(valve, True)
        try:
            await super().handle_reply(protocol, message)
            await valve.open.wait()
        finally:
            if protocol.channel:  # else the client is gone
                protocol.unregisterProducer()

    def kill_all_applications(self) -> Deferred[None]:
        """Twisted waits for this before it stops."""
        return Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        outage.draining = True
        for port in self.ports:
            port.stopListening()
        logger.info("Stopping: %d requests and sockets", len(self.running_applications()))
        await self.close_websockets()
        self.events.put_nowait({"type": "lifespan.shutdown"})
        if applications := self.running_applications():
            await finish(applications)
        await asyncio.sleep(LAST_HINTS)

    async def close_websockets(self) -> None:
        sockets = [p for p in self.connections if isinstance(p, WebSocketProtocol)]
        loop = asyncio.get_running_loop()
        next_at, pause = loop.time(), min(0.01, SPREAD / max(1, len(sockets)))
        for socket in sockets:
            socket.handle_reply({"type": "websocket.close", "code": LEAVING})
            next_at += pause  # by the clock: so many short naps, each too long, would be seconds
            await asyncio.sleep(next_at - loop.time())

    def running_applications(self) -> list[asyncio.Future[None]]:
        applications = [c.get("application_instance") for c in self.connections.values()]
        return [task for task in applications if task and not task.done()]


async def ignore(message: Any) -> None:
    """What the application says of its lifespan."""


def address(port: Port) -> str:
    host = port.getHost()
    return f"http://{host.host}:{host.port}" if hasattr(host, "port") else str(host)


async def finish(applications: list[asyncio.Future[None]]) -> None:
    """Waits for applications to end by themselves, and in the end no longer."""
    _, late = await asyncio.wait(applications, timeout=GRACE)
    for application in late:
        application.cancel()
    if late:  # and some of them may wait for a query that hangs
        await asyncio.wait(late, timeout=CLEAN_UP)


class Command(CommandLineInterface):
    description = "Serves the site."
    server_class = DrainingServer


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    proxy = ["--proxy-headers"] if settings.BEHIND_PROXY else []
    logging.captureWarnings(True)
    # No access log: that is the proxy's. No timeout for sockets: a page may stay open for days.
    quiet = ["--verbosity", "0", "--no-server-name", "--websocket_timeout", "-1"]
    module, _, application = settings.ASGI_APPLICATION.rpartition(".")
    Command().run([*quiet, *proxy, *arguments, f"{module}:{application}"])
    logging.shutdown()
    os._exit(0)  # an orderly exit waits for every thread, and so for a query that hangs


if __name__ == "__main__":
    main(sys.argv[1:])
