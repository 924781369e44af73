"""Posts to PostgreSQL, beside what the same statements reach without sockets and Django."""

from bench.case import Figures, Trial, ask
from bench.database import watched
from bench.peers import sql
from bench.posts import Load, Outcome
from bench.servers import People
from tests.services import postgres_server

THREADS = 16  # of ours for the ORM, and of the near limit
PEOPLE = People(rooms=16, people=50, each=1)  # so that a post is told to few
ROOMS = list(range(1, PEOPLE.rooms + 1))
SENDERS = list(range(1, PEOPLE.people + 1))


def posting(trial: Trial) -> Figures:
    with postgres_server() as database:
        settings = {"DATABASE_URL": database, "ASGI_THREADS": str(THREADS)}
        with trial.running(PEOPLE, **settings) as running, watched(database) as connections:
            load = Load(
                wire=running.server.wire,
                port=running.port,
                cookies=running.cookies,
                rooms=ROOMS,
                senders=trial.some(len(SENDERS)),
                seconds=trial.seconds,
            )
            ours = ask("posts", load, Outcome)
        alone = sql.Load(
            database=database,
            rooms=ROOMS,
            people=SENDERS,
            threads=THREADS,
            seconds=trial.seconds,
        )
        limit = ask("peers.sql", alone, sql.Outcome)
    return {
        "posts/s": ours.per_second,
        "p50 ms": ours.p50 * 1e3,
        "p99 ms": ours.p99 * 1e3,
        "psycopg alone/s": limit.per_second,
        "ours : alone": ours.per_second / limit.per_second,
        "lost": ours.refused + ours.unanswered,
        "connections": connections.most,
        "client %": ours.client_cpu / ours.took * 100,
    }
