"""The pair of the lab: the same four events, once in sync and once in async Python.

Each event uses the ORM once and reports on which thread and connection that was. Channels closes
old connections around the events of both. The heartbeat of the asynchronous one is a task of its
own, which nothing surrounds.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer

from chat.models import User
from features.lab.lab_socket import HEARTBEAT, LabSocket, lab_group
from features.lab.measuring import Measurement, now, sleep, users
from features.lab.protocol import Cause
from realtime.outage import OUTAGE
from realtime.wire import Event, encode_array


class LabConsumer(LabSocket, JsonWebsocketConsumer):
    """The synchronous one. Channels runs each of its events whole on a thread for the ORM."""

    kind = "sync"

    async def beat(self) -> None:
        async for _ in self.outlet.beats(HEARTBEAT):
            await self.dispatch({"type": "heartbeat", "asked": now()})

    def connect(self) -> None:
        async_to_sync(self.channel_layer.group_add)(lab_group(self.user.pk), self.channel_name)
        self.send_json([self.ready()])
        async_to_sync(self.outlet.release)()

    def disconnect(self, code: int) -> None:
        async_to_sync(self.channel_layer.group_discard)(lab_group(self.user.pk), self.channel_name)

    def slow(self, event: dict[str, Any]) -> None:
        """The client has asked for a slow query."""
        with self.measuring("client", event["asked"]) as measurement:
            sleep(measurement, event["seconds"])

    def wake(self, event: dict[str, Any]) -> None:
        """The channel layer has brought something."""
        self.look("layer", event["asked"])

    def heartbeat(self, event: dict[str, Any]) -> None:
        """Time has passed."""
        self.look("heartbeat", event["asked"])

    def look(self, cause: Cause, asked: float) -> None:
        """Reads the user again, who may have lost the right to be here."""
        with self.measuring(cause, asked) as measurement:
            try:
                user = users(measurement, self.session_key).get(pk=self.user.pk)
            except User.DoesNotExist:
                user = None
            if code := self.close_code(user):
                self.close(code)

    @contextmanager
    def measuring(self, cause: Cause, asked: float) -> Iterator[Measurement]:
        """Reports the event, whether the database served it or not."""
        measurement = Measurement(cause, asked)
        try:
            yield measurement
        except OUTAGE as error:
            measurement.fail(error)
        self.send_json([self.measured(measurement)])

    @classmethod
    def encode_json(cls, content: list[Event]) -> str:
        return encode_array(content)


class AsyncLabConsumer(LabSocket, AsyncJsonWebsocketConsumer):
    """The asynchronous one. It runs on the event loop and awaits what uses the ORM."""

    kind = "async"

    async def beat(self) -> None:
        async for _ in self.outlet.beats(HEARTBEAT):
            asked = now()
            try:
                async with self.orm_thread():
                    if self.close_old:
                        await aclose_old_connections()
                    await self.heartbeat({"asked": asked})
            except Exception as error:
                await self.survive(error, "heartbeat")

    async def connect(self) -> None:
        await self.channel_layer.group_add(lab_group(self.user.pk), self.channel_name)
        await self.send_json([self.ready()])
        await self.outlet.release()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(lab_group(self.user.pk), self.channel_name)

    async def slow(self, event: dict[str, Any]) -> None:
        """The client has asked for a slow query."""
        async with self.measuring("client", event["asked"]) as measurement:
            await database_sync_to_async(sleep)(measurement, event["seconds"])

    async def wake(self, event: dict[str, Any]) -> None:
        """The channel layer has brought something."""
        await self.look("layer", event["asked"])

    async def heartbeat(self, event: dict[str, Any]) -> None:
        """Time has passed."""
        await self.look("heartbeat", event["asked"])

    async def look(self, cause: Cause, asked: float) -> None:
        """Reads the user again, who may have lost the right to be here."""
        async with self.measuring(cause, asked) as measurement:
            try:
                user = await users(measurement, self.session_key).aget(pk=self.user.pk)
            except User.DoesNotExist:
                user = None
            if code := self.close_code(user):
                await self.close(code)

    @asynccontextmanager
    async def measuring(self, cause: Cause, asked: float) -> AsyncIterator[Measurement]:
        """Reports the event, whether the database served it or not."""
        measurement = Measurement(cause, asked)
        try:
            yield measurement
        except OUTAGE as error:
            measurement.fail(error)
        await self.send_json([self.measured(measurement)])

    @classmethod
    async def encode_json(cls, content: list[Event]) -> str:
        return encode_array(content)
