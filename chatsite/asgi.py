"""The only place where protocols are wired to applications."""

import gc
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
http = get_asgi_application()  # loads the apps, so it comes before whatever imports a model

from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from prometheus_client import REGISTRY

from chat import seams
from chat.routing import websocket_urlpatterns
from realtime.jobs.queue import CHANNEL
from realtime.jobs.worker import JobConsumer, Lifespan, PunctualWorker
from realtime.metrics import Metrics, OrmThreadsCollector
from realtime.orm_threads import OrmThreads
from realtime.outage import ComeBackLater
from realtime.request_id import RequestId

router = URLRouter(seams.websocket_urlpatterns() + websocket_urlpatterns)
websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(router))
channel = ChannelNameRouter({CHANNEL: JobConsumer.as_asgi()})
# Without Redis no other process hears what there is to do, and the worker runs in this one.
worker = None if settings.REDIS_URLS else PunctualWorker(channel, [CHANNEL], get_channel_layer())

application: Any = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": ComeBackLater(websocket),
        "channel": channel,
        "lifespan": Lifespan(worker),
    }
)
# Each of these may be left out; docs/realtime.md says what it prevents.
application = threads = OrmThreads(application, size=settings.ASGI_THREADS)
application = Metrics(application)
application = RequestId(application)
REGISTRY.register(OrmThreadsCollector(threads.threads))

# The garbage collector stops everything while it looks for cycles. As Python sets it, it does so
# for every socket that is opened, and now and then goes through all that was ever loaded.
gc.collect()
gc.freeze()
gc.set_threshold(10_000)
