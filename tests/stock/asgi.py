"""The chat as Channels' documentation wires an application: nothing of ours stands around it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
http = get_asgi_application()  # before whatever imports a model

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from chat import seams
from chat.routing import websocket_urlpatterns

router = URLRouter(seams.websocket_urlpatterns() + websocket_urlpatterns)
websocket = AllowedHostsOriginValidator(AuthMiddlewareStack(router))
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
