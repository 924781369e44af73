"""Sending through the channel layer, from any thread, without waiting and without failing.

A hint says that something changed; what is so now stands in the database. A hint may be lost.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

outage = logging.getLogger("outage")

_tasks: set[asyncio.Task[None]] = set()
_loop: asyncio.AbstractEventLoop | None = None


def channel_layer() -> Any:
    """The default one of the settings."""
    layer = get_channel_layer()
    assert layer, "settings.CHANNEL_LAYERS has a default"
    return layer


def user_group(user_id: int) -> str:
    """The group of all sockets of a user; the consumers add themselves to it."""
    return f"user.{user_id}"


def wake(user_id: int, type: str, **fields: int) -> None:
    """On commit, sends an event to the consumer of each socket of a user, which looks for itself
    what is so now."""
    event = {"type": type, **fields}
    transaction.on_commit(partial(send_to_group, user_group(user_id), event))


def send(channel: str, message: dict[str, Any]) -> None:
    """Sends to those who receive from a channel, if there are any."""
    _send(channel_layer().send, channel, message)


def send_to_group(group: str, message: dict[str, Any]) -> None:
    _send(channel_layer().group_send, group, message)


def adopt_loop() -> None:
    """From here on hints leave by the running event loop, which is the server's."""
    global _loop
    _loop = asyncio.get_running_loop()


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Runs a coroutine to its end, in a context of its own: it outlives the socket, and so the ORM
    thread, that it is for."""
    task = asyncio.create_task(work, context=Context())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task


async def forget(channel: str, *groups: str) -> None:
    """Nobody will receive from this channel any more."""
    layer = channel_layer()
    if hasattr(layer, "forget"):
        layer.forget(channel)
        return
    with suppress(Exception):  # Redis may be away, and what is forgotten is missed by nobody
        for group in groups:
            await layer.group_discard(group, channel)


def _send(by: Callable[..., Any], to: str, message: dict[str, Any]) -> None:
    if _loop and _loop.is_running():
        _loop.call_soon_threadsafe(start, _try(by, to, message))
    else:  # a command, or a server that no socket has come to: it may wait for Redis
        async_to_sync(_try)(by, to, message)


async def _try(by: Callable[..., Any], to: str, message: dict[str, Any]) -> None:
    """HintLayer raises only for the caller's own mistake; others do when Redis is away, too."""
    try:
        await by(to, message)
    except (TypeError, ValueError, OverflowError):
        raise
    except Exception as error:
        outage.warning("A hint was lost: %r", error)
