"""docs/troubleshooting.md: its entries name tests that exist, and the symptoms are real.

What is shown below is stock: Channels, Daphne's handlers and Django as anybody has them, not the
chat's own classes. Where the chat already has a test that would fail without the cure, the document
names that one.
"""

import ast
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any
from uuid import uuid4

import pytest
import redis
from asgiref.sync import async_to_sync
from channels.consumer import get_handler_name
from channels.db import aclose_old_connections, database_sync_to_async
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from channels.sessions import SessionMiddlewareStack
from channels.testing import WebsocketCommunicator
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error, OperationalError, transaction
from django.db.utils import ConnectionHandler
from django.test import Client
from django.urls import path

from chat.models import User
from tests.plugin import on_a_loop, session_of
from tests.site import PROJECT, Site

DOCUMENT = PROJECT / "docs" / "troubleshooting.md"
NOTHING_COMES = 4.0  # seconds that a communicator waits for an application that has ended
PARTS = ("**Cause.**", "**Cure.**", "**Here.**", "**Test.**")

Steps = Coroutine[Any, Any, None]


def awaited(test: Callable[..., Steps]) -> Callable[..., None]:
    """Runs a test on an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        on_a_loop(test(*args, **kwargs))

    return run


# --- the document --------------------------------------------------------------------------------


def entries() -> dict[str, str]:
    """The titles of the document, and what stands below each."""
    _, *sections = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)
    return {title: text for title, _, text in (section.partition("\n") for section in sections)}


every_entry = pytest.mark.parametrize("title", entries())


def test_there_are_twenty_symptoms_or_more() -> None:
    assert len(entries()) >= 20


@every_entry
def test_an_entry_has_all_its_parts(title: str) -> None:
    assert [part for part in PARTS if part not in entries()[title]] == []


def functions_of(file: Path) -> set[str]:
    body = ast.parse(file.read_text()).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in body if isinstance(node, kinds)}


@every_entry
def test_an_entry_names_tests_that_exist(title: str) -> None:
    named = re.findall(r"`((?:tests|features)/[\w/]+/test_\w+\.py)::(test_\w+)`", entries()[title])
    assert named
    assert [name for file, name in named if name not in functions_of(PROJECT / file)] == []


@every_entry
def test_an_entry_says_where_this_app_does_it(title: str) -> None:
    here = entries()[title].partition("**Here.**")[2].partition("**Test.**")[0]
    places = re.findall(r"\[`([^`]+)`\]\(\.\./([^)#]+)\)", here)
    assert places
    for name, file in places:
        text = (PROJECT / file).read_text()
        assert name == file or name.rpartition(".")[2] in text, f"{name} is not in {file}"


# --- opening a socket ----------------------------------------------------------------------------


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=text_data)


@awaited
async def test_the_outermost_router_raises_for_a_path_it_does_not_know() -> None:
    application = URLRouter([path("ws/chat/", Echo.as_asgi())])
    with pytest.raises(ValueError, match="No route found for path 'ws/elsewhere/'"):
        await WebsocketCommunicator(application, "/ws/elsewhere/").connect(timeout=NOTHING_COMES)


@awaited
async def test_an_origin_that_is_not_allowed_is_refused_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    application = OriginValidator(Echo.as_asgi(), ["chat.internal"])
    public = [(b"origin", b"https://chat.example.org"), (b"host", b"chat.internal")]
    connected, _ = await WebsocketCommunicator(application, "/", public).connect()
    assert not connected
    assert caplog.records == []


@awaited
async def test_the_public_name_among_the_allowed_hosts_lets_the_origin_in() -> None:
    application = OriginValidator(Echo.as_asgi(), ["chat.example.org"])
    public = [(b"origin", b"https://chat.example.org:8443"), (b"host", b"chat.internal")]
    communicator = WebsocketCommunicator(application, "/", public)
    assert (await communicator.connect())[0]
    await communicator.disconnect()


def test_a_handshake_that_lost_its_upgrade_is_a_page_that_does_not_exist(site: Site) -> None:
    assert site.get("/ws/chat/") == 404


def test_what_imports_a_model_cannot_be_imported_before_the_apps_are_loaded() -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""}
    command = [sys.executable, "-c", "import chat.consumers"]
    early = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert "AppRegistryNotReady: Apps aren't loaded yet." in early.stderr
    command = [sys.executable, "-c", "import chatsite.asgi"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)


# --- talking -------------------------------------------------------------------------------------


@awaited
async def test_an_event_without_a_handler_ends_its_consumer() -> None:
    communicator = WebsocketCommunicator(Member.as_asgi(), "/")
    await communicator.connect()
    layer = channel_layers["default"]
    await layer.group_send("members", {"type": "member.greeted"})
    with pytest.raises(ValueError, match=r"No handler for message type member\.greeted"):
        await communicator.receive_output()


class Member(AsyncWebsocketConsumer):
    groups = ["members"]

    async def member_greets(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


@awaited
async def test_a_dot_in_the_type_is_an_underscore_in_the_name_of_its_handler() -> None:
    assert get_handler_name({"type": "member.greets"}) == "member_greets"
    communicator = WebsocketCommunicator(Member.as_asgi(), "/")
    await communicator.connect()
    await channel_layers["default"].group_send("members", {"type": "member.greets", "text": "Hi"})
    assert await communicator.receive_from() == "Hi"
    await communicator.disconnect()


@awaited
async def test_over_its_capacity_a_channel_loses_what_a_group_is_sent() -> None:
    layer = InMemoryChannelLayer(capacity=2)
    await layer.group_add("room", "one")
    for n in range(3):
        await layer.group_send("room", {"type": "said", "n": n})  # raises nothing
    assert [(await layer.receive("one"))["n"] for _ in range(2)] == [0, 1]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive("one"), 0.1)


@awaited
async def test_a_number_for_a_key_raises_where_the_message_is_received(redis_url: str) -> None:
    layer = RedisChannelLayer(hosts=[{"address": redis_url, "socket_timeout": None}])
    channel = await layer.new_channel()
    with pytest.raises(TypeError, match="can not serialize 'UUID' object"):
        await layer.send(channel, {"type": "said", "id": uuid4()})
    await layer.send(channel, {"type": "said", "rooms": {7: "Garden"}})  # raises nothing
    with pytest.raises(ValueError, match="int is not allowed for map key"):
        await layer.receive(channel)


@awaited
async def test_a_frame_that_is_no_json_ends_a_stock_consumer() -> None:
    communicator = WebsocketCommunicator(JsonWebsocketConsumer.as_asgi(), "/")
    await communicator.connect()
    await communicator.send_to(text_data="{")
    with pytest.raises(json.JSONDecodeError):
        await communicator.receive_output()


@awaited
async def test_async_to_sync_cannot_run_where_the_loop_runs() -> None:
    with pytest.raises(RuntimeError, match="You cannot use AsyncToSync in the same thread"):
        await WebsocketCommunicator(Blocking.as_asgi(), "/").connect(timeout=NOTHING_COMES)


class Blocking(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        async_to_sync(self.channel_layer.group_add)("members", self.channel_name)


def test_outside_a_loop_every_send_opens_a_connection_of_its_own(redis_url: str) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis_url])
    with redis.Redis.from_url(redis_url) as client:
        before = client.info()["total_connections_received"]
        for _ in range(3):
            async_to_sync(layer.group_send)("members", {"type": "member.greets"})
        assert client.info()["total_connections_received"] - before == 3


# --- tests that hang -----------------------------------------------------------------------------


@awaited
async def test_the_in_memory_layer_wakes_nobody_on_another_loop() -> None:
    layer = InMemoryChannelLayer()
    receiver = asyncio.create_task(layer.receive("one"))

    async def send() -> None:
        await asyncio.sleep(0.5)  # this loop sleeps by then
        await layer.send("one", {"type": "said"})

    sender = Thread(target=asyncio.run, args=[send()])
    began = time.monotonic()
    asyncio.get_running_loop().call_soon(sender.start)
    await asyncio.wait([receiver], timeout=3)  # nothing else would wake it
    assert time.monotonic() - began > 2.9
    assert (await receiver)["type"] == "said"  # it had been there for most of the time
    sender.join()


class Clinging(AsyncWebsocketConsumer):
    """Does not end when it is cancelled."""

    ended = False

    async def connect(self) -> None:
        await self.accept()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(1)
            type(self).ended = True


@awaited
async def test_after_a_time_out_a_communicator_waits_for_the_end_of_its_consumer() -> None:
    communicator = WebsocketCommunicator(Clinging.as_asgi(), "/")
    await communicator.connect()
    with pytest.raises(TimeoutError):
        await communicator.receive_output(timeout=0.1)
    assert Clinging.ended
    with pytest.raises(asyncio.CancelledError):
        await communicator.disconnect()


# --- the database --------------------------------------------------------------------------------


class Meeting(WebsocketConsumer):
    """Its handler returns when another's has begun."""

    everybody: Barrier

    def connect(self) -> None:
        self.everybody.wait(timeout=1)
        self.accept()


@awaited
async def test_all_consumers_of_a_process_share_one_thread() -> None:
    Meeting.everybody = Barrier(2)
    sockets = [WebsocketCommunicator(Meeting.as_asgi(), "/") for _ in range(2)]
    ends = await asyncio.gather(*(it.connect(timeout=5) for it in sockets), return_exceptions=True)
    assert [type(end) for end in ends] == [BrokenBarrierError, BrokenBarrierError]


@pytest.mark.django_db(transaction=True)
@awaited
async def test_the_orm_refuses_to_block_the_loop(alice: User) -> None:
    with pytest.raises(SynchronousOnlyOperation):
        list(User.objects.all())
    assert [user async for user in User.objects.all()] == [alice]
    assert await database_sync_to_async(list)(User.objects.all()) == [alice]


@pytest.mark.django_db(transaction=True)
def test_the_transaction_of_a_test_does_not_outlive_an_event(alice: User) -> None:
    """TestCase, and django_db without transaction=True, wrap each test in such a block."""
    with transaction.atomic():
        async_to_sync(aclose_old_connections)()  # as Channels does before each event
        with pytest.raises(Error):
            User.objects.exists()
    assert User.objects.exists()


@pytest.mark.django_db
def test_who_read_first_may_not_write_when_another_has_written(tmp_path: Path) -> None:
    """Django's default on SQLite: no time-out helps whoever holds an old state."""
    stock = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db.sqlite3"}
    connections = ConnectionHandler({"default": stock | {"OPTIONS": {"timeout": 60}}})
    one, other = (connections.create_connection("default") for _ in range(2))
    with one.cursor() as here, other.cursor() as there:
        here.execute("PRAGMA journal_mode=WAL")
        here.execute("CREATE TABLE counter AS SELECT 0 AS n")
        for cursor in (here, there):
            cursor.execute("BEGIN")
            cursor.execute("SELECT n FROM counter")
        here.execute("UPDATE counter SET n = 1")
        here.execute("COMMIT")
        with pytest.raises(OperationalError, match="database is locked"):
            there.execute("UPDATE counter SET n = 1")
    for connection in (one, other):
        connection.close()


# --- what belongs to a socket --------------------------------------------------------------------


class Counting(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        session: Any = self.scope["session"]
        await session.aset("heard", text_data)
        if text_data == "save":
            await session.asave()
        await self.send(text_data="done")


@pytest.mark.django_db(transaction=True)
def test_what_a_consumer_puts_into_the_session_is_kept_only_if_it_saves(alice: User) -> None:
    session = session_of(alice)
    cookie = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={session.session_key}".encode())]

    async def tell(word: str) -> None:
        application = SessionMiddlewareStack(Counting.as_asgi())
        communicator = WebsocketCommunicator(application, "/", cookie)
        await communicator.connect()
        await communicator.send_to(text_data=word)
        assert await communicator.receive_from() == "done"
        await communicator.disconnect()

    def kept() -> Any:
        return type(session)(session.session_key).get("heard")

    on_a_loop(tell("forget"))
    assert kept() is None
    on_a_loop(tell("save"))
    assert kept() == "save"


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_somebody_who_serves_them_static_files_are_missing(settings: Any) -> None:
    whitenoise = "whitenoise.middleware.WhiteNoiseMiddleware"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != whitenoise]
    assert Client().get("/static/chat/icon.svg").status_code == 404


def test_the_server_itself_serves_static_files(site: Site) -> None:
    assert site.get("/static/chat/icon.svg") == 200
