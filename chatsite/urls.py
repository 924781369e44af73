from django.contrib import admin
from django.urls import include, path

from chat import seams
from chatsite import health

urlpatterns = [
    path("", include("chat.urls")),
    *seams.urlpatterns(),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
