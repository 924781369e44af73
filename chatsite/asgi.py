"""The only place where protocols are wired to applications."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
http = get_asgi_application()  # loads the apps, so it comes before whatever imports a model

from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from prometheus_client import REGISTRY

from chat.routing import websocket_urlpatterns, worker_consumers
from chat.worker import Lifespan, PunctualWorker
from chatsite.metrics import Metrics, OrmThreadsCollector
from chatsite.orm_threads import OrmThreads
from chatsite.request_id import RequestId
from chatsite.unavailable import ComeBackLater
from lab.routing import websocket_urlpatterns as lab_urlpatterns

router = URLRouter(lab_urlpatterns + websocket_urlpatterns)
websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(router))
channel = ChannelNameRouter(worker_consumers)
# Without Redis no other process hears what there is to do, and the worker runs in this one.
worker = (
    None
    if settings.REDIS_URLS
    else PunctualWorker(channel, [*worker_consumers], get_channel_layer())
)
site = OrmThreads(
    ProtocolTypeRouter(
        {
            "http": http,
            "websocket": ComeBackLater(websocket),
            "channel": channel,
            "lifespan": Lifespan(worker),
        }
    ),
    size=settings.ASGI_THREADS,
)
REGISTRY.register(OrmThreadsCollector(site.threads))
application = RequestId(Metrics(site))

# The garbage collector stops everything while it looks for cycles. As Python sets it, it does so
# for every socket that is opened, and now and then goes through all that was ever loaded.
gc.collect()
gc.freeze()
gc.set_threshold(10_000)
