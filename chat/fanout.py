"""What everybody in a room sees: encoded once, handed to the sockets below the consumers.

A process has one relay, and so one channel, for each room that one of its sockets is in. What is
published goes through the channel layer to the relays of all processes. That is a hint and may be
lost; the heartbeat tells every page what it missed.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from chat import metrics, protocol
from chat.presence import PROCESS
from chat.relay import Relay
from chat.socket import Socket

COALESCE = 1.0  # seconds in which comings and goings become one presence event
ANNOUNCE = 20.0  # seconds after which a process repeats who is here

logger = logging.getLogger(__name__)


def user_group(user_id: int) -> str:
    """The group of all sockets of a user; the consumers add themselves to it."""
    return f"user.{user_id}"


def room_group(room_id: int) -> str:
    """The group of a room's relays, one a process."""
    return f"room.{room_id}"


def channel_layer() -> Any:
    """The one of the settings. It has a `forget`, which the specification of layers lacks."""
    layer = get_channel_layer()
    assert layer, "settings.CHANNEL_LAYERS has a default"
    return layer


class Fanout:
    """The rooms of this process, and the only way to what happens in the others.

    `admit`, `join` and `leave` run on the event loop. `publish`, `pass_on`, `revoke`, `wake` and
    `call` may be called from any thread. They do not fail: what they say is in the database
    already, or does not matter a minute later. Nor do they wait, but in a process that has had no
    socket yet: there for the channel layer, which gives Redis two seconds.
    """

    def __init__(self) -> None:
        self._relays: dict[int, Relay] = {}
        self._sockets: defaultdict[int, set[Socket]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def admit(self, socket: Socket, user_id: int) -> bool:
        """Whether a person may have one more socket in this process; settings say how many."""
        sockets = self._sockets[user_id]
        if settings.SOCKETS_PER_USER and len(sockets) >= settings.SOCKETS_PER_USER:
            return False
        socket.user_id = user_id
        sockets.add(socket)
        metrics.people_online.set(len(self._sockets))
        return True

    async def join(self, socket: Socket, serials: Mapping[int, int]) -> None:
        """From here on the socket gets what is published to these rooms, given with the serial
        number of what was published last."""
        self._loop = asyncio.get_running_loop()
        relays = [self._relay(room_id, serial) for room_id, serial in serials.items()]
        for relay in relays:
            relay.add(socket, serials[relay.room_id])
        for relay in relays:
            await relay.subscribed.wait()

    async def leave(self, socket: Socket, *room_ids: int) -> None:
        """The socket gets nothing more of these rooms. A coroutine: relays belong to the loop."""
        for room_id in room_ids:
            if relay := self._relays.get(room_id):
                relay.drop(socket)

    async def forget(self, socket: Socket) -> None:
        """The socket is closed."""
        await self.leave(socket, *socket.rooms)
        self._sockets[socket.user_id].discard(socket)
        if not self._sockets[socket.user_id]:
            del self._sockets[socket.user_id]
        metrics.people_online.set(len(self._sockets))

    def presence(self, *room_ids: int) -> list[protocol.Presence]:
        """Who is in these rooms, as far as this process knows."""
        relays = (self._relays.get(room_id) for room_id in room_ids)
        return [relay.snapshot() for relay in relays if relay]

    def publish(self, room_id: int, serial: int, *events: protocol.Event) -> None:
        """Tells everybody in a room of changes; the first has this place in the room's order."""
        self._tell(room_id, serial=serial, events=[protocol.encode(event) for event in events])

    def pass_on(self, room_id: int, event: protocol.Event) -> None:
        """Tells everybody in a room what is worth nothing later, such as who is typing."""
        self._tell(room_id, passing=protocol.encode(event))

    def revoke(self, room_id: int, serial: int, user_id: int) -> None:
        """Nothing that is published to the room after this reaches the user's sockets."""
        self._tell(room_id, serial=serial, revoked=user_id)

    def wake(self, user_id: int, message: dict[str, Any]) -> None:
        """Sends a channel-layer event to the consumer of each socket of a user."""
        self._send(channel_layer().group_send, user_group(user_id), message)

    def call(self, channel: str, message: dict[str, Any]) -> None:
        """Sends a channel-layer event to the workers that listen to a channel, if there are any."""
        self._send(channel_layer().send, channel, message)

    def _tell(self, room_id: int, **what: Any) -> None:
        self._send(channel_layer().group_send, room_group(room_id), what)

    def _send(self, send: Callable[..., Any], to: str, message: dict[str, Any]) -> None:
        if self._loop and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._start, send(to, message))
        else:  # a command, or a server that no socket has come to
            async_to_sync(send)(to, message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        # A context of its own: it outlives the socket, and so the ORM thread, that it is for.
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _relay(self, room_id: int, serial: int) -> Relay:
        relay = self._relays.get(room_id)
        if relay is None:
            relay = self._relays[room_id] = Relay(room_id, serial)
            metrics.rooms_live.set(len(self._relays))
            self._start(self._keep(relay))
        return relay

    async def _keep(self, relay: Relay) -> None:
        """A relay's life, from its first socket to a moment after its last."""
        layer = channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(room_group(relay.room_id), channel)
        relay.subscribed.set()
        tasks = [
            asyncio.create_task(self._listen(relay, channel)),
            asyncio.create_task(relay.write_rounds()),
        ]
        try:
            await self._announce(relay)
        finally:
            del self._relays[relay.room_id]
            metrics.rooms_live.set(len(self._relays))
            layer.forget(channel)
            for task in tasks:
                task.cancel()

    async def _announce(self, relay: Relay) -> None:
        """Tells everybody who is here, as long as somebody is."""
        while relay.sockets:
            with suppress(TimeoutError):
                await asyncio.wait_for(relay.people_changed.wait(), ANNOUNCE)
            await asyncio.sleep(COALESCE)
            relay.people_changed.clear()
            self._tell(relay.room_id, process=PROCESS, users=sorted(relay.tell_presence()))

    async def _listen(self, relay: Relay, channel: str) -> None:
        while True:
            message = await channel_layer().receive(channel)
            try:
                relay.take_in(message)
            except Exception:  # another version of the site, perhaps: one message, not the room
                logger.exception("Room %s could not take in a message", relay.room_id)


fanout = Fanout()
