"""The wires: what goes in comes out, until they are cut."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.proxy import Proxy
from tests.services import free_port


@asynccontextmanager
async def shouting() -> AsyncIterator[int]:
    """A server that answers each line in capitals. Gives its port."""

    async def shout(reader: StreamReader, writer: StreamWriter) -> None:
        async for line in reader:
            writer.write(line.upper())
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def talk(port: int) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """Gives a function that says a line and returns the answer, b"" when the line is dead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(line: bytes) -> bytes:
        with suppress(ConnectionError):
            writer.write(line)
            return await asyncio.wait_for(reader.readline(), 10)
        return b""

    yield ask
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def there_and_back() -> None:
    async with shouting() as port, Proxy(port) as wire, talk(wire.port) as ask:
        assert await ask(b"hello\n") == b"HELLO\n"


async def until_it_is_cut() -> None:
    async with shouting() as port, Proxy(port) as wire:
        async with talk(wire.port) as ask:
            await ask(b"hello\n")
            wire.cut()
            assert await ask(b"hello?\n") == b""
        async with talk(wire.port) as ask:
            assert await ask(b"again\n") == b"AGAIN\n"


async def past_a_server_that_is_gone() -> None:
    async with shouting() as port, Proxy(free_port(), port) as wire, talk(wire.port) as ask:
        assert await ask(b"hello\n") == b"HELLO\n"


async def nowhere_if_all_are_gone() -> None:
    async with Proxy(free_port()) as wire, talk(wire.port) as ask:
        assert await ask(b"hello?\n") == b""


@pytest.mark.parametrize(
    "where", [there_and_back, until_it_is_cut, past_a_server_that_is_gone, nowhere_if_all_are_gone]
)
def test_a_wire_leads(where: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(where())
