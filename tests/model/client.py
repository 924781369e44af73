"""A right client on a bad line: what it knows, what it wants said, and what is under way."""

from collections import deque
from typing import Any

from chat.models import User
from tests.model.connection import Connection
from tests.view import Event, Frame, View


class Client:
    """A page of somebody. On a slow line a frame moves only when it is told to, either way."""

    def __init__(self, person: User, path: str, cookie: str) -> None:
        self.person = person
        self.view = View()
        self.slow = False
        self.connection: Connection | None = None
        self.outbox: dict[str, Frame] = {}  # what was typed and has not been answered
        self.acknowledged: dict[str, int] = {}  # its ids, and the messages they became
        self._path = path
        self._cookie = cookie
        self._going: deque[Frame] = deque()

    # The line.

    async def connect(self, application: Any) -> None:
        self.connection = Connection(application, self._path, self._cookie)
        await self.connection.open()

    async def lose_connection(self) -> None:
        """Nothing that is under way arrives, in either direction."""
        if self.connection is None:
            return
        connection, self.connection = self.connection, None
        self._going.clear()
        self.view.lost()
        await connection.close()

    async def exchange(self) -> bool:
        """Lets everything that is under way arrive. False if there was nothing."""
        if self.connection is None:
            return False
        if self.connection.unanswered:
            await self.connection.settle()
        if self.slow:
            return False
        moved = bool(self.connection.coming or self._going)
        while self.hear():
            pass
        while self.speak():
            pass
        if self.connection.closed:
            await self.lose_connection()
        return moved

    def hear(self) -> bool:
        """The next frame arrives here. False if there is none."""
        if self.connection is None or not self.connection.coming:
            return False
        for event in self.connection.coming.popleft():
            self._take(event)
        return True

    def speak(self) -> bool:
        """The next frame arrives at the server. False if there is none."""
        if self.connection is None or not self._going:
            return False
        self.connection.say(self._going.popleft())
        return True

    # The person.

    def ask(self, type: str, **fields: Any) -> None:
        """What is asked without a connection is forgotten."""
        if self.connection:
            self._going.append({"type": type, **fields})

    def say(self, room: int, id: str, body: str, reply_to: int | None) -> None:
        """What is said is said again on the next connection, until it is answered."""
        frame = {"type": "send", "room": room, "id": id, "body": body, "reply_to": reply_to}
        self.outbox[id] = frame | {"ref": id}
        if self.connection:
            self._going.append(self.outbox[id])

    # The page.

    def _take(self, event: Event) -> None:
        self._going += self.view.apply(event)
        if event["type"] == "welcome":
            self._going += self.outbox.values()
        if event["type"] in ("ok", "error") and self.outbox.pop(event["ref"] or "", {}):
            self._answered(event)

    def _answered(self, event: Event) -> None:
        if event["type"] == "error":
            return
        id, message = event["id"], event["message"]
        assert id == event["ref"], f"{event['ref']} became {id}"
        assert message == self.acknowledged.setdefault(id, message), f"{id} became two messages"
