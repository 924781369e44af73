"""What is measured."""

from bench.case import Case
from bench.cases.comeback import coming_back
from bench.cases.memory import idle_memory
from bench.cases.pages import room_page
from bench.cases.posts import posting
from bench.cases.rooms import long_history, many_rooms
from bench.cases.slow import slow_handlers
from bench.cases.talk import fan_out, growing, publishing, saturation
from bench.servers import (
    BARE_WS,
    OURS_ON_DAPHNE,
    OURS_ON_UVICORN,
    SOCKET_IO,
    SYNC_ON_DAPHNE,
    TUTORIAL_ON_DAPHNE,
    TUTORIAL_ON_UVICORN,
)

OURS = (OURS_ON_DAPHNE, OURS_ON_UVICORN)
TUTORIAL = (TUTORIAL_ON_DAPHNE, TUTORIAL_ON_UVICORN)
NODE = (SOCKET_IO, BARE_WS)
TO_SOCKET_IO = dict.fromkeys((*OURS, SYNC_ON_DAPHNE, BARE_WS), SOCKET_IO)
TO_TUTORIAL = dict(zip(OURS, TUTORIAL, strict=True))

CASES = [
    Case(
        "quiet",
        "A quiet room: 200 sockets, 5 messages/s",
        OURS + NODE,
        fan_out(200, 5),
        rivals=TO_SOCKET_IO,
    ),
    Case(
        "tutorial",
        "What the tutorial's chat bears: 200 sockets, 10 messages/s",
        OURS + TUTORIAL,
        fan_out(200, 10),
        rivals=TO_TUTORIAL,
    ),
    Case(
        "talk",
        "200 sockets, 100 messages/s",
        (*OURS, SYNC_ON_DAPHNE, *NODE),
        fan_out(200, 100),
        rivals=TO_SOCKET_IO,
    ),
    Case(
        "busy",
        "200 sockets, 400 messages/s",
        OURS + NODE,
        fan_out(200, 400),
        rivals=TO_SOCKET_IO,
    ),
    Case(
        "crowd",
        "1,000 sockets, 100 messages/s",
        OURS + NODE,
        fan_out(1_000, 100),
        rivals=TO_SOCKET_IO,
    ),
    Case(
        "saturation",
        "As much as it bears: 200 sockets, everything there within two seconds",
        OURS + NODE,
        saturation,
        seconds=2.0,  # of each rate
        rivals=TO_SOCKET_IO,
    ),
    Case(
        "pages",
        "A room's page with 40 messages, and the same queries without rendering: 16 connections",
        OURS,
        room_page,
        plotted=("pages/s", "bare/s", "asked again/s"),
    ),
    Case(
        "posts",
        "PostgreSQL: 50 people, three in a room, each says the next once the last is acknowledged",
        OURS,
        posting,
        plotted=("posts/s", "psycopg alone/s"),
    ),
    Case(
        "comeback",
        "PostgreSQL: the server killed and started again under 2,000 open pages, of 20 rooms",
        OURS,
        coming_back,
        plotted=("all back s", "p50 s"),
    ),
    Case(
        "slow",
        "PostgreSQL: eight handlers of a second at once, beside 50 sockets and 20 messages/s",
        (*OURS, SYNC_ON_DAPHNE),
        slow_handlers,
        plotted=("all done s", "p99 ms before", "p99 ms"),
    ),
    Case(
        "memory",
        "Memory of idle sockets: people of ours are in ten rooms, the others in one",
        OURS + TUTORIAL + NODE,
        idle_memory,
        seconds=2.0,
        rivals=TO_TUTORIAL,
        plotted=("KB/socket",),
        grows="sockets",
        sizes=(1_000, 5_000),
    ),
    Case(
        "members",
        "A room with more and more members, all connected: 5 messages/s",
        OURS,
        growing,
        grows="members",
        sizes=(10, 100, 500, 2_000),
    ),
    Case(
        "processes",
        "PostgreSQL: several processes of a site, 200 sockets in one room, 20 messages/s",
        (OURS_ON_DAPHNE,),
        publishing,
        seconds=4.0,
        plotted=("µs/event", "publishes/message"),
        grows="processes",
        sizes=(1, 2, 4, 8),
    ),
    Case(
        "history",
        "A room in which much has been said: its page, and 50 older and 40 missed messages",
        OURS,
        long_history,
        seconds=1.5,
        plotted=("page p50 ms", "history p50 ms", "sync p50 ms"),
        grows="messages",
        sizes=(1_000, 10_000, 100_000, 1_000_000),
    ),
    Case(
        "rooms",
        "PostgreSQL: a person of many rooms, from the handshake to the welcome",
        (OURS_ON_DAPHNE,),
        many_rooms,
        seconds=1.5,
        plotted=("queries", "welcome p50 ms"),
        grows="rooms",
        sizes=(1, 10, 100, 500),
    ),
]
