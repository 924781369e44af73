"""What every consumer here shares: the bounds of a socket, its heart, and a quiet way to fail."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from copy import copy
from typing import Any, ClassVar, Literal, cast

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from realtime import admission, hints, metrics, outage, rate_limit, wire
from realtime.inlet import Inlet
from realtime.outlet import Outlet
from realtime.wire import Error, Event, Refusal

logger = logging.getLogger(__name__)


class SocketConsumer(AsyncConsumer):
    """One WebSocket, from its handshake to its end.

    Channels calls a consumer as an ASGI application and hands each event to `dispatch`. A consumer
    names this class first of its bases, so that `super()` below is the generic consumer named
    second. A synchronous one `handle`s an event on the ORM thread, an asynchronous one awaits what
    does; around that all is asynchronous in either.

    Without `OrmThreads` around the application, Channels' own thread serves all sockets.
    """

    kind: ClassVar[Literal["sync", "async"]]
    subprotocol: ClassVar[str]
    user: Any  # of the site's user model, or an AnonymousUser
    outlet: Outlet
    channel_name = ""  # until the channel layer has given one
    drain: asyncio.Task[None]  # done once the client is gone
    asked_at: float  # when the frame at hand came out of the inlet; one comes after another

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        self.user = copy(scope["user"])  # out of its lazy wrapper, which is slow at every look
        self.outlet = Outlet(scope.get("send", send))
        self.bucket = rate_limit.frames_of_a_socket()
        inlet = Inlet(receive, admits=self.admits_frame, refuse=self.refuse_frame)
        self.drain, heart = asyncio.create_task(inlet.drain()), asyncio.create_task(self.beat())
        opened = time.monotonic()
        self.note_begin()
        try:
            await super().__call__(scope, inlet.receive, self.outlet.send)
        finally:
            self.note_end(time.monotonic() - opened)
            self.drain.cancel()
            self.outlet.end()  # from here on no heartbeat lets it into a topic again
            if self.outlet.user_id:
                admission.dismiss(self.outlet.user_id)
            if self.channel_name:
                await hints.forget(self.channel_name)
            await heart  # which ends by itself; no task may outlive what lends it its threads

    def note_begin(self) -> None:
        metrics.sockets_open[self.kind].inc()
        who = {"user": self.user.pk, "consumer": self.kind}
        logger.info("A socket of user %(user)s opened (%(consumer)s)", who)

    def note_end(self, seconds: float) -> None:
        code = self.outlet.code or metrics.ABNORMAL
        metrics.sockets_open[self.kind].dec()
        metrics.count_closed(code)
        who = {"user": self.user.pk, "consumer": self.kind}
        logger.info(
            "A socket of user %(user)s closed: %(code)d after %(seconds).1f s",
            {**who, "code": code, "seconds": round(seconds, 3)},
        )

    async def dispatch(self, message: Any) -> None:
        if message["type"] == "websocket.receive":
            if self.outlet.over:
                return  # it was still in the inlet
            self.asked_at = time.monotonic()
        if message["type"] == "websocket.disconnect":
            self.outlet.code = self.outlet.code or message.get("code") or 0
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
        offered = self.subprotocol in self.scope["subprotocols"]
        await self.outlet.accept(self.subprotocol if offered else None)
        if code := self.turned_away():
            return await self.outlet.close(code)
        async with self.turn(), self.orm_thread():
            if self.drain.done():
                return
            await self.handle(message)
        metrics.welcome_seconds.observe(time.monotonic() - accepted_at)

    async def handle(self, message: Any) -> None:
        """Runs the handler of an event."""
        raise NotImplementedError

    @contextmanager
    def timed(self, action: str) -> Iterator[None]:
        """Counts how long an action takes, with the wait for an ORM thread."""
        try:
            yield
        finally:
            metrics.action_seconds.labels(action).observe(time.monotonic() - self.asked_at)

    async def survive(self, error: Exception, type: str) -> None:
        """A socket outlives its database: a later heartbeat finds what was missed meanwhile."""
        outage.log_fault(error)
        match type:
            case "websocket.connect":  # there was no `welcome`: come back later
                await self.outlet.close(wire.LEAVING)
            case "websocket.disconnect":
                raise StopConsumer from error
            case "heartbeat":  # the server at least is there
                await self.outlet.probe()

    async def beat(self) -> None:
        """Sends a heartbeat now and then, for as long as the socket is open."""
        raise NotImplementedError

    def orm_thread(self) -> AbstractAsyncContextManager[Any]:
        """One of the threads for the ORM, for all that is awaited in the block."""
        borrow = cast(dict[str, Any], self.scope).get("orm_thread", nullcontext)
        return cast(AbstractAsyncContextManager[Any], borrow())

    def turn(self) -> AbstractAsyncContextManager[Any]:
        """What all sockets do at once, when a server was killed and is back, they do in turn."""
        turn = cast(dict[str, Any], self.scope).get("turn") or nullcontext()
        return cast(AbstractAsyncContextManager[Any], turn)

    def turned_away(self) -> int | None:
        """The code to close with at once, for who may not come in. The socket is accepted before: a
        handshake that is refused tells a client nothing."""
        if not self.user.is_authenticated:
            return wire.SIGNED_OUT
        if not rate_limit.refusals.has(self.user.pk, rate_limit.CALM):
            return wire.TOO_MUCH
        if not admission.admit(self.user.pk):
            return wire.TOO_MUCH
        self.outlet.user_id = self.user.pk
        return None

    def admits_frame(self) -> bool:
        return self.bucket.take() and rate_limit.frames.take(self.user.pk)

    async def refuse_frame(self, text: str | None) -> None:
        """Says so some times, and ends a socket that does not listen."""
        if not rate_limit.refusals.take(self.user.pk):
            return await self.outlet.close(wire.TOO_MUCH)
        metrics.refusals["rate_limited"].inc()
        error = Error(code="rate_limited", detail="Slow down.", ref=wire.ref_of(text))
        await self.outlet.say(error)

    @property
    def session_key(self) -> str | None:
        key: str | None = self.scope["session"].session_key
        return key

    def refused(self, error: Exception, text: str | None) -> list[Event]:
        """The answer to a frame that led to an exception. Only our own faults leave a traceback."""
        ref = wire.ref_of(text)
        if isinstance(error, Refusal):
            metrics.refusals[error.code].inc()
            who = {"user": self.user.pk, "code": error.code}
            logger.info("User %(user)s was refused: %(code)s", who)
            return [Error(code=error.code, detail=error.detail, ref=ref)]
        metrics.refusals["unavailable"].inc()
        outage.log_fault(error)
        return [Error(code="unavailable", detail="That did not work. Try again.", ref=ref)]
