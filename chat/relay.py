"""One room in one process: the open sockets in it, and the rounds in which they are written to."""

import asyncio
import logging
import time
from collections import Counter, deque
from typing import Any

from chat import metrics, protocol
from chat.presence import Presence
from chat.sequence import PATIENCE, Sequence
from chat.socket import Socket

logger = logging.getLogger(__name__)

REST = 2  # times as long as its last round took, a room gathers events for the next,
BREATH = 0.03  # but no longer than so many seconds
YIELD_EVERY = 32  # sockets written to before the event loop may receive again
STALL = 0.5  # seconds they have for it, together; then one of them alone


class Relay:
    """Takes in what is published to a room and writes it to the room's sockets here.

    `serial` is the room's when the relay begins: what comes next is the one after it.
    """

    def __init__(self, room_id: int, serial: int) -> None:
        self.room_id = room_id
        self.sockets: set[Socket] = set()
        self._people: Counter[int] = Counter()  # whose sockets these are, and how many
        self.presence = Presence(room_id)
        self.subscribed = asyncio.Event()
        self.people_changed = asyncio.Event()
        self._events = Sequence(after=serial)
        self._arrived = asyncio.Event()
        self._revoked: dict[int, int] = {}  # when people were sent out

    def add(self, socket: Socket, serial: int) -> None:
        """Lets a socket in whose person was in the room at this serial number."""
        if self._revoked.get(socket.user_id, 0) > serial:
            return  # and was sent out since
        if socket.over:
            return  # and nobody would let it out
        if socket not in self.sockets:
            self.sockets.add(socket)
            self._people[socket.user_id] += 1
        socket.rooms.add(self.room_id)
        self.people_changed.set()

    def drop(self, socket: Socket) -> None:
        if socket in self.sockets:
            self.sockets.remove(socket)
            self._people[socket.user_id] -= 1
            if not self._people[socket.user_id]:
                del self._people[socket.user_id]
        socket.rooms.discard(self.room_id)
        self.people_changed.set()

    def revoke(self, user_id: int, serial: int) -> None:
        self._revoked[user_id] = serial
        for socket in [socket for socket in self.sockets if socket.user_id == user_id]:
            self.drop(socket)

    def put(self, serial: int, event: str) -> None:
        self._events.put(serial, event)
        self._arrived.set()

    def take_in(self, message: dict[str, Any]) -> None:
        """What a process published to the room; `fanout` says what there is."""
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

    def snapshot(self) -> protocol.Presence:
        """Who is in the room, for a socket that has just come."""
        return self.presence.snapshot(set(self._people))

    def tell_presence(self) -> set[int]:
        """Tells the sockets who came and went. Returns who is here, in this process."""
        users = set(self._people)
        if changes := self.presence.changes(users):
            self.put(0, protocol.encode(changes))
        return users

    async def write_rounds(self) -> None:
        """Writes what has come in to every socket, as one frame.

        What comes in meanwhile leaves together in the next round. After a round the room rests, so
        that one in which much is said costs the process a part of its time, however large it is. In
        a small room that is nothing, and a quiet one has rested when the next event comes.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            events = [event for event in self._events.take() if event]
            if self._events.waits:
                asyncio.get_running_loop().call_later(PATIENCE, self._arrived.set)
            if not events:
                continue
            metrics.events_sent.inc(len(events) * len(self.sockets))
            began = time.monotonic()
            for frame in protocol.frames(events):
                await self._write_to_all(frame)
            took = time.monotonic() - began
            metrics.round_seconds.observe(took)
            await asyncio.sleep(min(BREATH, REST * took))

    async def _write_to_all(self, frame: str) -> None:
        waiting = deque(self.sockets)
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

    async def _wait_for(self, socket: Socket, frame: str) -> None:
        """A server with backpressure, as Uvicorn, but not Daphne, waits for a client that does not
        read. Of those a room waited for, this was the last: perhaps the one."""
        try:
            async with asyncio.timeout(STALL):
                await socket.write(frame)
        except TimeoutError:
            socket.stall()
        except Exception:
            self._give_up(socket)

    def _give_up(self, socket: Socket) -> None:
        """One that broke is no reason to keep the others waiting."""
        logger.exception("A socket of user %s broke", socket.user_id)
        self.drop(socket)
