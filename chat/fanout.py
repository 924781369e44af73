"""What everybody in a room sees: encoded once, handed to the sockets below the consumers.

A process has one relay, and so one channel, for each room that one of its sockets is in. What is
published reaches this process's own sockets directly and the relays of the others through the
channel layer. That is a hint and may be lost; the heartbeat tells every page what it missed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from contextvars import Context
from typing import Any
from uuid import uuid4

from asgiref.sync import async_to_sync
from channels.layers import BaseChannelLayer, get_channel_layer

from chat import protocol
from chat.relay import Relay, Socket

PROCESS = uuid4().hex
COALESCE = 1.0  # seconds in which comings and goings become one presence event
ANNOUNCE = 20.0  # seconds after which a process repeats who is here
RETRY = 1.0  # seconds until a lost channel layer is tried again
SEND = 2.0  # seconds the channel layer has to take a hint
JOIN = 5.0  # seconds a joining socket waits for the channel layer

logger = logging.getLogger(__name__)


def user_group(user_id: int) -> str:
    """The group of all sockets of a user; the consumers add themselves to it."""
    return f"user.{user_id}"


def room_group(room_id: int) -> str:
    """The group of a room's relays, one a process."""
    return f"room.{room_id}"


def channel_layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    assert layer, "settings.CHANNEL_LAYERS has a default"
    return layer


class Fanout:
    """The rooms of this process, and the only way to what happens in the others.

    `join` and `leave` run on the event loop. `publish`, `pass_on`, `revoke` and `wake` may be
    called from any thread. They neither wait nor fail: what they say is in the database already,
    or does not matter a minute later.
    """

    def __init__(self) -> None:
        self.failures = 0  # hints the channel layer did not take
        self._relays: dict[int, Relay] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = False

    async def join(self, socket: Socket, heads: Mapping[int, int]) -> None:
        """From here on the socket gets what is published to these rooms, given with their heads."""
        self._loop = asyncio.get_running_loop()
        relays = [self._relay(room_id, head) for room_id, head in heads.items()]
        for relay in relays:
            relay.add(socket)
        with contextlib.suppress(TimeoutError):  # without a channel layer this process is all
            await asyncio.wait_for(
                asyncio.gather(*(relay.subscribed.wait() for relay in relays)), JOIN
            )

    async def leave(self, socket: Socket, *room_ids: int) -> None:
        """The socket gets nothing more of these rooms. A coroutine: relays belong to the loop."""
        for room_id in room_ids:
            if relay := self._relays.get(room_id):
                relay.drop(socket)

    def presence(self, *room_ids: int) -> list[protocol.Presence]:
        """Who is in these rooms, as far as this process knows."""
        relays = (self._relays.get(room_id) for room_id in room_ids)
        return [relay.snapshot() for relay in relays if relay]

    def publish(self, room_id: int, number: int, event: protocol.Event) -> None:
        """Tells everybody in a room of the change that took this number."""
        self._tell(room_id, number=number, event=protocol.encode(event))

    def pass_on(self, room_id: int, event: protocol.Event) -> None:
        """Tells everybody in a room what is worth nothing later, such as who is typing."""
        self._tell(room_id, number=0, event=protocol.encode(event))

    def revoke(self, room_id: int, user_id: int) -> None:
        """Nothing that is published after this reaches the user's sockets."""
        self._tell(room_id, revoked=user_id)

    def wake(self, user_id: int, message: dict[str, Any]) -> None:
        """Sends a channel-layer event to the consumer of each socket of a user."""
        self._send_soon(user_group(user_id), message)

    def _tell(self, room_id: int, **what: Any) -> None:
        if self._loop and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._take_in, room_id, what)
        self._tell_others(room_id, **what)

    def _tell_others(self, room_id: int, **what: Any) -> None:
        self._send_soon(room_group(room_id), {"from": PROCESS, **what})

    def _take_in(self, room_id: int, message: dict[str, Any]) -> None:
        if relay := self._relays.get(room_id):
            relay.take_in(message)

    def _send_soon(self, group: str, message: dict[str, Any]) -> None:
        if self._loop and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._start, self._send(group, message))
        else:  # a command, or a server that no socket has come to
            async_to_sync(self._send)(group, message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        # A context of its own: it outlives the socket, and so the ORM thread, that it is for.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, group: str, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND):
                await channel_layer().group_send(group, message)
        except Exception as error:  # whatever a channel layer raises: the hint is lost, no more
            self.failures += 1
            if not self._lost:
                logger.warning("The channel layer takes nothing: %r", error)
            self._lost = True
        else:
            self._lost = False

    def _relay(self, room_id: int, head: int) -> Relay:
        relay = self._relays.get(room_id)
        if relay is None:
            relay = self._relays[room_id] = Relay(room_id, head)
            self._start(self._keep(relay))
        return relay

    async def _keep(self, relay: Relay) -> None:
        """A relay's life, from its first socket to a moment after its last."""
        tasks = [
            asyncio.create_task(self._listen(relay)),
            asyncio.create_task(relay.write_rounds()),
        ]
        try:
            await self._announce(relay)
        finally:
            del self._relays[relay.room_id]
            for task in tasks:
                task.cancel()

    async def _announce(self, relay: Relay) -> None:
        """Tells everybody who is here, as long as somebody is."""
        while relay.sockets:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(relay.people_changed.wait(), ANNOUNCE)
            await asyncio.sleep(COALESCE)
            relay.people_changed.clear()
            self._tell_others(relay.room_id, users=sorted(relay.tell_presence()))

    async def _listen(self, relay: Relay) -> None:
        """Hears the other processes, and subscribes anew whenever the channel layer was lost."""
        while True:
            try:
                await self._hear(relay)
            except Exception as error:  # whatever a channel layer raises, the room stays open
                logger.warning("Room %s hears this process only: %r", relay.room_id, error)
            await asyncio.sleep(RETRY)

    async def _hear(self, relay: Relay) -> None:
        layer = channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(room_group(relay.room_id), channel)
        relay.subscribed.set()
        try:
            while True:
                message = await layer.receive(channel)
                if message["from"] != PROCESS:
                    relay.take_in(message)
        finally:
            with contextlib.suppress(Exception):
                await layer.group_discard(room_group(relay.room_id), channel)


fanout = Fanout()
