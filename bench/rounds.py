"""Sockets that ask something at the same time, and again once each of them has its answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect

from bench.servers import Running
from bench.wires import OURS, WIRES

Times = AsyncGenerator[float, None]  # in seconds

DEADLINE = 30.0  # seconds until a round has to be over


def opening(running: Running, cookie: str) -> connect:
    """A socket of a person, to be opened by `async with`."""
    return connect(
        f"ws://127.0.0.1:{running.port}{WIRES[running.server.wire].path}",
        additional_headers={"Cookie": cookie},
        origin=f"http://127.0.0.1:{running.port}",  # type: ignore[arg-type]
        subprotocols=["chat.v1"],  # type: ignore[list-item]
        compression=None,
        max_size=None,
        proxy=None,
    )


async def rounds(running: Running, cookies: Iterable[str], frame: str) -> Times:
    """What each round took. The frame has to carry the round's number, `{n}`, as its `ref`."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(opening(running, each)) for each in cookies]
        await asyncio.gather(*(hear(socket, OURS.ready) for socket in sockets))
        n = 0
        while True:
            n += 1
            began = time.perf_counter()
            async with asyncio.timeout(DEADLINE):
                asking = frame.replace("{n}", str(n))
                await asyncio.gather(*(answer(socket, asking, n) for socket in sockets))
            yield time.perf_counter() - began


async def welcomes(running: Running, cookie: str) -> Times:
    """From a handshake to `welcome`, again and again."""
    while True:
        began = time.perf_counter()
        async with asyncio.timeout(DEADLINE), opening(running, cookie) as socket:
            await hear(socket, OURS.ready)
            yield time.perf_counter() - began


async def answer(socket: ClientConnection, frame: str, n: int) -> None:
    await socket.send(frame)
    heard = await hear(socket, f'"ref":"{n}"'.encode())
    if b'"type":"error"' in heard:
        raise RuntimeError(heard)


async def hear(socket: ClientConnection, what: bytes) -> bytes:
    """The first frame that contains this. Heartbeats on the way are answered."""
    while True:
        frame = await socket.recv(decode=False)
        for asked in OURS.asks.findall(frame):
            await socket.send(OURS.answer.format(asked.decode()))
        if what in frame:
            return frame
