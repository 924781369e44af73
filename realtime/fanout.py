"""What everybody in a topic sees: encoded once, handed to the sockets below the consumers.

A topic is whatever people are in together: for a chat, a room. A process has one relay, and so one
channel, for each topic that one of its sockets is in. What is published goes through the channel
layer to the relays of all processes. That is a hint and may be lost; the heartbeat tells every page
what it missed.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from realtime import hints, metrics, wire
from realtime.outlet import Outlet
from realtime.presence import PROCESS, PresenceEvent
from realtime.relay import Relay

COALESCE = 1.0  # seconds in which comings and goings become one presence event
ANNOUNCE = 20.0  # seconds after which a process repeats who is here
RETRY = 1.0  # seconds until a layer that raised is listened to again

logger = logging.getLogger(__name__)
outage = logging.getLogger("outage")


class Fanout:
    """The topics of one kind in this process, and the only way to what happens in the others.

    `kind` names their groups in the channel layer; `presence` makes the event that says who came
    and who went. `join`, `enter` and `leave` run on the event loop. `publish`, `pass_on` and
    `revoke` may be called from any thread; they neither wait nor fail, as realtime/hints.py says.
    """

    def __init__(self, kind: str, presence: PresenceEvent) -> None:
        self._kind = kind
        self._presence = presence
        self._relays: dict[int, Relay] = {}

    def group(self, topic: int) -> str:
        """The group of a topic's relays, one a process."""
        return f"{self._kind}.{topic}"

    async def join(self, outlet: Outlet, serials: Mapping[int, int]) -> None:
        """From here on the socket gets what is published to these topics, given with the serial
        number of what was published last."""
        hints.adopt_loop()
        relays = [self._relay(topic, serial) for topic, serial in serials.items()]
        for relay in relays:
            relay.add(outlet, serials[relay.topic])
        for relay in relays:
            await relay.subscribed.wait()
        outlet.shown |= serials.keys()

    async def enter(self, outlet: Outlet, topic: int, serial: int, event: wire.Event) -> None:
        """Joins one more topic and tells the client of it, in one turn of the event loop: between
        the two the topic may say something, and the client would not know where."""
        await self.join(outlet, {topic: serial})
        await outlet.say(event)

    async def leave(self, outlet: Outlet, topic: int) -> None:
        """The socket gets nothing more of this topic. A coroutine: relays belong to the loop."""
        outlet.shown.discard(topic)
        if relay := self._relays.get(topic):
            relay.drop(outlet)

    def presence(self, *topics: int) -> list[wire.Event]:
        """Who is in these topics, as far as this process knows."""
        relays = (self._relays.get(topic) for topic in topics)
        return [relay.snapshot() for relay in relays if relay]

    def publish(self, topic: int, serial: int, *events: wire.Event) -> None:
        """Tells everybody in a topic of changes; the first has this place in the topic's order."""
        self._tell(topic, serial=serial, events=[wire.encode(event) for event in events])

    def pass_on(self, topic: int, event: wire.Event) -> None:
        """Tells everybody in a topic what is worth nothing later, such as who is typing."""
        self._tell(topic, passing=wire.encode(event))

    def revoke(self, topic: int, serial: int, user_id: int) -> None:
        """Nothing that is published to the topic after this reaches the user's sockets."""
        self._tell(topic, serial=serial, revoked=user_id)

    def _tell(self, topic: int, **what: Any) -> None:
        hints.send_to_group(self.group(topic), what)

    def _relay(self, topic: int, serial: int) -> Relay:
        relay = self._relays.get(topic)
        if relay is None:
            relay = self._relays[topic] = Relay(topic, serial, self._presence)
            metrics.topics_live.set(len(self._relays))
            hints.start(self._keep(relay))
        return relay

    async def _keep(self, relay: Relay) -> None:
        """A relay's life, from its first socket to a moment after its last."""
        tasks = [
            asyncio.create_task(self._hear(relay)),
            asyncio.create_task(relay.write_rounds()),
        ]
        try:
            await self._announce(relay)
        finally:
            del self._relays[relay.topic]
            metrics.topics_live.set(len(self._relays))
            for task in tasks:
                task.cancel()
            relay.subscribed.set()  # a socket that was closed while it joined waits for nothing

    async def _announce(self, relay: Relay) -> None:
        """Tells everybody who is here, as long as somebody is."""
        while relay.outlets:
            with suppress(TimeoutError):
                await asyncio.wait_for(relay.people_changed.wait(), ANNOUNCE)
            await asyncio.sleep(COALESCE)
            relay.people_changed.clear()
            self._tell(relay.topic, process=PROCESS, users=sorted(relay.tell_presence()))

    async def _hear(self, relay: Relay) -> None:
        """Listens again if the layer raises. Ours does not; others do while Redis is away."""
        while self._relays.get(relay.topic) is relay:
            try:
                await self._listen(relay)
            except Exception as error:
                outage.warning("%s is not heard: %r", self.group(relay.topic), error)
            relay.subscribed.set()  # nobody waits longer: the heartbeats tell what is missed
            await asyncio.sleep(RETRY)

    async def _listen(self, relay: Relay) -> None:
        layer, group = hints.channel_layer(), self.group(relay.topic)
        channel = await layer.new_channel()
        try:
            await layer.group_add(group, channel)
            relay.subscribed.set()
            while True:
                self._take_in(relay, await layer.receive(channel))
        finally:
            await hints.forget(channel, group)

    def _take_in(self, relay: Relay, message: dict[str, Any]) -> None:
        try:
            relay.take_in(message)
        except Exception:  # another version of the site, perhaps: one message, not the topic
            logger.exception("%s could not take in a message", self.group(relay.topic))
