"""What the two consumers share: the bounds of a socket, its heart, and a quiet way to fail."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from copy import copy
from typing import Any, ClassVar, Literal, cast

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from chat import metrics, outage, protocol, rate_limit
from chat.fanout import channel_layer, fanout
from chat.inbox import Inbox
from chat.models import User
from chat.protocol import Error, Event, Refusal
from chat.socket import Socket

logger = logging.getLogger(__name__)


class OpenSocket(AsyncConsumer):
    """One WebSocket, from its handshake to its end.

    Channels calls a consumer as an ASGI application and hands each event to `dispatch`. Both
    consumers name this class first of their bases, so that `super()` below is the generic consumer
    named second. The synchronous one `handle`s an event on the ORM thread, the other awaits what
    does; around that all is asynchronous in either.
    """

    kind: ClassVar[Literal["sync", "async"]]
    user: User
    socket: Socket
    drain: asyncio.Task[None]  # done once the client is gone
    asked_at: float  # when the frame at hand came out of the inbox; one comes after another

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.user = copy(scope["user"])  # out of its lazy wrapper, which is slow at every look
        self.socket = Socket(scope["send"])
        self.bucket = rate_limit.frames_of_a_socket()
        inbox = Inbox(receive, admits=self.admits_frame, refuse=self.refuse_frame)
        self.drain, heart = asyncio.create_task(inbox.drain()), asyncio.create_task(self.beat())
        opened = time.monotonic()
        self.note_begin()
        try:
            await super().__call__(scope, inbox.receive, self.socket.send)
        finally:
            self.note_end(time.monotonic() - opened)
            self.drain.cancel()
            self.socket.end()  # from here on no heartbeat lets it into a room again
            channel_layer().forget(self.channel_name)
            await fanout.forget(self.socket)
            await heart  # which ends by itself; no task may outlive what lends it its threads

    def note_begin(self) -> None:
        metrics.sockets_open[self.kind].inc()
        who = {"user": self.user.pk, "consumer": self.kind}
        logger.info("A socket of user %(user)s opened (%(consumer)s)", who)

    def note_end(self, seconds: float) -> None:
        code = self.socket.code or metrics.ABNORMAL
        metrics.sockets_open[self.kind].dec()
        metrics.count_closed(code)
        who = {"user": self.user.pk, "consumer": self.kind}
        logger.info(
            "A socket of user %(user)s closed: %(code)d after %(seconds).1f s",
            {**who, "code": code, "seconds": round(seconds, 3)},
        )

    async def dispatch(self, message: Any) -> None:
        if message["type"] == "websocket.receive":
            if self.socket.over:
                return  # it was still in the inbox
            self.asked_at = time.monotonic()
        if message["type"] == "websocket.disconnect":
            self.socket.code = self.socket.code or message.get("code") or 0
        try:
            if message["type"] == "websocket.connect":
                await self.welcome_in_turn(message)
            else:
                async with self.orm_thread():
                    await self.handle(message)
        except StopConsumer:
            raise
        except Exception as error:
            await self.survive(error, message["type"])

    async def welcome_in_turn(self, message: Any) -> None:
        """Accepts at once: the client knows that somebody is there. Welcomes in turn: when a whole
        crowd comes back, the first are here soon, rather than all at the same late moment."""
        accepted_at = time.monotonic()
        await self.socket.accept(self.subprotocol)
        if code := self.turned_away():
            return await self.socket.close(code)
        async with cast(Any, self.scope)["turn"], self.orm_thread():
            if self.drain.done():
                return
            await self.handle(message)
        metrics.welcome_seconds.observe(time.monotonic() - accepted_at)

    async def enter(self, room: protocol.Room, serial: int) -> None:
        """Lets the socket into a room and tells the client, in one turn of the event loop: between
        the two the room may say something, and the client would not know where."""
        await fanout.join(self.socket, {room.id: serial})
        self.socket.shown.add(room.id)
        await self.socket.say(room)

    async def handle(self, message: Any) -> None:
        """Runs the handler of an event."""
        raise NotImplementedError

    @contextmanager
    def timed(self, action: str) -> Iterator[None]:
        """Counts how long an action takes, with the wait for an ORM thread."""
        try:
            yield
        finally:
            metrics.action_seconds[action].observe(time.monotonic() - self.asked_at)

    async def survive(self, error: Exception, type: str) -> None:
        """A socket outlives its database: a later heartbeat finds what was missed meanwhile."""
        log(error)
        match type:
            case "websocket.connect":  # there was no `welcome`: come back later
                await self.socket.close(protocol.LEAVING)
            case "websocket.disconnect":
                raise StopConsumer from error
            case "heartbeat":  # the server at least is there
                await self.socket.probe()

    async def beat(self) -> None:
        """Sends a heartbeat now and then, for as long as the socket is open."""
        raise NotImplementedError

    def orm_thread(self) -> AbstractAsyncContextManager[Any]:
        """One of the threads for the ORM, for all that is awaited in the block."""
        borrow: Callable[[], AbstractAsyncContextManager[Any]] = cast(Any, self.scope)["orm_thread"]
        return borrow()

    def turned_away(self) -> int | None:
        """The code to close with at once, for who may not come in. The socket is accepted before: a
        handshake that is refused tells a client nothing."""
        if not self.user.is_authenticated:
            return protocol.SIGNED_OUT
        if not rate_limit.refusals.has(self.user.pk, rate_limit.CALM):
            return protocol.TOO_MUCH
        if not fanout.admit(self.socket, self.user.pk):
            return protocol.TOO_MUCH
        return None

    def admits_frame(self) -> bool:
        return self.bucket.take() and rate_limit.frames.take(self.user.pk)

    async def refuse_frame(self, text: str | None) -> None:
        """Says so some times, and ends a socket that does not listen."""
        if not rate_limit.refusals.take(self.user.pk):
            return await self.socket.close(protocol.TOO_MUCH)
        metrics.refusals["rate_limited"].inc()
        error = Error(code="rate_limited", detail="Slow down.", ref=protocol.ref_of(text))
        await self.socket.say(error)

    @property
    def subprotocol(self) -> str | None:
        offered = self.scope["subprotocols"]
        return protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None

    @property
    def session_key(self) -> str | None:
        key: str | None = self.scope["session"].session_key
        return key

    def refused(self, error: Exception, text: str | None) -> list[Event]:
        """The answer to a frame that led to an exception. Only our own faults leave a traceback."""
        ref = protocol.ref_of(text)
        if isinstance(error, Refusal):
            metrics.refusals[error.code].inc()
            who = {"user": self.user.pk, "code": error.code}
            logger.info("User %(user)s was refused: %(code)s", who)
            return [Error(code=error.code, detail=error.detail, ref=ref)]
        metrics.refusals["unavailable"].inc()
        log(error)
        return [Error(code="unavailable", detail="That did not work. Try again.", ref=ref)]


def log(error: Exception) -> None:
    """An outage is a line in the log; a fault of ours is a traceback."""
    if isinstance(error, outage.OUTAGE):
        outage.log(error)
    else:
        logger.error("A consumer failed", exc_info=error)
