"""A TCP proxy: the wire between two programs, which can be cut."""

import asyncio
from asyncio import StreamReader, StreamWriter

from tests.site import until


class Proxy:
    """Listens on a port of its own for one server or several; the least busy that answers gets the
    next connection."""

    def __init__(self, *ports: int) -> None:
        self.port = 0
        self._busy = dict.fromkeys(ports, 0)
        self._open: set[StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self.cut()
        await until(lambda: not self._open, "the connections through a proxy have ended")

    def cut(self) -> None:
        """Ends every connection at once, in the middle of whatever it carries."""
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        for port in sorted(self._busy, key=self._busy.__getitem__):
            self._busy[port] += 1
            try:
                return await self._join(port, reader, writer)
            except ConnectionError:
                continue
            finally:
                self._busy[port] -= 1
        writer.transport.abort()

    async def _join(self, port: int, reader: StreamReader, writer: StreamWriter) -> None:
        server = await asyncio.open_connection("127.0.0.1", port)
        self._open |= {writer, server[1]}
        try:
            await asyncio.gather(carry(reader, server[1]), carry(server[0], writer))
        finally:
            self._open -= {writer, server[1]}


async def carry(reader: StreamReader, writer: StreamWriter) -> None:
    """One direction of a connection. Whoever ends it ends both."""
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        writer.transport.abort()
    finally:
        writer.close()
