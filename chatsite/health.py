"""Two questions a supervisor asks: is the process alive, and should it be sent people?"""

import asyncio
import logging
from collections.abc import Awaitable

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.asyncio import Redis
from redis.exceptions import RedisError

TIMEOUT = 2.0  # seconds

draining = False  # set by chatsite.server when it is told to stop

logger = logging.getLogger(__name__)


async def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    if draining:
        return JsonResponse({"draining": True}, status=503)
    # A thread of its own, so that a hanging database cannot hold up the answer.
    checks: dict[str, Awaitable[None]] = {"database": asyncio.to_thread(ask_database)}
    for number, url in enumerate(settings.REDIS_URLS, 1):
        checks[f"redis {number}"] = ask_redis(url)
    answers = await asyncio.gather(*(answers_in_time(*check) for check in checks.items()))
    silent = [name for name, answered in zip(checks, answers, strict=True) if not answered]
    return JsonResponse({"silent": silent}, status=503 if silent else 200)


async def answers_in_time(name: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, TIMEOUT)
    except (DatabaseError, RedisError, OSError) as error:  # a timeout is an OSError
        logger.warning("Not ready, the %s does not answer: %r", name, error)
        return False
    return True


def ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


async def ask_redis(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.ping()
