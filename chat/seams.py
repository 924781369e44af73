"""Where features join the chat; docs/features.md is the reference.

A feature is a Django app in features/ whose AppConfig is a `Feature`. Its line in INSTALLED_APPS is
the only switch: nothing here, and nothing else in the chat, knows any feature by name.
"""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.dispatch import Signal
from django.urls import include, path
from django.utils.module_loading import module_has_submodule

# What happened. Each is sent from one place, inside the transaction: a receiver that raises undoes
# the change, and whatever it writes commits with it.
messages_changed = Signal()  # room: Room, messages: list[Message], new, edited or deleted
membership_changed = Signal()  # room_id: int, user_id: int, who came, went or has another role
user_changed = Signal()  # user: User, shown in another way, or no longer let in
room_deleted = Signal()  # room: Room, about to be deleted with all that was said in it


class Feature(AppConfig):
    """The AppConfig of a feature. Its modules `receivers` and `jobs` are imported by themselves."""

    default = False  # Django takes the only class of apps.py, which imports this one as well

    def __init_subclass__(cls) -> None:
        cls.default = True

    def ready(self) -> None:
        self.submodule("receivers")

    def submodule(self, name: str) -> Any:
        """A module of the feature; None if it has none of this name."""
        if module_has_submodule(self.module, name):
            return import_module(f"{self.name}.{name}")
        return None


def features() -> list[Feature]:
    return [app for app in apps.get_app_configs() if isinstance(app, Feature)]


def urlpatterns() -> list[Any]:
    """The addresses in each feature's urls.py."""
    return [
        path("", include(urls)) for feature in features() if (urls := feature.submodule("urls"))
    ]


def websocket_urlpatterns() -> list[Any]:
    """The addresses in each feature's routing.py."""
    routings = [feature.submodule("routing") for feature in features()]
    return [each for routing in routings if routing for each in routing.websocket_urlpatterns]
