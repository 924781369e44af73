"""What is wanted of the figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.cases import OURS, TO_SOCKET_IO, TO_TUTORIAL
from bench.servers import OURS_ON_DAPHNE, SYNC_ON_DAPHNE, Server

LONG = (1_000, 1_000_000)  # messages
THE_SAME = {server: server for server in OURS}


@dataclass(frozen=True)
class Reading:
    """A figure of a case, as its table has it; of one size, where something grows. `of` tells
    whose it is, for each of ours."""

    case: str
    figure: str
    size: int = 0
    of: Mapping[Server, Server] = field(default_factory=lambda: THE_SAME)


@dataclass(frozen=True)
class Goal:
    """Where a figure has to be, as `≤ 40`; with `beside`, the ratio of the two, run by run."""

    what: str
    figure: Reading
    beside: Reading | None = None
    daphne: str = ""  # nothing in particular
    uvicorn: str = ""


def beside_socket_io(what: str, case: str, figure: str, daphne: str, uvicorn: str) -> Goal:
    theirs = Reading(case, figure, of=TO_SOCKET_IO)
    return Goal(f"{what} : Socket.IO's", Reading(case, figure), theirs, daphne, uvicorn)


def grown(
    what: str, case: str, figure: str, few: int, many: int, daphne: str, uvicorn: str = ""
) -> Goal:
    first, last = Reading(case, figure, few), Reading(case, figure, many)
    return Goal(f"{what} : with {few:,}", last, first, daphne, uvicorn)


GOALS = [
    Goal(
        "CPU per event at 100 messages/s : the tutorial's at 10",
        Reading("talk", "µs/event"),
        Reading("tutorial", "µs/event", of=TO_TUTORIAL),
        daphne="≤ 0.1",
        uvicorn="≤ 0.1",
    ),
    beside_socket_io("CPU per event at 400 messages/s", "busy", "µs/event", "≤ 0.9", "≤ 0.6"),
    beside_socket_io("p99 at 400 messages/s", "busy", "p99 ms", "≤ 1", "≤ 0.6"),
    beside_socket_io("p99 of 1,000 sockets", "crowd", "p99 ms", "≤ 0.1", "≤ 0.05"),
    beside_socket_io("events/s at saturation", "saturation", "events/s", "≥ 1.2", "≥ 1.5"),
    Goal("p99 in a quiet room, ms", Reading("quiet", "p99 ms"), daphne="≤ 40"),
    beside_socket_io("p99 in a quiet room", "quiet", "p99 ms", "", "≤ 1.5"),
    Goal(
        "CPU per event : the async consumer's, of the sync one",
        Reading("talk", "µs/event", of={OURS_ON_DAPHNE: SYNC_ON_DAPHNE}),
        Reading("talk", "µs/event"),
        daphne="≤ 1.1",
    ),
    Goal("eight handlers of a second, s", Reading("slow", "all done s"), None, "≤ 1.2", "≤ 1.2"),
    Goal(
        "p99 of the others meanwhile : before",
        Reading("slow", "p99 ms"),
        Reading("slow", "p99 ms before"),
        daphne="≤ 2",
        uvicorn="≤ 2",
    ),
    Goal("connections to PostgreSQL", Reading("slow", "connections"), None, "≤ 16", "≤ 16"),
    Goal("posts/s : psycopg alone", Reading("posts", "ours : alone"), None, "≥ 0.333", "≥ 0.333"),
    Goal("pages/s : bare view", Reading("pages", "page : bare"), None, "≥ 0.5", "≥ 0.5"),
    Goal("pages/s", Reading("pages", "pages/s"), None, "≥ 150", "≥ 150"),
    *(
        Goal(
            f"KB per idle socket, of {sockets:,} : the tutorial's",
            Reading("memory", "KB/socket", sockets),
            Reading("memory", "KB/socket", sockets, of=TO_TUTORIAL),
            daphne="≤ 1",
            uvicorn="≤ 1",
        )
        for sockets in (1_000, 5_000)
    ),
    grown("CPU per event in a room of 2,000", "members", "µs/event", 10, 2_000, "≤ 1", "≤ 1"),
    grown("publishes per message of 8 processes", "processes", "publishes/message", 1, 8, "≤ 1.1"),
    grown("page after 1,000,000 messages", "history", "page p50 ms", *LONG, "≤ 1.3", "≤ 1.3"),
    grown("history after as many", "history", "history p50 ms", *LONG, "≤ 1.3", "≤ 1.3"),
    grown("sync after as many", "history", "sync p50 ms", *LONG, "≤ 1.3", "≤ 1.3"),
    grown("queries of a welcome to 500 rooms", "rooms", "queries", 1, 500, "≤ 1"),
    Goal("2,000 sockets back, s", Reading("comeback", "all back s"), None, "≤ 10", "≤ 10"),
]
