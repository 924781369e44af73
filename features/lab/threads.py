"""Which threads serve a socket: those of the site, or the one that Channels has if left alone."""

from asyncio import create_task
from contextlib import nullcontext
from contextvars import copy_context
from typing import Any, cast

from asgiref.sync import SyncToAsync


class OneThread:
    """ASGI middleware that takes what is inside out of the ORM threads of the site.

    They are lent by a context variable of asgiref (`realtime.orm_threads`).
    Without it asgiref runs the thread-sensitive code of all sockets on the one thread it has for
    the process: so does every site that has Channels and nothing else. Nothing is borrowed, and no
    turn taken, so that whoever waits for that one thread keeps nobody else waiting.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        alone = {**scope, "orm_thread": nullcontext, "turn": nullcontext(), "threads": "one"}
        context = copy_context()
        context.run(cast(Any, SyncToAsync.thread_sensitive_context).set, None)
        await create_task(self.app(alone, receive, send), context=context)
