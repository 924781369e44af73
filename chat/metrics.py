"""What the chat counts, for Prometheus. Each metric is explained in docs/observability.md.

A label has few values, and all of them are here from the start: what has not happened yet is 0
rather than missing, and nothing is looked up while people wait. It is never a user, a room or a
word that was said.
"""

from collections.abc import Iterable
from typing import TypeVar, get_args

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from chat.protocol import CLOSE_CODES, Code, Frame

Metric = TypeVar("Metric", bound=MetricWrapperBase)


def by_label(metric: Metric, values: Iterable[object]) -> dict[str, Metric]:
    """The metric's children, one for each value of its only label."""
    return {str(value): metric.labels(value) for value in values}


ABNORMAL = 1006  # the connection ended without a close: RFC 6455, 7.4.1
BROWSER_CODES = (1000, 1001, 1005, ABNORMAL)  # what a browser says when its page goes

sockets_open = by_label(
    Gauge("chat_sockets_open", "WebSockets that a consumer serves.", ["consumer"]),
    ["sync", "async"],
)
sockets_closed = by_label(
    Counter("chat_sockets_closed", "WebSockets that ended, by close code.", ["code"]),
    [*BROWSER_CODES, *CLOSE_CODES, "other"],
)
people_online = Gauge("chat_people_online", "People with a WebSocket in this process.")
rooms_live = Gauge("chat_rooms_live", "Rooms with a WebSocket in this process.")
welcome_seconds = Histogram(
    "chat_welcome_seconds",
    "From the acceptance of a WebSocket to its welcome.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)

events_sent = Counter("chat_events_sent", "Events of rooms, times the WebSockets they went to.")
round_seconds = Histogram(
    "chat_round_seconds",
    "Writing what has come in to every WebSocket of a room.",
    buckets=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
)
hints_missed = Counter(
    "chat_hints_missed", "Changes that a room waited for in vain: their hints were lost."
)
gaps_healed = Counter(
    "chat_gaps_healed", "Answers to a sync that held messages: a page had missed them."
)

action_seconds = by_label(
    Histogram(
        "chat_action_seconds",
        "Doing what a client's frame asks.",
        ["action"],
        buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    ),
    [frame.__struct_config__.tag for frame in Frame.__subclasses__()],
)
refusals = by_label(
    Counter("chat_refusals", "Errors that people were answered with.", ["code"]),
    get_args(Code),
)


def count_closed(code: int) -> None:
    """A client may say any number; those that nobody knows are counted together."""
    sockets_closed.get(str(code), sockets_closed["other"]).inc()
