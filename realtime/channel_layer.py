"""A channel layer for a Redis that may be restarted, cut off or frozen at any moment.

The layers of channels_redis raise an exception in the consumer that happens to send or to wait, and
its socket closes with 1011.

This layer delivers within its own process by itself. It reaches the other processes through the
pub/sub layer of channels_redis, of which it uses a single channel. What Redis does not take in time
is lost and counted, and never raises: a message is a hint, the truth is in the database. Only the
caller's own mistake raises: a name or a message that the specification does not allow.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer, channel_layers
from channels_redis.serializers import registry

from realtime import hints, metrics

Message = dict[str, Any]

serializer = registry.get_serializer("msgpack")  # as the pub/sub layer has it

CAPACITY = 1_000  # messages that wait in one channel; what comes on top is lost
TOGETHER = 100  # messages in one hint
GATHER = 0.01  # seconds after a hint to a group in which it gathers messages for the next
MAX_GROUPS = 1_000  # of which it is known when that was
PATIENCE = 2.0  # seconds Redis has for one command
RETRY = 1.0  # seconds until Redis is tried again after it failed
PING = 10.0  # seconds between two words of a process to itself
DEAF = 30.0  # seconds after which it connects anew, if it did not hear one

logger = logging.getLogger(__name__)
outage = logging.getLogger("outage")


class Mailbox:
    """The messages that wait in a channel. Only one task may receive from it.

    An asyncio.Queue, from which several may, takes 3 KB more, and each socket has a channel."""

    __slots__ = ("_arrived", "_messages")

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._arrived: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        self._messages.append(message)
        if self._arrived and not self._arrived.done():
            self._arrived.set_result(None)

    async def get(self) -> Message:
        while not self._messages:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return self._messages.pop(0)


def read_back(message: Message) -> Message:
    """The message as another process would read it. Raises TypeError, ValueError or OverflowError
    for what none could read, also where there is no other process yet."""
    if not isinstance(message, dict):
        raise TypeError(f"A message is a dict, not {message!r}")
    return dict(serializer.deserialize(serializer.serialize(message)))


def readers(channel: str) -> str:
    """The group of those who receive from a fixed channel."""
    return f"channel.{channel}"


class HintLayer(BaseChannelLayer):
    """The channels and groups of this process, and through the layer `beneath` those of the others.

    `beneath` is the alias of a pub/sub layer in settings.CHANNEL_LAYERS; without it this process is
    alone. An object belongs to one event loop at a time.

    It differs from the specification, on purpose, in this:
    https://channels.readthedocs.io/en/stable/channel_layer_spec.html

    - A channel of `new_channel` is known in its own process only; `send` from another one is lost.
      Everything that crosses processes here goes to a group.
    - A fixed channel is a group of those who receive from it, one in each process, as in the
      pub/sub layer: each of several workers gets a message, and without a worker it is lost. Its
      sender is never told that it is full.
    - One task receives from a channel, as Channels does it, not several.
    - Nothing expires. A channel goes together with the consumer that receives from it, its
      memberships with it, and until then it holds `capacity` messages at most.
    - There is no `flush`.
    """

    extensions = ["groups"]

    def __init__(self, beneath: str | None = None, capacity: int = CAPACITY) -> None:
        super().__init__(capacity=capacity)
        self.dropped = 0  # messages that a full channel did not take
        self.uplink = Uplink(beneath, self) if beneath else None
        self.groups: dict[str, set[str]] = {}  # those that have channels here, and which
        self._mailboxes: dict[str, Mailbox] = {}
        self._groups_of: dict[str, set[str]] = {}

    async def new_channel(self, prefix: str = "specific") -> str:
        channel = f"{prefix}!{uuid4().hex}"
        self._open(channel)
        return channel

    async def send(self, channel: str, message: Message) -> None:
        """Raises ChannelFull, except for a fixed channel: what waits there waits elsewhere."""
        self.require_valid_channel_name(channel)
        if "!" not in channel:
            return await self.group_send(readers(channel), message)
        message = read_back(message)
        if channel in self._mailboxes and not self._put(channel, message):
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> Message:
        self.require_valid_channel_name(channel)
        if "!" not in channel and channel not in self._mailboxes:
            self._open(channel)
            await self.group_add(readers(channel), channel)
        try:
            return await self._mailboxes[channel].get()
        except asyncio.CancelledError:  # so Channels ends a consumer, unless it is just woken
            self.forget(channel)
            raise

    def forget(self, channel: str) -> None:
        """Nobody will receive from this channel any more."""
        for group in tuple(self._groups_of.pop(channel, ())):
            self._leave(group, channel)
        self._mailboxes.pop(channel, None)

    async def group_add(self, group: str, channel: str) -> None:
        """From here on the channel gets what is sent to the group: from this process in any case,
        from the others unless Redis is away, and then as soon as it is back."""
        self.require_valid_group_name(group)
        if channel not in self._mailboxes:
            return
        self.groups.setdefault(group, set()).add(channel)
        self._groups_of[channel].add(group)
        if self.uplink:
            await self.uplink.match(group)

    async def group_discard(self, group: str, channel: str) -> None:
        self._leave(group, channel)
        if self.uplink:
            await self.uplink.match(group)

    async def group_send(self, group: str, message: Message) -> None:
        self.require_valid_group_name(group)
        message = read_back(message)
        self.deliver(group, message)
        if self.uplink:
            await self.uplink.send(group, message)

    def deliver(self, group: str, message: Message) -> None:
        """Hands a message to the group's channels in this process."""
        for channel in self.groups.get(group, ()):
            if not self._put(channel, message):
                self.dropped += 1
                metrics.lost_in_full_channel.inc()
                outage.warning("A channel is full: %d messages were lost so far", self.dropped)

    def _open(self, channel: str) -> None:
        self._mailboxes[channel] = Mailbox()
        self._groups_of[channel] = set()

    def _put(self, channel: str, message: Message) -> bool:
        mailbox = self._mailboxes[channel]
        if len(mailbox) >= self.capacity:
            return False
        mailbox.put(dict(message))
        return True

    def _leave(self, group: str, channel: str) -> None:
        channels = self.groups.get(group, set())
        channels.discard(channel)
        if not channels:
            self.groups.pop(group, None)
        self._groups_of.get(channel, set()).discard(group)


class Uplink:
    """This process as Redis sees it: one channel, in each group that has channels here.

    A group is joined and left when that changes; what did not work then is tried once a second.
    After a lost connection the layer below joins its groups again by itself. It may join one that
    was left meanwhile; then it throws away what it hears there.
    """

    def __init__(self, beneath: str, layer: HintLayer) -> None:
        self.failures = 0  # messages that did not reach the other processes
        self._beneath = beneath
        self._layer = layer
        self._process = uuid4().hex
        self._ear = f"process.{self._process}"  # a group of its own
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channel = ""
        self._joined: set[str] = set()
        self._listening: asyncio.Task[None] | None = None
        self._mending: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._waiting: dict[str, list[Message]] = {}  # for groups that a hint is on its way to
        self._gathered: dict[str, float] = {}  # when the next hint to a group may leave
        self._ping_at = self._heard_at = 0.0
        self._retry_at = 0.0
        self._is_away = False

    @property
    def redis(self) -> Any:
        return channel_layers[self._beneath]

    @property
    def _wanted(self) -> set[str]:
        return {*self._layer.groups, self._ear}

    async def send(self, group: str, message: Message) -> None:
        """Passes a message on to the other processes. While a hint to the group is on its way, it
        only waits for the next: a hint costs about as much as all else that is done for a message.
        """
        waiting = self._waiting.get(group)
        if waiting is None:
            await self._send_group(group, message)
        elif len(waiting) < self._layer.capacity:
            waiting.append(message)
        else:
            self._lose_hints(1)

    async def _send_group(self, group: str, message: Message) -> None:
        waiting = self._waiting[group] = [message]
        try:
            while waiting:
                await asyncio.sleep(self._gathered.get(group, 0) - time.monotonic())
                together = waiting[:TOGETHER]
                del waiting[:TOGETHER]
                await self._send_hint(group, together)
                self._gathered[group] = time.monotonic() + GATHER
        finally:
            del self._waiting[group]
            if len(self._gathered) > MAX_GROUPS:
                self._gathered.clear()  # then none of them waits, once

    async def _send_hint(self, group: str, messages: list[Message]) -> None:
        hint = {"type": "hint", "from": self._process, "group": group, "messages": messages}
        if not await self._try(partial(self.redis.group_send, group, hint)):
            self._lose_hints(len(messages))
        elif self._is_away:
            logger.warning("Redis is back. %d hints were lost so far", self.failures)
            self._is_away = False

    def _lose_hints(self, messages: int) -> None:
        self.failures += messages
        metrics.lost_by_redis.inc(messages)

    async def match(self, group: str) -> bool:
        """Joins the group if it has channels here, else leaves it. False if Redis is away."""
        self._adopt_loop()
        async with self._changing:
            wanted = group in self._wanted
            if wanted == (group in self._joined):
                return True
            if not await self._try(partial(self._change, group, wanted)):
                return False
            (self._joined.add if wanted else self._joined.discard)(group)
            return True

    async def _change(self, group: str, wanted: bool) -> None:
        if not self._channel:
            await self.redis.flush()  # attempts that failed have left something
            self._channel = await self.redis.new_channel()
            self._heard_at = time.monotonic()
            self._listening = hints.start(self._listen())
        change = self.redis.group_add if wanted else self.redis.group_discard
        await change(group, self._channel)

    async def _try(self, command: Callable[[], Awaitable[None]]) -> bool:
        """Gives Redis a moment for a command; once it has failed, nothing for a while."""
        if time.monotonic() < self._retry_at:
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                await command()
        except Exception as error:  # whatever the layer below raises, to us it means the same
            self._lose(error)
            return False
        return True

    def _lose(self, error: Exception) -> None:
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from error  # which redis-py may turn into such an error
        if not self._is_away:
            logger.warning("Redis is away, this process is on its own: %r", error)
        self._is_away = True
        self._heard_at = time.monotonic()  # from now on it may be heard again
        self._retry_at = self._heard_at + RETRY

    def _adopt_loop(self) -> None:
        """Begins anew on every event loop; a server has one, tests have many."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        self._loop = loop
        self._changing = asyncio.Lock()
        self._listening = None
        self._forget_connection()
        self._mending = hints.start(self._mend())

    def _forget_connection(self) -> None:
        """The next group that is joined connects anew."""
        if self._listening:
            self._listening.cancel()
        self._channel, self._listening = "", None
        self._joined.clear()

    async def _listen(self) -> None:
        """Hears the other processes. The layer below waits on, whatever happens to Redis."""
        while True:
            self._hear(await self.redis.receive(self._channel))

    def _hear(self, hint: Message) -> None:
        self._heard_at = time.monotonic()
        match hint:  # another version of the site may say it differently
            case {"from": process, "group": group, "messages": messages}:
                if process != self._process:
                    for message in messages:
                        self._layer.deliver(group, message)

    async def _mend(self) -> None:
        """Does what `match` could not."""
        while True:
            await asyncio.sleep(RETRY)
            for group in self._joined ^ self._wanted:
                if not await self.match(group):
                    break
            await self._check_hearing()

    async def _check_hearing(self) -> None:
        """A network may go silent without an end of the connection. Nothing would tell us, and
        after a quarter of an hour the pub/sub layer would no longer let the event loop go."""
        now = time.monotonic()
        if now > self._ping_at:
            self._ping_at = now + PING
            await self.send(self._ear, {})
        if now > self._heard_at + DEAF and now > self._retry_at and self._listening:
            logger.warning("Redis is not heard any more: connecting anew")
            self._forget_connection()
