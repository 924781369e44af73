"""One topic in one process: the open sockets in it, and the rounds in which they are written to."""

import asyncio
import logging
import time
from collections import Counter, deque
from typing import Any

from realtime import metrics, wire
from realtime.outlet import Outlet
from realtime.presence import Presence, PresenceEvent
from realtime.sequence import PATIENCE, Sequence

logger = logging.getLogger(__name__)

REST = 2  # times as long as its last round took, a topic gathers events for the next,
BREATH = 0.03  # but no longer than so many seconds
YIELD_EVERY = 32  # sockets written to before the event loop may receive again
STALL = 0.5  # seconds they have for it, together; then one of them alone


class Relay:
    """Takes in what is published to a topic and writes it to the topic's sockets here.

    `serial` is the topic's when the relay begins: what comes next is the one after it.
    """

    def __init__(self, topic: int, serial: int, presence: PresenceEvent) -> None:
        self.topic = topic
        self.outlets: set[Outlet] = set()
        self._people: Counter[int] = Counter()  # whose sockets these are, and how many
        self.presence = Presence(topic, presence)
        self.subscribed = asyncio.Event()
        self.people_changed = asyncio.Event()
        self._events = Sequence(after=serial)
        self._arrived = asyncio.Event()
        self._revoked: dict[int, int] = {}  # when people were sent out

    def add(self, outlet: Outlet, serial: int) -> None:
        """Lets a socket in whose person was in the topic at this serial number."""
        if self._revoked.get(outlet.user_id, 0) > serial:
            return  # and was sent out since
        if outlet.over:
            return  # and nobody would let it out
        if outlet not in self.outlets:
            self.outlets.add(outlet)
            self._people[outlet.user_id] += 1
        outlet.relays.add(self)
        self.people_changed.set()

    def drop(self, outlet: Outlet) -> None:
        if outlet in self.outlets:
            self.outlets.remove(outlet)
            self._people[outlet.user_id] -= 1
            if not self._people[outlet.user_id]:
                del self._people[outlet.user_id]
        outlet.relays.discard(self)
        self.people_changed.set()

    def revoke(self, user_id: int, serial: int) -> None:
        self._revoked[user_id] = serial
        for outlet in [outlet for outlet in self.outlets if outlet.user_id == user_id]:
            self.drop(outlet)

    def put(self, serial: int, event: str) -> None:
        self._events.put(serial, event)
        self._arrived.set()

    def take_in(self, message: dict[str, Any]) -> None:
        """What a process published to the topic; `fanout` says what there is."""
        match message:
            case {"events": events, "serial": serial}:
                for place, event in enumerate(events, serial):
                    self.put(place, event)
            case {"passing": event}:
                self.put(0, event)
            case {"revoked": user_id, "serial": serial}:
                self.revoke(user_id, serial)
                self.put(serial, "")  # what was said after this waited for it
            case {"process": process, "users": users}:
                if self.presence.hear(process, users):
                    self.people_changed.set()

    def snapshot(self) -> wire.Event:
        """Who is in the topic, for a socket that has just come."""
        return self.presence.snapshot(set(self._people))

    def tell_presence(self) -> set[int]:
        """Tells the sockets who came and went. Returns who is here, in this process."""
        users = set(self._people)
        if changes := self.presence.changes(users):
            self.put(0, wire.encode(changes))
        return users

    async def write_rounds(self) -> None:
        """Writes what has come in to every socket, as one frame.

        What comes in meanwhile leaves together in the next round. After a round the topic rests, so
        that one in which much is said costs the process a part of its time, however large it is. In
        a small topic that is nothing, and a quiet one has rested when the next event comes.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            events = [event for event in self._events.take() if event]
            if self._events.waits:
                asyncio.get_running_loop().call_later(PATIENCE, self._arrived.set)
            if not events:
                continue
            metrics.events_sent.inc(len(events) * len(self.outlets))
            began = time.monotonic()
            for frame in wire.arrays(events):
                await self._write_to_all(frame)
            took = time.monotonic() - began
            metrics.round_seconds.observe(took)
            await asyncio.sleep(min(BREATH, REST * took))

    async def _write_to_all(self, frame: str) -> None:
        waiting = deque(self.outlets)
        while waiting:
            try:
                async with asyncio.timeout(STALL):
                    for _ in range(min(len(waiting), YIELD_EVERY)):
                        await waiting[0].write(frame)
                        waiting.popleft()
            except TimeoutError:
                await self._wait_for(waiting.popleft(), frame)
            except Exception:
                self._give_up(waiting.popleft())
            await asyncio.sleep(0)

    async def _wait_for(self, outlet: Outlet, frame: str) -> None:
        """A server with backpressure, as Uvicorn, but not Daphne, waits for a client that does not
        read. This was the last of those that the topic waited for: perhaps the one."""
        try:
            async with asyncio.timeout(STALL):
                await outlet.write(frame)
        except TimeoutError:
            outlet.stall()
        except Exception:
            self._give_up(outlet)

    def _give_up(self, outlet: Outlet) -> None:
        """One that broke is no reason to keep the others waiting."""
        logger.exception("A socket of user %s broke", outlet.user_id)
        self.drop(outlet)
