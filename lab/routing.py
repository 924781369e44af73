from django.urls import path

from lab.consumers import AsyncLabConsumer, LabConsumer
from lab.threads import OneThread

websocket_urlpatterns = [
    path("ws/lab/one/sync/<int:number>/", OneThread(LabConsumer.as_asgi())),
    path("ws/lab/one/async/<int:number>/", OneThread(AsyncLabConsumer.as_asgi())),
    path("ws/lab/many/sync/<int:number>/", LabConsumer.as_asgi()),
    path("ws/lab/many/async/<int:number>/", AsyncLabConsumer.as_asgi()),
]
