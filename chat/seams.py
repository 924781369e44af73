"""Where an app may take part without the chat knowing it.

An app registers from the `ready` of its AppConfig, most simply by importing the module that does.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured

from chat.models import Message
from chat.protocol import Invalid

Check = Callable[[Message, Any], Any]
Claim = Callable[[Message, Any], object]


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


def checked(message: Message, parts: dict[str, Any]) -> dict[str, Any]:
    """What is to be stored of the parts that a client sent. Raises a Refusal."""
    for key in parts:
        if key not in sent_parts:
            raise Invalid(f"Nothing here takes the part `{key}` of a message.")
    stored = {key: sent_parts[key].check(message, value) for key, value in parts.items()}
    return {key: value for key, value in stored.items() if value is not None}


def stored(message: Message, parts: dict[str, Any]) -> None:
    """Lets the apps claim what a message that is stored brought. Raises a Refusal."""
    for key, value in parts.items():
        claim = sent_parts[key].claim
        if claim:
            claim(message, value)
