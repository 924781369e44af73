"""The WebSockets of a page in the hands of a test, which may lose, hold back and answer."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, WebSocketRoute

Frame = dict[str, Any]


class Wire:
    def __init__(self, owner: Page | BrowserContext) -> None:
        self.sent: list[Frame] = []
        self.heard: list[Frame] = []  # from the server, whether it was passed on or not
        # What is answered instead of the server; nothing at all by an empty frame.
        self.answer: Callable[[Frame], Frame | None] = lambda frame: None
        self.passes: Callable[[Frame], bool] = lambda event: True
        self._sockets: list[WebSocketRoute] = []
        self._dead: list[WebSocketRoute] = []
        owner.route_web_socket(re.compile("/ws/chat/"), self._open)

    def die(self) -> None:
        """The network is gone and says nothing: open sockets stay open, silent for ever."""
        self._dead += self._sockets

    def close(self, code: int) -> None:
        self._sockets[-1].close(code=code)

    def say(self, *events: Frame) -> None:
        """Says something to the page as if the server had."""
        self._sockets[-1].send(json.dumps(events))

    def of_type(self, kind: str) -> list[Frame]:
        return [frame for frame in self.sent if frame["type"] == kind]

    def histories(self) -> list[Frame]:
        return [event for event in self.heard if event["type"] == "history"]

    def has_heard(self, **fields: Any) -> bool:
        return any(event.items() >= fields.items() for event in self.heard)

    def refuses(self, kind: str, code: str, times: int) -> list[Frame]:
        """From now on, so many frames of this type. Returns the list that they will be in."""
        refused: list[Frame] = []

        def answer(frame: Frame) -> Frame | None:
            if frame["type"] != kind or len(refused) == times:
                return None
            refused.append(frame)
            return {"type": "error", "code": code, "detail": "Not now."}

        self.answer = answer
        return refused

    def _open(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        server = socket.connect_to_server()

        def to_server(text: str | bytes) -> None:
            frame = json.loads(text)
            self.sent.append(frame)
            if socket in self._dead:
                return
            answer = self.answer(frame)
            if answer is None:
                server.send(text)
            elif answer:
                socket.send(json.dumps([answer | {"ref": frame["ref"]}]))

        def to_page(text: str | bytes) -> None:
            said = json.loads(text)
            self.heard += said
            events = [event for event in said if self.passes(event)]
            if events and socket not in self._dead:
                socket.send(json.dumps(events))

        socket.on_message(to_server)
        server.on_message(to_page)
