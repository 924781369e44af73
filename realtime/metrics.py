"""What the site counts, and where Prometheus reads it. Each metric is explained in
docs/observability.md.

A process tells of itself only; Prometheus reads each replica and adds them up. A label has few
values, and all of them are here from the start: what has not happened yet is 0 rather than missing,
and nothing is looked up while people wait. It is never a user, a topic or a word that was said.
"""

import hmac
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, get_args

from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from realtime.orm_threads import OrmThread
from realtime.wire import CLOSE_CODES, Code

Application = Callable[[Any, Any, Any], Awaitable[None]]
Counted = TypeVar("Counted", bound=MetricWrapperBase)

PATH = "/metrics"
ASKED_BY_SUPERVISORS = ("/healthz", "/readyz")  # no pages: nobody waits, and a 503 is no failure

ABNORMAL = 1006  # the connection ended without a close: RFC 6455, 7.4.1
BROWSER_CODES = (1000, 1001, 1005, ABNORMAL)  # what a browser says when its page goes

disable_created_metrics()  # type: ignore[no-untyped-call]  # numbers that nobody asks for


def by_label(metric: Counted, values: Iterable[object]) -> dict[str, Counted]:
    """The metric's children, one for each value of its only label."""
    return {str(value): metric.labels(value) for value in values}


sockets_open = by_label(
    Gauge("chat_sockets_open", "WebSockets that a consumer serves.", ["consumer"]),
    ["sync", "async"],
)
sockets_closed = by_label(
    Counter("chat_sockets_closed", "WebSockets that ended, by close code.", ["code"]),
    [*BROWSER_CODES, *CLOSE_CODES, "other"],
)
people_online = Gauge("chat_people_online", "People with a WebSocket in this process.")
topics_live = Gauge("chat_rooms_live", "Topics (rooms) with a WebSocket in this process.")
welcome_seconds = Histogram(
    "chat_welcome_seconds",
    "From the acceptance of a WebSocket to its welcome.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)

events_sent = Counter("chat_events_sent", "Events of topics, times the WebSockets they went to.")
round_seconds = Histogram(
    "chat_round_seconds",
    "Writing what has come in to every WebSocket of a topic.",
    buckets=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
)
hints_missed = Counter(
    "chat_hints_missed", "Changes that a topic waited for in vain: their hints were lost."
)
action_seconds = Histogram(
    "chat_action_seconds",
    "Doing what a client's frame asks.",
    ["action"],
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
refusals = by_label(
    Counter("chat_refusals", "Errors that people were answered with.", ["code"]),
    get_args(Code),
)

hints_lost = Counter(
    "chat_hints_lost",
    "Messages to other processes that Redis did not take, or that a full channel here did not.",
    ["cause"],
)
lost_by_redis, lost_in_full_channel = hints_lost.labels("redis"), hints_lost.labels("full")
sockets_turned_away = Counter(
    "chat_sockets_turned_away",
    "WebSockets closed with 4503 before a consumer had them: no database, or this process leaves.",
)
request_seconds = Histogram(
    "chat_request_seconds",
    "From a request to the first byte of its answer.",
    ["status"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
seconds_by_status = {digit: request_seconds.labels(f"{digit}xx") for digit in range(1, 6)}


def count_closed(code: int) -> None:
    """A client may say any number; those that nobody knows are counted together."""
    sockets_closed.get(str(code), sockets_closed["other"]).inc()


class OrmThreadsCollector(Collector):
    """Looks at the ORM threads whenever Prometheus does."""

    def __init__(self, threads: Sequence[OrmThread]) -> None:
        self.threads = threads

    def collect(self) -> Iterator[Metric]:
        calls = [thread.calls for thread in self.threads]
        yield GaugeMetricFamily(
            "chat_orm_threads", "Threads that run the ORM: ASGI_THREADS.", len(calls)
        )
        yield GaugeMetricFamily(
            "chat_orm_threads_busy", "ORM threads that run a call.", sum(map(bool, calls))
        )
        yield GaugeMetricFamily(
            "chat_orm_calls_waiting",
            "Calls that wait for another on their ORM thread.",
            sum(max(0, waiting - 1) for waiting in calls),
        )
        yield CounterMetricFamily(
            "chat_orm_busy_seconds",
            "Seconds that the ORM threads, together, have run calls.",
            sum(thread.busy_seconds for thread in self.threads),
        )


class Metrics:
    """ASGI middleware that times pages, and answers /metrics to who shows METRICS_TOKEN.

    It stands before Django: Prometheus may ask by any name or address, and is answered while every
    ORM thread waits for a database. Who does not show the token finds what Django has there: no
    such page.
    """

    def __init__(self, app: Application) -> None:
        self.app = app
        self.answer_scrape: Application = make_asgi_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] == PATH and shows_token(scope["headers"]):
            return await self.answer_scrape(scope, receive, send)
        if scope["path"] in ASKED_BY_SUPERVISORS:
            return await self.app(scope, receive, send)
        began = time.monotonic()

        async def send_timed(message: Any) -> None:
            if message["type"] == "http.response.start":
                seconds_by_status[message["status"] // 100].observe(time.monotonic() - began)
            await send(message)

        await self.app(scope, receive, send_timed)


def shows_token(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether it comes from whom METRICS_TOKEN was given to. Without one, nobody."""
    if not settings.METRICS_TOKEN:
        return False
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    given = dict(headers).get(b"authorization", b"")
    return hmac.compare_digest(given, wanted)
