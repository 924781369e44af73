"""Where features join the chat; docs/features.md is the reference.

A feature is a Django app in features/ whose AppConfig is a `Feature`. Its line in INSTALLED_APPS is
the only switch: nothing here, and nothing else in the chat, knows any feature by name.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal
from django.urls import include, path
from django.utils.module_loading import module_has_submodule

from realtime.wire import Invalid

if TYPE_CHECKING:  # an AppConfig is loaded before any model
    from chat.models import Message

# What happened. Each is sent from one place, inside the transaction: a receiver that raises undoes
# the change, and whatever it writes commits with it.
messages_changed = Signal()  # room: Room, messages: list[Message], new, edited or deleted
membership_changed = Signal()  # room_id: int, user_id: int, who came, went or has another role
user_changed = Signal()  # user: User, shown in another way, or no longer let in
room_deleted = Signal()  # room: Room, about to be deleted with all that was said in it


class Feature(AppConfig):
    """The AppConfig of a feature. Its modules `receivers` and `jobs` are imported by themselves."""

    default = False  # Django takes the only class of apps.py, which imports this one as well
    csp: dict[str, list[str]] = {}  # what its pages may load beside the site's own, by directive

    def __init_subclass__(cls) -> None:
        cls.default = True

    def ready(self) -> None:
        self.submodule("receivers")
        allowed: Any = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        for directive, sources in self.csp.items():
            allowed.setdefault(directive, []).extend(sources)

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


# Parts that are sent with a message.

Check = Callable[["Message", Any], Any]
Claim = Callable[["Message", Any], object]


class SentPart(NamedTuple):
    check: Check
    claim: Claim | None


sent_parts: dict[str, SentPart] = {}  # by their key in `send.parts`


def sent_part(key: str, *, claim: Claim | None = None) -> Callable[[Check], Check]:
    """Lets an app take what a `send` says under its key.

    The decorated function gets the message, which is not stored yet and has no `pk`, and what the
    client sent. It returns what `Message.parts` is to hold, as JSON can say it, or None for
    nothing; or it raises a Refusal. `claim` is called once the message is stored, with the message
    and what the client sent: this is when rows can point at it, and the last moment to refuse.

    Both run in the transaction of the message, under the lock of its room: everybody there waits
    for them. They must not call an action, and what must not happen if the transaction fails
    belongs into `transaction.on_commit`.
    """

    def register(check: Check) -> Check:
        if key in sent_parts:
            raise ImproperlyConfigured(f"Two apps claim the part {key!r} of a message.")
        sent_parts[key] = SentPart(check, claim)
        return check

    return register


def checked(message: "Message", parts: dict[str, Any]) -> dict[str, Any]:
    """What is to be stored of the parts that a client sent. Raises a Refusal."""
    for key in parts:
        if key not in sent_parts:
            raise Invalid(f"Nothing here takes the part `{key}` of a message.")
    stored = {key: sent_parts[key].check(message, value) for key, value in parts.items()}
    return {key: value for key, value in stored.items() if value is not None}


def stored(message: "Message", parts: dict[str, Any]) -> None:
    """Lets the apps claim what a message that is stored brought. Raises a Refusal."""
    for key, value in parts.items():
        claim = sent_parts[key].claim
        if claim:
            claim(message, value)
