"""How the server goes, seen from outside."""

import asyncio
import gc
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.web.http import Request

from tests.client import ChatClient
from tests.site import PROJECT, Site, wait_until

SLOW_SERVER = """
from realtime import server
server.GRACE = 1.5
application = "tests.realtime.test_server:slow_application"
server.Command().run(["--port", "{port}", application])
"""

PARTS, PART = 64, 1_000_000  # of a file; the kernel has room for a few


async def slow_application(scope: Any, receive: Any, send: Any) -> None:
    """A request takes half a second; the end of a socket takes for ever.

    Who asks at /requests hears when the server keeps none of them any more; who asks for /much gets
    more than the kernel has room for, and who asks for /file gets that as a file. What is at /short
    ends before it is over.
    """
    if scope["path"] == "/short":
        return await send_too_little(send)
    if scope["path"] == "/file":
        return await send_file(send)
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        if scope["path"] == "/much":
            while (await receive())["type"] != "websocket.receive":
                pass
            for text in much():
                await send({"type": "websocket.send", "text": text})
        if scope["path"] == "/requests":
            while requests_kept():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
            await send({"type": "websocket.send", "text": '[{"type": "let.go"}]'})
        if scope["path"] == "/stuck":
            await never_cancelled()
        await asyncio.Event().wait()
    print("asked", scope["path"], flush=True)
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


async def never_cancelled() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def send_file(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        for number in range(PARTS):
            part = bytes([number]) * PART
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        print("file ended", flush=True)


async def send_too_little(send: Any) -> None:
    headers = [(b"Content-Length", b"9")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def much() -> Iterator[str]:
    """16 MB, in texts of all lengths that a frame may say in its own way."""
    for n in range(240):
        for length in (10, 1_000, 66_000):
            yield json.dumps([{"type": "part", "n": n, "filler": "ß" * length}], ensure_ascii=False)


def requests_kept() -> int:
    gc.collect()
    return sum(issubclass(type(it), Request) for it in gc.get_objects())


class SlowSite(Site):
    def start(self) -> None:
        command = [sys.executable, "-c", SLOW_SERVER.format(port=self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self.answers, "the slow site answers")


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Tests that run in the background would hand on that Ctrl-C is not for them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def slow_site(tmp_path: Path) -> Iterator[Site]:
    site = SlowSite(tmp_path / "slow.log")
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log()


def cookie(site: Site, folder: Path) -> str:
    """Somebody's, on a site that is filled with the demo."""
    site.manage("demo", "--cookies", str(folder / "cookies"))
    return (folder / "cookies").read_text().splitlines()[0].removeprefix("Cookie: ")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_closes_every_socket_with_4503(
    site: Site, tmp_path: Path, how: int
) -> None:
    someone = cookie(site, tmp_path)
    clients = [ChatClient(site.url, path, someone) for path in ("/ws/chat/", "/ws/chat/sync/")]
    for client in clients:
        client.expect("welcome")
    assert site.stop(how) == 0
    assert [client.expect_close() for client in clients] == [4503, 4503]
    assert "Stopping: 2 requests and sockets" in site.log()
    assert site.log().count(" closed: 4503 after ") == 2


def test_a_request_that_came_before_is_answered(slow_site: Site) -> None:
    with ThreadPoolExecutor() as executor:
        answer = executor.submit(lambda: urllib.request.urlopen(slow_site.url + "/last").read())
        wait_until(lambda: "asked /last" in slow_site.log(), "the request has come")
        assert slow_site.stop() == 0
        assert answer.result() == b"late"


def test_what_does_not_end_in_time_is_ended(slow_site: Site) -> None:
    client = ChatClient(slow_site.url, "/")
    started = time.monotonic()
    assert slow_site.stop() == 0
    assert time.monotonic() - started > 1.4
    assert client.expect_close() == 4503


def test_what_cannot_be_ended_is_left_alone(slow_site: Site) -> None:
    ChatClient(slow_site.url, "/stuck")
    assert slow_site.stop() == 0


def test_a_socket_does_not_keep_the_request_it_began_as(slow_site: Site) -> None:
    ChatClient(slow_site.url, "/requests").expect("let.go")


def test_what_the_kernel_does_not_take_at_once_comes_whole_and_in_order(slow_site: Site) -> None:
    with ChatClient(slow_site.url, "/much") as client:
        client.send("go")
        for text in much():
            assert [client.expect("part")] == json.loads(text)


def test_a_file_is_read_no_faster_than_its_client_takes_it(slow_site: Site) -> None:
    with urllib.request.urlopen(slow_site.url + "/file") as answer:
        assert "file ended" not in slow_site.log()  # else all of it is in memory
        for number in range(PARTS):
            assert answer.read(PART) == bytes([number]) * PART
        assert answer.read() == b""


def test_a_file_whose_client_leaves_is_read_no_further(slow_site: Site) -> None:
    with urllib.request.urlopen(slow_site.url + "/file"):
        assert "file ended" not in slow_site.log()
    wait_until(lambda: "file ended" in slow_site.log(), "the application has heard of it")


def connected(site: Site) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)


def test_who_is_sent_less_than_was_said_does_not_wait_for_the_rest(slow_site: Site) -> None:
    with closing(connected(slow_site)) as connection:
        connection.request("GET", "/short")
        with pytest.raises(http.client.IncompleteRead) as short:
            connection.getresponse().read()
    assert (short.value.partial, short.value.expected) == (b"part", 5)


def test_a_connection_on_which_nothing_is_missing_is_used_again(slow_site: Site) -> None:
    with closing(connected(slow_site)) as connection:
        for method, path, body in (("HEAD", "/short", b""), ("GET", "/", b"late")):
            connection.request(method, path)
            used = connection.sock
            assert connection.getresponse().read() == body
            assert connection.sock is used is not None


def test_a_port_that_is_taken_is_named(site: Site) -> None:
    command = [sys.executable, "-m", "realtime.server", "--port", str(site.port)]
    second = subprocess.run(
        command, cwd=PROJECT, env=site.environment, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 1
    assert f"127.0.0.1:{site.port}: [Errno 98] Address already in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_it_names_the_settings_by_itself() -> None:
    """As in the image, where nothing has named them before."""
    environment = {**os.environ, "DEBUG": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "realtime.server", "--help"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
