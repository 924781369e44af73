"""A room in which everybody hears what each of them says in turn."""

from collections.abc import Callable
from contextlib import ExitStack
from subprocess import CalledProcessError

from bench.case import Figures, Trial, ask
from bench.load import Load, Outcome
from bench.servers import People, Running
from tests.services import postgres_server

FIRST_RATE, LEAST_RATE, MOST_RATE = 800, 10, 5_000  # messages a second
STEP = 1.25


def fan_out(sockets: int, rate: float) -> Callable[[Trial], Figures]:
    def measure(trial: Trial) -> Figures:
        people = trial.some(sockets)
        with trial.running(People(people=people)) as running:
            return figures(talk(running, sockets=people, rate=rate, seconds=trial.seconds))

    return measure


def growing(trial: Trial) -> Figures:
    """More and more people in a room in which not more is said."""
    return fan_out(trial.size, rate=5)(trial)


def saturation(trial: Trial) -> Figures:
    """The most of which everything is there two seconds later: more and more is said until that
    is no longer so, or less and less until it is."""
    sockets, most = trial.some(200), trial.some(MOST_RATE)
    rate = float(trial.some(FIRST_RATE))
    best, failed = None, False
    with trial.running() as running:
        while LEAST_RATE <= rate <= most and running.is_alive and not (best and failed):
            if outcome := bears(running, sockets, rate, trial.seconds):
                best = outcome
            else:
                failed = True
            rate = rate / STEP if failed else rate * STEP
        survived = float(running.is_alive)
    return {
        "events/s": best.delivered / trial.seconds if best else 0,
        "client %": best.client_cpu / best.took * 100 if best else 0,
        "survived": survived,
        "lost": 0 if best else 1,
    }


def bears(running: Running, sockets: int, rate: float, seconds: float) -> Outcome | None:
    """What came of this rate, if everything was delivered."""
    try:
        outcome = talk(running, sockets=sockets, rate=rate, seconds=seconds)
    except CalledProcessError:
        if running.is_alive:
            raise
        return None
    return outcome if outcome.delivered == outcome.expected else None


def publishing(trial: Trial) -> Figures:
    """Several processes of a site; some members of a room are connected to each."""
    with (
        postgres_server() as database,
        trial.running(DATABASE_URL=database) as first,
        ExitStack() as stack,
    ):
        more = [stack.enter_context(first.beside()) for _ in range(trial.size - 1)]
        outcome = talk(first, *more, sockets=trial.some(200), rate=20, seconds=trial.seconds)
    return {
        "µs/event": outcome.server_cpu / max(1, outcome.delivered) * 1e6,
        "publishes/message": outcome.published / outcome.sent,
        "p50 ms": outcome.p50 * 1e3,
        "p99 ms": outcome.p99 * 1e3,
        "lost": outcome.expected - outcome.delivered,
    }


def talk(
    first: Running,
    *more: Running,
    sockets: int,
    rate: float,
    seconds: float,
    cookies: list[str] | None = None,
) -> Outcome:
    """The members of the first room say something in turn; all hear it."""
    everywhere = [first, *more]
    load = Load(
        wire=first.server.wire,
        ports=[running.port for running in everywhere],
        room="1",
        cookies=cookies or first.cookies,
        sockets=sockets,
        rate=rate,
        seconds=seconds,
        pids=[pid for running in everywhere for pid in running.pids],
        redis=first.redis,
    )
    return ask("load", load, Outcome)


def figures(outcome: Outcome) -> Figures:
    return {
        "µs/event": outcome.server_cpu / max(1, outcome.delivered) * 1e6,
        "p50 ms": outcome.p50 * 1e3,
        "p99 ms": outcome.p99 * 1e3,
        "max ms": outcome.max * 1e3,
        "lost": outcome.expected - outcome.delivered,
        "server %": outcome.server_cpu / outcome.took * 100,
        "client %": outcome.client_cpu / outcome.took * 100,
    }
