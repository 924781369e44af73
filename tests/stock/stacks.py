"""What carries the chat in its tests: a server, a channel layer, and the application around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from tests.site import OURS

DAPHNE = ("-m", "daphne")
UVICORN = ("-m", "uvicorn", "--no-access-log")
SITE = "chatsite.asgi:application"
BARE = "tests.stock.asgi:application"  # without ORM threads, metrics, request ids, outages


@dataclass(frozen=True)
class Stack:
    """What carries a site: its server, and where its channel layer is."""

    environment: dict[str, str]
    server: Sequence[str] = OURS

    @property
    def is_ours(self) -> bool:
        return self.server == OURS


@dataclass(frozen=True)
class Parts:
    """Of which a stack is made."""

    layer: str = "hints"
    over_redis: bool = True
    server: Sequence[str] = OURS

    @property
    def is_prompt(self) -> bool:
        """The core layer takes some ten commands for a hint: on a busy machine one comes later than
        the others wait for it, or not at all, and pages ask for what they miss."""
        return self.layer != "core"

    def stack(self, redis_url: str) -> Stack:
        environment = {"REDIS_URL": redis_url, "CHANNEL_LAYER": self.layer}
        # What is published reaches each database of a Redis.
        environment["REDIS_PREFIX"] = f"tests-{uuid4().hex}"
        return Stack(environment, self.server)


OURS_THROUGHOUT = {"memory": Parts(over_redis=False), "hints": Parts()}
STOCK = {
    "daphne_core_bare": Parts("core", server=(*DAPHNE, BARE)),
    "uvicorn_pubsub_bare": Parts("pubsub", server=(*UVICORN, BARE)),
    "uvicorn_hints": Parts("hints", server=(*UVICORN, SITE)),
    "daphne_memory": Parts("pubsub", over_redis=False, server=(*DAPHNE, SITE)),
}
ALL = OURS_THROUGHOUT | STOCK
