"""Every line of the log says which request or socket it is about, from whatever thread."""

import asyncio
import logging
import threading
import urllib.request
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import HttpCommunicator

from chat.consumers import AsyncChatConsumer, ChatConsumer
from realtime.logs import WithRequestId
from realtime.request_id import RequestId
from realtime.wire import Pong
from tests.factories import person
from tests.plugin import session_of
from tests.realtime.test_orm_threads import answer, open_socket, orm_threads
from tests.site import Site

logger = logging.getLogger("tests.action")


async def hello(scope: Any, receive: Any, send: Any) -> None:
    logger.warning("hello")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": b""})


def id_of_answer(given: bytes | None) -> str:
    """The id that a request gets which came with this one."""
    headers = [] if given is None else [(b"x-request-id", given)]
    communicator = HttpCommunicator(RequestId(hello), "GET", "/", headers=headers)
    answer = asyncio.run(communicator.get_response(timeout=10))
    own, (name, id) = answer["headers"]
    assert (own, name) == ((b"x-own", b"1"), b"x-request-id")
    return str(id.decode())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.handler.addFilter(WithRequestId())
    caplog.set_level(logging.INFO)
    return caplog


def ids_of(log: pytest.LogCaptureFixture, message: str) -> list[str]:
    """The ids on the lines that say so, in order."""
    return [vars(it)["request_id"] for it in log.records if message in it.getMessage()]


def test_each_request_has_an_id_of_its_own(log: pytest.LogCaptureFixture) -> None:
    ids = [id_of_answer(None) for _ in range(2)]
    assert ids[0] != ids[1]
    assert ids_of(log, "hello") == ids


def test_the_id_of_the_proxy_is_taken_over(settings: Any) -> None:
    settings.BEHIND_PROXY = True
    assert id_of_answer(b"5e3b1f0a-77.x_1") == "5e3b1f0a-77.x_1"


@pytest.mark.parametrize("id", [b"", b"short", b"a" * 65, b"new\nline123", b"b\xc3\xa4hb\xc3\xa4h"])
def test_but_not_what_is_no_id(settings: Any, id: bytes) -> None:
    settings.BEHIND_PROXY = True
    assert id_of_answer(id) not in (id.decode(), "", "-")


def test_nor_that_of_a_client(settings: Any) -> None:
    settings.BEHIND_PROXY = False
    assert id_of_answer(b"5e3b1f0a-77.x_1") != "5e3b1f0a-77.x_1"


def say_something() -> None:
    logger.warning("in an action, on %s", threading.current_thread().name)


class TalkativeConsumer(ChatConsumer):
    """Its answer to `pong` is a line in the log, from an ORM thread."""

    def on_pong(self, frame: Pong) -> None:
        say_something()


class TalkativeAsyncConsumer(AsyncChatConsumer):
    async def on_pong(self, frame: Pong) -> None:
        await database_sync_to_async(say_something)()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("consumer", [TalkativeConsumer, TalkativeAsyncConsumer])
def test_what_an_action_says_carries_the_id_of_its_socket(
    log: pytest.LogCaptureFixture, consumer: Any
) -> None:
    user = person("alice")
    session = session_of(user)

    async def talk() -> None:
        async with orm_threads(consumer.as_asgi(), size=2) as app:
            sockets = [await open_socket(RequestId(app), user, session) for _ in range(2)]
            for socket in sockets:
                await socket.send_to(text_data='{"type": "pong", "n": 1, "ref": "done"}')
                await answer(socket)
            for socket in sockets:
                await socket.disconnect(timeout=10)

    asyncio.run(talk())
    opened = ids_of(log, "opened")
    assert opened == ids_of(log, "in an action, on orm-") == ids_of(log, "closed")
    assert len(set(opened)) == 2


def test_a_real_page_carries_it(site: Site) -> None:
    with urllib.request.urlopen(f"{site.url}/accounts/login/") as page:
        assert len(page.headers["X-Request-ID"]) == 16
