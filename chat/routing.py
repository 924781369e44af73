from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from chat.consumers import AsyncChatConsumer, ChatConsumer

websocket_urlpatterns = [
    path("ws/chat/", AsyncChatConsumer.as_asgi()),
    path("ws/chat/sync/", ChatConsumer.as_asgi()),
    re_path(r"", WebsocketDenier.as_asgi()),  # URLRouter alone answers an unknown path with 500
]
