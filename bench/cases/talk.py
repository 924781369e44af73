"""A room in which everybody hears what each of them says in turn."""

from collections.abc import Callable

from bench.case import Figures, Trial, ask
from bench.load import Load, Outcome
from bench.servers import Running

FIRST_RATE, LAST_RATE = 300.0, 3_000.0  # messages a second; above, the load client is the limit
STEP = 1.25


def fan_out(sockets: int, rate: float) -> Callable[[Trial], Figures]:
    def measure(trial: Trial) -> Figures:
        with trial.running() as running:
            outcome = talk(running, trial.some(sockets), rate, trial.seconds)
        return {
            "µs/event": outcome.server_cpu / max(1, outcome.delivered) * 1e6,
            "p50 ms": outcome.p50 * 1e3,
            "p99 ms": outcome.p99 * 1e3,
            "max ms": outcome.max * 1e3,
            "lost": outcome.expected - outcome.delivered,
            "server %": outcome.server_cpu / outcome.took * 100,
            "client %": outcome.client_cpu / outcome.took * 100,
        }

    return measure


def saturation(trial: Trial) -> Figures:
    """More and more, until not everything is there two seconds after it was sent, or the server
    has died of it."""
    best, rate = 0.0, FIRST_RATE
    with trial.running() as running:
        while rate < LAST_RATE and running.is_alive:
            outcome = talk(running, trial.some(200), rate, trial.seconds)
            if outcome.delivered < outcome.expected:
                break
            best = outcome.delivered / trial.seconds
            rate *= STEP
        return {"events/s": best, "survived": running.is_alive}


def talk(
    running: Running, sockets: int, rate: float, seconds: float, cookies: list[str] | None = None
) -> Outcome:
    load = Load(
        wire=running.server.wire,
        port=running.port,
        room="1",
        cookies=cookies or running.cookies,
        sockets=sockets,
        rate=rate,
        seconds=seconds,
        pids=running.pids,
    )
    return ask("load", load, Outcome)
