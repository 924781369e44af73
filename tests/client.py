"""A client of the wire, written from its description: frames out, arrays of events in."""

import json
import time
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

Event = dict[str, Any]


class ChatClient:
    """One open socket. Remembers all it has heard, so that a test can also say what never came."""

    def __init__(self, url: str, path: str, cookie: str = "", origin: str | None = None) -> None:
        self.heard: list[Event] = []
        self._fresh: list[Event] = []
        self._connection = connect(
            url.replace("http", "ws", 1) + path,
            additional_headers={"Cookie": cookie} if cookie else {},
            origin=origin or url,  # type: ignore[arg-type]
            subprotocols=["chat.v1"],  # type: ignore[list-item]
            max_size=None,
            max_queue=None,
            compression=None,
            proxy=None,
        )
        self._socket = self._connection.__enter__()

    def __enter__(self) -> "ChatClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    @property
    def subprotocol(self) -> str | None:
        return self._socket.subprotocol

    def raw(self, frame: str | bytes) -> None:
        self._socket.send(frame)

    def send(self, type: str, **fields: Any) -> None:
        self.raw(json.dumps({"type": type, **fields}))

    def say(self, room: int, body: str, **fields: Any) -> str:
        """Sends a message. Returns the client's id of it."""
        id = fields.pop("id", None) or str(uuid4())
        self.send("send", room=room, id=id, body=body, **fields)
        return str(id)

    def ask(self, type: str, **fields: Any) -> Event:
        """Sends a frame and waits for its `ok` or `error`."""
        ref = str(uuid4())
        self.send(type, ref=ref, **fields)
        return self.expect("ok", "error", ref=ref)

    def expect(self, *types: str, seconds: float = 10.0, **fields: Any) -> Event:
        """Waits for an event of one of these types that has these fields; each is given once."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self._fresh:
                if event["type"] in types and has(event, fields):
                    self._fresh.remove(event)
                    return event
            self._read(deadline, f"{types} {fields}")

    def hear(self, what: str, seconds: float = 10.0) -> None:
        """Waits for the next frame, whatever is in it."""
        self._read(time.monotonic() + seconds, what)

    def expect_close(self, seconds: float = 10.0) -> int:
        """Waits until the socket is closed. Returns the server's code, 1006 if it gave none."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self._read(deadline, "a close")
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def settle(self) -> list[Event]:
        """All that has been heard once the server has answered a last question."""
        self.ask("pong", n=0)
        return self.heard

    def _read(self, deadline: float, what: str) -> None:
        try:
            frame = self._socket.recv(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise AssertionError(f"{what} did not come; last were {self.heard[-5:]}") from None
        events = json.loads(frame)
        assert isinstance(events, list)
        self.heard += events
        self._fresh += events
        for event in events:
            if event["type"] == "heartbeat":
                self.send("pong", n=event["n"])


def has(event: Event, fields: Event) -> bool:
    return all(name in event and event[name] == value for name, value in fields.items())
