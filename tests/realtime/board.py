"""Another product on realtime/: a board on which everybody sees what everybody draws."""

from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from realtime import wire
from realtime.consumer import SocketConsumer
from realtime.fanout import Fanout

BOARD = 1


class Draw(wire.Frame, frozen=True, kw_only=True):
    x: int
    y: int


class Drawn(wire.Event, frozen=True, kw_only=True):
    by: int
    x: int
    y: int


class Artists(wire.Event, frozen=True, kw_only=True):
    here: list[int]
    gone: list[int]


decode: wire.FrameDecoder[Any] = wire.FrameDecoder([Draw, wire.Pong])
boards = Fanout("board", presence=lambda board, here, gone: Artists(here=here, gone=gone))


class BoardConsumer(SocketConsumer, AsyncWebsocketConsumer):
    kind, subprotocol = "async", "board.v1"

    async def handle(self, message: Any) -> None:
        await getattr(self, get_handler_name(message))(message)

    async def beat(self) -> None:
        async for n in self.outlet.beats(25):
            await self.outlet.say(wire.Heartbeat(n=n, heads={}))

    async def connect(self) -> None:
        await boards.join(self.outlet, {BOARD: 0})
        await self.outlet.say(*boards.presence(BOARD))
        await self.outlet.release()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            match decode(text_data):
                case Draw(x=x, y=y):
                    boards.pass_on(BOARD, Drawn(by=self.user.pk, x=x, y=y))
                case wire.Pong(n=n):
                    self.outlet.answered(n)
        except Exception as error:
            await self.outlet.say(*self.refused(error, text_data))
