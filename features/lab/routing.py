from django.urls import re_path

from features.lab.consumers import AsyncLabConsumer, LabConsumer
from features.lab.threads import OneThread

NUMBER = "(?P<number>[1-9][0-9]?)"  # of a socket, as its page counts them

websocket_urlpatterns = [
    re_path(f"^ws/lab/one/sync/{NUMBER}/$", OneThread(LabConsumer.as_asgi())),
    re_path(f"^ws/lab/one/async/{NUMBER}/$", OneThread(AsyncLabConsumer.as_asgi())),
    re_path(f"^ws/lab/many/sync/{NUMBER}/$", LabConsumer.as_asgi()),
    re_path(f"^ws/lab/many/async/{NUMBER}/$", AsyncLabConsumer.as_asgi()),
]
