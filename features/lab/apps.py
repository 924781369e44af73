from django.db.backends.signals import connection_created

from chat.seams import Feature
from features.lab import connections


class Lab(Feature):
    name = "features.lab"

    def ready(self) -> None:
        super().ready()
        connection_created.connect(connections.remember)
