"""A consumer for a real server: its queries wait until the test lets them go."""

import os

import django
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import connection
from environ import Env

database = Env.db_url_config(os.environ["DATABASE_URL"])
database |= {"OPTIONS": {"application_name": os.environ["APPLICATION_NAME"]}, "CONN_MAX_AGE": 600}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["channels"])
django.setup()


def work() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_advisory_lock_shared(1)")
        return int(cursor.fetchone()[0])


class Waiting(AsyncWebsocketConsumer):
    """Keeps the connections open, so that the threads can be counted by them."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(str(await sync_to_async(work, thread_sensitive=text_data == "shared")()))


application = Waiting.as_asgi()
