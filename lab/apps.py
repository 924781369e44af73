from django.apps import AppConfig
from django.db.backends.signals import connection_created

from lab import connections


class LabConfig(AppConfig):
    name = "lab"
    verbose_name = "Lab"

    def ready(self) -> None:
        connection_created.connect(connections.remember)
