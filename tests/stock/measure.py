"""What pieces cost: a channel layer to wake one of many sockets, a middleware for a request.

python -m tests.stock.measure
"""

import asyncio
import os
import time
from typing import Any

from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from realtime.channel_layer import HintLayer
from realtime.metrics import Metrics
from realtime.orm_threads import OrmThreads
from realtime.request_id import RequestId
from tests.services import redis_server

SOCKETS, MESSAGES = 1_000, 500
REQUESTS = 20_000


async def cpu_of_a_message(layer: Any) -> float:
    """Microseconds of CPU of this process."""
    heard = asyncio.Event()

    async def listen(channel: str) -> None:
        while True:
            await layer.receive(channel)
            heard.set()

    channels = [await layer.new_channel() for _ in range(SOCKETS)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"user.{number}", channel)
    tasks = [asyncio.create_task(listen(channel)) for channel in channels]
    await asyncio.sleep(1)
    began = time.process_time()
    for number in range(MESSAGES):
        await layer.group_send(f"user.{number}", {"type": "user.room", "room": 1})
        await heard.wait()
        heard.clear()
    spent = time.process_time() - began
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=10)
    return 1e6 * spent / MESSAGES


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def ignore(message: Any = None) -> None:
    pass


async def cpu_of_a_request(application: Any) -> float:
    """Microseconds, of an application that answers nothing."""
    scope = {"type": "http", "path": "/", "headers": []}
    began = time.process_time()
    for _ in range(REQUESTS):
        await application(dict(scope), ignore, ignore)
    return 1e6 * (time.process_time() - began) / REQUESTS


def measure_middleware() -> None:
    alone = asyncio.run(cpu_of_a_request(answer))
    for name, application in {
        "ORM threads": OrmThreads(answer, size=16),
        "metrics": Metrics(answer),
        "request ids": RequestId(answer),
    }.items():
        print(f"{name}: {asyncio.run(cpu_of_a_request(application)) - alone:.1f} µs", flush=True)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    with redis_server() as url:
        hosts = [{"address": url, "socket_timeout": 15}]
        channel_layers.set("beneath", RedisPubSubChannelLayer(hosts=hosts))
        layers = {
            "Channels, in memory": InMemoryChannelLayer(),
            "ours, in memory": HintLayer(),
            "core": RedisChannelLayer(hosts=hosts),
            "pub/sub": RedisPubSubChannelLayer(hosts=hosts),
            "ours over pub/sub": HintLayer("beneath"),
        }
        for name, layer in layers.items():
            print(f"{name}: {asyncio.run(cpu_of_a_message(layer)):.0f} µs", flush=True)
    measure_middleware()


if __name__ == "__main__":
    main()
