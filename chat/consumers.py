"""The pair: one text in two spellings.

`ChatConsumer` is synchronous: each of its handlers runs on an ORM thread, and Channels closes old
database connections around it. What belongs to the event loop it calls through `async_to_sync`.
`AsyncChatConsumer` runs on the event loop: whatever touches the ORM is awaited, and what lives
longer than one event closes old connections itself. Neither holds a rule about chat; those are in
`actions` and `queries`. They share what does not touch the ORM: `SocketConsumer`.
"""

from typing import Any

from asgiref.sync import async_to_sync
from channels.consumer import get_handler_name
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.conf import settings

from chat import actions, protocol, queries, serializers
from chat.fanout import fanout
from chat.models import Membership
from chat.protocol import Left
from realtime import wire
from realtime.consumer import SocketConsumer
from realtime.hints import user_group
from realtime.wire import Event


class ChatConsumer(SocketConsumer, JsonWebsocketConsumer):
    """The synchronous one. Its handlers may use the ORM as any view does."""

    kind = "sync"
    subprotocol = protocol.SUBPROTOCOL

    async def handle(self, message: Any) -> None:
        # Channels' own: on the ORM thread, closing old connections before and after.
        await super(SocketConsumer, self).dispatch(message)

    async def beat(self) -> None:
        async for n in self.outlet.beats(settings.HEARTBEAT):
            await self.dispatch({"type": "heartbeat", "n": n})

    def connect(self) -> None:
        async_to_sync(self.channel_layer.group_add)(user_group(self.user.pk), self.channel_name)
        memberships = Membership.objects.of(self.user).select_related("room")
        rooms = {membership.room_id: membership.room.serial for membership in memberships}
        async_to_sync(fanout.join)(self.outlet, rooms)  # before `welcome` reads the heads
        self.send_json([self.welcome(), *fanout.presence(*rooms)])
        async_to_sync(self.outlet.release)()

    def disconnect(self, code: int) -> None:
        group = user_group(self.outlet.user_id)
        async_to_sync(self.channel_layer.group_discard)(group, self.channel_name)

    def receive(
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            answers = self.answer(protocol.decode(text_data))
        except Exception as error:
            answers = self.refused(error, text_data)
        if answers:
            self.send_json(answers)

    def answer(self, frame: wire.Frame) -> list[Event]:
        handler = getattr(self, f"on_{frame.type}")
        with self.timed(frame.type):
            return wire.answers(frame, handler(frame))

    # What a client asks.

    def on_send(self, frame: protocol.Send) -> Event:
        message = actions.send_message(
            user=self.user,
            room_id=frame.room,
            client_id=frame.id,
            body=frame.body,
            reply_to=frame.reply_to,
            parts=frame.parts,
        )
        return serializers.sent(message, frame.ref)

    def on_edit(self, frame: protocol.Edit) -> None:
        actions.edit_message(user=self.user, message_id=frame.message, body=frame.body)

    def on_delete(self, frame: protocol.Delete) -> None:
        actions.delete_message(user=self.user, message_id=frame.message)

    def on_react(self, frame: protocol.React) -> None:
        actions.react(user=self.user, message_id=frame.message, emoji=frame.emoji, on=frame.on)

    def on_sync(self, frame: protocol.Sync) -> Event:
        return queries.sync(self.user, frame.room, frame.since)

    def on_history(self, frame: protocol.History) -> Event:
        return queries.history(self.user, frame.room, **frame.where)

    def on_read(self, frame: protocol.Read) -> None:
        actions.mark_read(user=self.user, room_id=frame.room, position=frame.position)

    def on_typing(self, frame: protocol.Typing) -> None:
        actions.typing(user=self.user, room_id=frame.room)

    def on_pong(self, frame: wire.Pong) -> None:
        self.outlet.answered(frame.n)

    # What the channel layer wakes us for.

    def user_room(self, event: dict[str, Any]) -> None:
        """A membership began, changed or ended: look what is so now."""
        room_id = event["room"]
        try:
            membership = Membership.objects.of(self.user).for_side_bar().get(room=room_id)
        except Membership.DoesNotExist:
            async_to_sync(fanout.leave)(self.outlet, room_id)
            self.send_json([Left(room=room_id)])
        else:
            room = serializers.room(membership, self.user)
            async_to_sync(fanout.enter)(self.outlet, room_id, membership.room.serial, room)

    def user_read(self, event: dict[str, Any]) -> None:
        """Another tab has read on; it may have been shut out of the room meanwhile."""
        if event["room"] in self.outlet.shown:
            read = protocol.ReadElsewhere(room=event["room"], position=event["position"])
            self.send_json([read])

    def user_session(self, event: dict[str, Any]) -> None:
        """Somebody signed out or was shut out: it may have been us."""
        if queries.session_user(self.session_key) is None:
            self.close(wire.SIGNED_OUT)

    # What lives as long as the socket.

    def heartbeat(self, event: dict[str, Any]) -> None:
        user = queries.session_user(self.session_key)
        if user is None:
            return self.close(wire.SIGNED_OUT)
        heads = dict(user.memberships.heads())
        for room_id in self.outlet.strays(heads.keys()):  # a hint was lost
            self.user_room({"room": room_id})
        self.send_json([wire.Heartbeat(n=event["n"], heads=heads)])

    def welcome(self) -> Event:
        rooms = queries.memberships(self.user)
        return serializers.welcome(self.user, rooms, consumer=self.kind)

    @classmethod
    def encode_json(cls, content: list[Event]) -> str:
        return wire.encode_array(content)


class AsyncChatConsumer(SocketConsumer, AsyncJsonWebsocketConsumer):
    """The asynchronous one. One call of the ORM is awaited; several go to its thread together."""

    kind = "async"
    subprotocol = protocol.SUBPROTOCOL

    async def handle(self, message: Any) -> None:
        # Channels would go to the ORM thread before each event, to close old connections there.
        # Most events ask through `database_sync_to_async`, which does so by itself. `connect`,
        # `user_room` and `user_session` await a query, and do it before.
        await getattr(self, get_handler_name(message))(message)

    async def beat(self) -> None:
        # Nothing of Channels' surrounds this task, so it closes old connections by itself: what
        # the heartbeat awaits would else fail for ever once the database was restarted.
        async for n in self.outlet.beats(settings.HEARTBEAT):
            try:
                async with self.orm_thread():
                    await aclose_old_connections()
                    await self.heartbeat({"n": n})
            except Exception as error:
                await self.survive(error, "heartbeat")

    async def connect(self) -> None:
        await aclose_old_connections()
        await self.channel_layer.group_add(user_group(self.user.pk), self.channel_name)
        memberships = Membership.objects.of(self.user).select_related("room")
        rooms = {membership.room_id: membership.room.serial async for membership in memberships}
        await fanout.join(self.outlet, rooms)  # before `welcome` reads the heads
        await self.send_json([await self.welcome(), *fanout.presence(*rooms)])
        await self.outlet.release()

    async def disconnect(self, code: int) -> None:
        group = user_group(self.outlet.user_id)
        await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            answers = await self.answer(protocol.decode(text_data))
        except Exception as error:
            answers = self.refused(error, text_data)
        if answers:
            await self.send_json(answers)

    async def answer(self, frame: wire.Frame) -> list[Event]:
        handler = getattr(self, f"on_{frame.type}")
        with self.timed(frame.type):
            return wire.answers(frame, await handler(frame))

    # What a client asks.

    async def on_send(self, frame: protocol.Send) -> Event:
        message = await database_sync_to_async(actions.send_message)(
            user=self.user,
            room_id=frame.room,
            client_id=frame.id,
            body=frame.body,
            reply_to=frame.reply_to,
            parts=frame.parts,
        )
        return serializers.sent(message, frame.ref)

    async def on_edit(self, frame: protocol.Edit) -> None:
        await database_sync_to_async(actions.edit_message)(
            user=self.user, message_id=frame.message, body=frame.body
        )

    async def on_delete(self, frame: protocol.Delete) -> None:
        await database_sync_to_async(actions.delete_message)(
            user=self.user, message_id=frame.message
        )

    async def on_react(self, frame: protocol.React) -> None:
        await database_sync_to_async(actions.react)(
            user=self.user, message_id=frame.message, emoji=frame.emoji, on=frame.on
        )

    async def on_sync(self, frame: protocol.Sync) -> Event:
        return await database_sync_to_async(queries.sync)(self.user, frame.room, frame.since)

    async def on_history(self, frame: protocol.History) -> Event:
        return await database_sync_to_async(queries.history)(self.user, frame.room, **frame.where)

    async def on_read(self, frame: protocol.Read) -> None:
        await database_sync_to_async(actions.mark_read)(
            user=self.user, room_id=frame.room, position=frame.position
        )

    async def on_typing(self, frame: protocol.Typing) -> None:
        await database_sync_to_async(actions.typing)(user=self.user, room_id=frame.room)

    async def on_pong(self, frame: wire.Pong) -> None:
        self.outlet.answered(frame.n)

    # What the channel layer wakes us for.

    async def user_room(self, event: dict[str, Any]) -> None:
        """A membership began, changed or ended: look what is so now."""
        # It may be hours since the last query of this thread, and the database may have been
        # restarted meanwhile.
        await aclose_old_connections()
        room_id = event["room"]
        try:
            membership = await Membership.objects.of(self.user).for_side_bar().aget(room=room_id)
        except Membership.DoesNotExist:
            await fanout.leave(self.outlet, room_id)
            await self.send_json([Left(room=room_id)])
        else:
            room = serializers.room(membership, self.user)
            await fanout.enter(self.outlet, room_id, membership.room.serial, room)

    async def user_read(self, event: dict[str, Any]) -> None:
        """Another tab has read on; it may have been shut out of the room meanwhile."""
        if event["room"] in self.outlet.shown:
            read = protocol.ReadElsewhere(room=event["room"], position=event["position"])
            await self.send_json([read])

    async def user_session(self, event: dict[str, Any]) -> None:
        """Somebody signed out or was shut out: it may have been us."""
        await aclose_old_connections()
        if await queries.asession_user(self.session_key) is None:
            await self.close(wire.SIGNED_OUT)

    # What lives as long as the socket.

    async def heartbeat(self, event: dict[str, Any]) -> None:
        user = await queries.asession_user(self.session_key)
        if user is None:
            return await self.close(wire.SIGNED_OUT)
        heads = {room_id: head async for room_id, head in user.memberships.heads()}
        for room_id in self.outlet.strays(heads.keys()):  # a hint was lost
            await self.user_room({"room": room_id})
        await self.send_json([wire.Heartbeat(n=event["n"], heads=heads)])

    @database_sync_to_async
    def welcome(self) -> Event:
        rooms = queries.memberships(self.user)
        return serializers.welcome(self.user, rooms, consumer=self.kind)

    @classmethod
    async def encode_json(cls, content: list[Event]) -> str:
        return wire.encode_array(content)
