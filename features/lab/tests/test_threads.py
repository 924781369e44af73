"""Out of the ORM threads of the site: the one thread that asgiref has for the process."""

import asyncio
import threading
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, sync_to_async

from features.lab.threads import OneThread
from realtime.orm_threads import OrmThreads
from realtime.request_id import request_id


def only_thread() -> threading.Thread:
    """Of asgiref, for code that nobody has lent a thread."""
    return SyncToAsync.single_thread_executor.submit(threading.current_thread).result()


def served(app: Any) -> Any:
    """Opens a socket that does nothing but run `app`, on a site with two threads."""
    site = OrmThreads(app, size=2)
    unused: Any = None
    scope: Any = {"type": "websocket"}
    try:
        asyncio.run(site(scope, unused, unused))
    finally:
        for thread in site.threads:
            thread.shutdown()


def test_what_is_inside_runs_on_the_one_thread_of_the_process() -> None:
    threads: list[threading.Thread] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with scope["turn"], scope["orm_thread"]():
            threads.append(await sync_to_async(threading.current_thread)())

    served(OneThread(app))
    served(app)
    assert threads[0] is only_thread()
    assert threads[1].name.startswith("orm-")


def test_it_is_in_the_log_as_the_socket_that_it_is() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(request_id.get())

    async def named(scope: Any, receive: Any, send: Any) -> None:
        request_id.set("6b893b84")
        await OneThread(app)(scope, receive, send)

    served(named)
    assert seen == ["6b893b84"]


def test_it_takes_no_turn_from_others() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with scope["turn"]:  # the only one of two threads
            await asyncio.wait_for(OneThread(inside)(scope, receive, send), timeout=10)

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        async with scope["turn"]:
            pass

    served(app)


def test_it_ends_with_the_socket() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("inside")

    async def leave() -> None:
        unused: Any = None
        task = asyncio.create_task(OneThread(app)({}, unused, unused))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["inside"]

    asyncio.run(leave())


def test_what_goes_wrong_inside_is_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("inside")

    with pytest.raises(LookupError, match="inside"):
        served(OneThread(app))
