"""What sockets cost that say and hear nothing but heartbeats."""

from bench.case import Figures, Trial
from bench.cases.talk import talk
from bench.load import memory
from bench.servers import People

ROOMS = 10  # that each of our people is in
CROWD = 100  # in a room of ours, about


def idle_memory(trial: Trial) -> Figures:
    sockets = trial.some(trial.size)
    people = People(rooms=max(ROOMS, sockets * ROOMS // CROWD), people=sockets, each=ROOMS)
    with trial.running(people) as running:
        at_rest = memory(running.pids)
        outcome = talk(running, sockets=sockets, rate=0, seconds=trial.seconds)
    return {
        "KB/socket": (outcome.memory - at_rest) / sockets / 1024,
        "at rest MB": at_rest / 1024**2,
        "MB": outcome.memory / 1024**2,
        "server %": outcome.server_cpu / outcome.took * 100,
        "lost": sockets - outcome.open,
    }
