"""What the two consumers of the lab share: who may come in, and when an event was asked for."""

from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

from django.conf import settings

from features.lab import protocol
from features.lab.access import may_see_lab, still_may_see_lab
from features.lab.measuring import Measurement, now
from features.lab.protocol import Measured, Ready, Slow, Threads
from realtime.consumer import SocketConsumer
from realtime.rate_limit import TokenBuckets
from realtime.wire import FORBIDDEN, SIGNED_OUT, Error, RateLimited, Refusal

QUERIES_A_MINUTE = 60  # slow ones of one person; a socket has one at a time
# Slow queries that run at the same time on threads of the site. The others are left to the chat.
AT_ONCE = max(1, settings.ASGI_THREADS // 2)
HEARTBEAT = 2.0  # seconds

slow_queries = TokenBuckets(QUERIES_A_MINUTE)
side_by_side = Semaphore(AT_ONCE)


def lab_group(user_id: int) -> str:
    """The group of all lab sockets of a user."""
    return f"lab.{user_id}"


class LabSocket(SocketConsumer):
    """A socket of the lab. It answers no `pong`, because any event would close old connections:
    after 6 MiB, which takes hours, it is closed, and the page opens the next."""

    subprotocol = ""  # its frames are the page's own
    close_old = True  # connections, before each heartbeat

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(scope, when_asked(receive), send)

    def turned_away(self) -> int | None:
        if code := super().turned_away():
            return code
        return None if may_see_lab(self.user) else FORBIDDEN

    async def handle(self, message: Any) -> None:
        await super(SocketConsumer, self).dispatch(message)  # of Channels, with all that it does

    async def dispatch(self, message: Any) -> None:
        """A frame becomes an event, like what the channel layer sends. The choice about heartbeats
        does not: an event closes old connections, and would mend what is to be seen broken."""
        if message["type"] != "websocket.receive":
            return await super().dispatch(message)
        try:
            frame = protocol.decode(message.get("text"))
            if isinstance(frame, Slow):
                return await self.ask(frame, message["asked"])
            self.close_old = frame.close_old
        except Refusal as refusal:
            error = Error(code=refusal.code, detail=refusal.detail, ref=None)
            await self.outlet.say(error)

    async def ask(self, frame: Slow, asked: float) -> None:
        if not slow_queries.take(self.user.pk):
            raise RateLimited(f"At most {QUERIES_A_MINUTE} slow queries a minute.")
        async with side_by_side if self.threads == "many" else nullcontext():
            if self.drain.done() or self.outlet.over:
                return  # nobody waits for it any more
            await super().dispatch({"type": "slow", "asked": asked, "seconds": frame.seconds})

    def ready(self) -> Ready:
        return Ready(consumer=self.kind, socket=self.number, threads=self.threads, now=now())

    def measured(self, measurement: Measurement) -> Measured:
        return Measured(consumer=self.kind, socket=self.number, **vars(measurement))

    @property
    def number(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["number"])

    @property
    def threads(self) -> Threads:
        return "one" if self.scope.get("threads") == "one" else "many"

    def close_code(self, user: Any) -> int | None:
        """Whoever may not see the lab any more is turned away by the next heartbeat."""
        if user is None:
            return SIGNED_OUT
        return None if still_may_see_lab(user, self.scope["session"]) else FORBIDDEN


def when_asked(receive: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Stamps each message when it comes in. It may wait for long until it is handled."""

    async def stamped() -> Any:
        return {**await receive(), "asked": now()}

    return stamped
