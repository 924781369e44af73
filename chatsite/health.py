"""Two questions a supervisor asks: is the process alive, and should it be sent people?"""

import logging
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis
from redis.exceptions import RedisError

from realtime import outage
from realtime.logs import already_said

TIMEOUT = 2.0  # seconds Redis has to answer in

silent: set[str] = set()  # what did not answer when somebody asked last

logger = logging.getLogger(__name__)


async def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """200 if the database and every Redis answer; else 503, and the names of those that do not.

    Asks on an ORM thread like any page: what keeps those busy makes this late, and a process whose
    answer is late is not ready either.
    """
    if outage.draining:
        return already_said(JsonResponse({"draining": True}, status=503))
    checks: dict[str, Callable[[], None]] = {"database": ask_database}
    for number, url in enumerate(settings.REDIS_URLS, 1):
        checks[f"redis {number}"] = partial(ask_redis, url)
    away = [name for name, ask in checks.items() if not answers(name, ask)]
    return already_said(JsonResponse({"silent": away}, status=503 if away else 200))


def answers(name: str, ask: Callable[[], None]) -> bool:
    """The log is told when that changes: somebody asks every few seconds."""
    try:
        ask()
    except (DatabaseError, RedisError) as error:
        if name not in silent:
            logger.warning("Not ready: %s: %s", name, type(error).__name__)
        silent.add(name)
        return False
    if name in silent:
        logger.warning("Ready again: %s", name)
    silent.discard(name)
    return True


def ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_redis(url: str) -> None:
    with Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
        client.ping()
