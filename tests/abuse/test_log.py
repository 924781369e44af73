"""The log says what happened, to whom and when; never what people wrote, typed or carry with them.

The server says everything it can, as JSON; whatever a client may put somewhere holds a word.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from chat import actions
from chat.models import Room, User
from tests.abuse.conftest import Connect
from tests.chat.test_protocol import FRAMES
from tests.client import ChatClient
from tests.factories import say
from tests.plugin import cookie_of
from tests.site import TOKEN, Site, wait_until

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

ENVIRONMENT = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "LOGIN_LIMITS": "2,50,100"}
WORD = "Zanzibar"
FIELDS = {"time", "level", "logger", "request_id", "message"}
OF_THE_PROCESS = ("Listening on", "Stopping: ")  # what belongs to nobody in particular

Line = dict[str, Any]


class Log:
    """What a server has said since a moment."""

    def __init__(self, server: Site) -> None:
        self._server = server
        self._begin = len(server.log())

    @property
    def text(self) -> str:
        return self._server.log()[self._begin :]

    @property
    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, logger: str) -> list[Line]:
        return [line for line in self.lines if line["logger"] == logger]


@pytest.fixture
def log(server: Site) -> Iterator[Log]:
    log = Log(server)
    yield log
    assert WORD.lower() not in log.text.lower()
    for line in log.lines:
        assert line.keys() >= FIELDS
        assert line["level"] not in ("ERROR", "CRITICAL"), line
        if line["logger"].startswith(("chat", "django")):
            assert line["request_id"] != "-" or line["message"].startswith(OF_THE_PROCESS), line


# --- sockets -------------------------------------------------------------------------------------


def right_frames(room: Room, message: int) -> Iterator[Line]:
    """Each type, right but for the word in whatever is a text."""
    here = {"room": room.pk, "message": message, "reply_to": message, "parts": {}}
    for type, (fields, _) in FRAMES.items():
        filled = {key: here.get(key, value) for key, value in fields.items()}
        words = {key: WORD for key in ("body", "emoji") if key in filled}
        ids = {"id": str(uuid4())} if "id" in filled else {}
        yield {"type": type, **filled, **words, **ids, "ref": WORD}


def wrong_frames(room: Room, message: int) -> Iterator[str | bytes]:
    for frame in right_frames(room, message):
        yield json.dumps(frame | {"type": WORD})
        yield json.dumps(frame | {WORD: WORD})
        yield json.dumps(frame)[:-1]
        yield json.dumps(frame).encode()
        for field in frame:
            yield json.dumps(frame | {field: {WORD: WORD}})
            yield json.dumps(frame | {field: WORD * 10_000})
            yield json.dumps(frame | {field: f"{WORD}\0"})
            yield json.dumps({name: frame[name] for name in frame if name != field})
    yield WORD
    yield f'"{WORD}\ud83d"'.encode(errors="surrogatepass").decode(errors="replace")
    yield "[" * 20_000 + WORD


def settled(client: ChatClient) -> None:
    """All that was sent is answered."""
    client.raw(json.dumps({"type": "pong", "n": 0, "ref": "settled"}))
    client.expect("ok", ref="settled")


def test_what_people_say_is_not_in_the_log(
    connect: Connect, log: Log, alice: User, garden: Room
) -> None:
    client = connect(alice)
    message = say(alice, garden, WORD).pk
    for frame in right_frames(garden, message):
        client.raw(json.dumps(frame))
    settled(client)
    client.expect("message", body=WORD)


def test_nor_what_is_refused(connect: Connect, log: Log, alice: User, garden: Room) -> None:
    client = connect(alice)
    message = say(alice, garden).pk
    for frame in wrong_frames(garden, message):
        client.raw(frame)
        settled(client)  # or its inbox would be full
    refused = [line for line in log.lines if "was refused" in line["message"]]
    assert len(refused) == sum(event["type"] == "error" for event in client.heard) > 100
    assert {line["user"] for line in refused} == {alice.pk}
    assert {line["code"] for line in refused} >= {"invalid", "too_large"}


def test_from_its_first_line_to_its_last_a_socket_has_one_id(
    connect: Connect, log: Log, alice: User
) -> None:
    first, second = connect(alice), connect(alice)
    for client in (first, second):
        client.raw(WORD)
        settled(client)
        client.close()
    wait_until(lambda: log.text.count(" closed: 1000") == 2, "both have ended")
    lines = log.of("realtime.consumer")
    ids = {line["request_id"] for line in lines}
    assert len(ids) == 2
    for id in ids:
        opened, refused, closed = [line for line in lines if line["request_id"] == id]
        assert "opened" in opened["message"] and "refused" in refused["message"]
        assert closed["code"] == 1000 and closed["user"] == alice.pk and closed["seconds"] > 0


# --- pages ---------------------------------------------------------------------------------------


def post(server: Site, path: str, cookie: str = "", token: str = TOKEN, **fields: str) -> int:
    """Sends a form and all that comes with it. Returns the status."""
    headers = {
        "Cookie": f"{cookie}; csrftoken={TOKEN}; {WORD}={WORD}",
        "X-CSRFToken": token,
        "X-Request-ID": f"{WORD}-{WORD}",  # no proxy is before this server
        "Authorization": f"Bearer {WORD}",
        "User-Agent": WORD,
    }
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(f"{server.url}{path}?{WORD}={WORD}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_password_that_was_typed_is_not_in_the_log_and_neither_is_a_name(
    server: Site, log: Log, alice: User
) -> None:
    tried = [
        post(server, "/accounts/login/", username=name, password=WORD)
        for name in (alice.username, WORD)
        for _ in range(4)
    ]
    assert 429 in tried  # shut out, which the log may say
    assert post(server, "/accounts/login/", f"sessionid={WORD}", username=WORD) == 200


def test_nor_is_the_token_of_an_invitation_whatever_goes_wrong_there(
    server: Site, log: Log, alice: User, garden: Room
) -> None:
    path = actions.invite(user=alice, room_id=garden.pk).get_absolute_url()
    assert post(server, path, token="of another page") == 403
    assert post(server, path.rstrip("/") + "x/", cookie_of(alice)) == 404
    said = [line["message"] for line in log.lines]
    assert "Not Found: /invitations/.../" in said
    assert any(message.startswith("Forbidden") for message in said)
    assert path.split("/")[2] not in log.text


def test_nor_what_is_filled_in_or_comes_with_a_request(
    server: Site, log: Log, alice: User, garden: Room
) -> None:
    cookie, room = cookie_of(alice), f"/rooms/{garden.pk}"
    assert post(server, "/rooms/new/", cookie, name=WORD, kind="open") == 200
    assert post(server, f"{room}/settings/", cookie, name=WORD, topic=WORD) == 200
    assert post(server, "/accounts/profile/", cookie, display_name=WORD, color="3") == 200
    assert post(server, f"{room}/settings/", cookie, name=WORD * 100) == 200
    assert post(server, f"{room}/people/add/", cookie, member=WORD) in (200, 400, 404)
    assert post(server, "/rooms/new/", cookie, token=WORD, name=WORD) == 403
    assert post(server, "/metrics", cookie, name=WORD) == 404
    assert post(server, "/rooms/999/join/", cookie, name=WORD) == 404
    said = [line["message"] for line in log.of("django.request")]
    assert any("/rooms/999/join/" in message for message in said)
