"""What a client sends is taken at once, and kept within bounds."""

import asyncio
from typing import Any

import pytest

from realtime import inlet
from realtime.inlet import Inlet
from tests.realtime.test_relay import awaited

CONNECT, DISCONNECT = {"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}


def frame(text: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": text}


class Server:
    """Hands over what a client sent, and remembers what was refused."""

    def __init__(self, *messages: dict[str, Any], admits: int = 1_000_000) -> None:
        self.messages = list(messages)
        self.refused: list[str | None] = []
        self.admitted = admits
        self.inlet = Inlet(self._receive, self._admits, self._refuse)

    async def _receive(self) -> dict[str, Any]:
        return self.messages.pop(0)

    def _admits(self) -> bool:
        self.admitted -= 1
        return self.admitted >= 0

    async def _refuse(self, text: str | None) -> None:
        self.refused.append(text)


async def taken(frames: Inlet) -> list[str]:
    """All frames, up to the end."""
    texts = []
    while (message := await frames.receive()) != DISCONNECT:
        texts.append(message.get("text", message["type"]))
    return texts


@awaited
async def test_messages_come_out_as_they_came_in() -> None:
    server = Server(CONNECT, frame("1"), frame("2"), DISCONNECT)
    await server.inlet.drain()
    assert await taken(server.inlet) == ["websocket.connect", "1", "2"]


@pytest.mark.parametrize(("name", "limit"), [("MAX_FRAMES", 3), ("MAX_BYTES", 30)])
@awaited
async def test_what_finds_no_room_is_refused_and_the_rest_is_kept(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(inlet, name, limit)
    frames = [f"{n}".ljust(10) for n in range(5)]
    server = Server(*map(frame, frames), DISCONNECT)
    await server.inlet.drain()
    assert server.refused == frames[3:]
    assert await taken(server.inlet) == frames[:3]


@awaited
async def test_there_is_room_again_when_frames_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inlet, "MAX_BYTES", 3)
    monkeypatch.setattr(inlet, "MAX_FRAMES", 1)
    for _ in range(2):
        server = Server(frame("abc"), DISCONNECT)
        await server.inlet.drain()
        server.messages = [frame("def"), DISCONNECT]
        assert await taken(server.inlet) == ["abc"]
        await server.inlet.drain()
        assert await taken(server.inlet) == ["def"]
        assert server.refused == []


@awaited
async def test_what_is_not_admitted_is_refused() -> None:
    server = Server(frame("1"), frame("2"), DISCONNECT, admits=1)
    await server.inlet.drain()
    assert server.refused == ["2"]


@awaited
async def test_a_binary_frame_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inlet, "MAX_BYTES", 3)
    binary = {"type": "websocket.receive", "bytes": b"12345"}
    server = Server(binary, DISCONNECT)
    await server.inlet.drain()
    assert server.refused == [None]


@awaited
async def test_who_waits_gets_what_comes() -> None:
    server = Server(frame("1"), DISCONNECT)
    waiting = asyncio.create_task(server.inlet.receive())
    await server.inlet.drain()
    assert (await waiting)["text"] == "1"
