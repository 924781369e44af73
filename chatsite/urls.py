from django.contrib import admin
from django.urls import include, path

from chatsite import health

urlpatterns = [
    path("", include("chat.urls")),
    path("lab/", include("lab.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
