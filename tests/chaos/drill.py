"""A drill: a world, a crowd in it, and faults: each of them once, and then at random."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random

from tests.chaos.check import Findings, compare, read
from tests.chaos.client import PATHS, Person
from tests.chaos.faults import PEOPLE, SERVERS, Fault, Scene
from tests.chaos.logs import tracebacks
from tests.chaos.world import World
from tests.site import until

NOTICED = 0.1  # seconds until both ends know that a connection is lost
HEALED = 30.0  # seconds in which everybody has to be right again
AFTERMATH = 5.0  # seconds in which a process may not have noticed that a fault is over
WARM = 15.0  # seconds until a web process has loaded what it needs
MEMORY = 50  # megabytes by which it may grow after that


@dataclass(frozen=True)
class Plan:
    faults: Sequence[Fault]
    seconds: float = 0.0  # each fault strikes once in any case; what is left is for chance
    seed: str = "1"
    clients: int = 24
    webs: int = 2
    logs: Path | None = None  # where the logs of all servers are kept


@dataclass
class Row:
    """What came of a fault."""

    name: str
    strikes: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    leaked: int = 0
    wrong: int = 0
    heals: list[float] = field(default_factory=list)


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    growth: int = 0  # megabytes, of the web process that grew most


class Drill:
    def __init__(self, plan: Plan, world: World) -> None:
        self.plan = plan
        self.world = world
        self.report = Report()
        self.crowd = [
            Person(path=PATHS[number % len(PATHS)], seed=plan.seed, **who)
            for number, who in enumerate(world.people)
        ]
        self.scene = Scene(world, self.crowd, Random(plan.seed))

    async def run(self) -> Report:
        """What went wrong is in the report; what could not be done raises."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch_memory())]
            for person in self.crowd:
                door = person.live(self.world.url, **self.world.connection)
                tasks.append(group.create_task(door))
            try:
                await until(lambda: all(p.is_welcome for p in self.crowd), "all are welcome")
                await self._one_by_one()
                await self._at_random()
            finally:
                for task in tasks:
                    task.cancel()
        if self.report.growth > MEMORY:
            self.report.failures.append(f"a web process grew by {self.report.growth} MB")
        for web in self.world.webs:
            found = tracebacks(web.log.read_text())
            self.report.failures += [f"{web.name} logged {record}" for record in found]
        return self.report

    async def _one_by_one(self) -> None:
        self._end = time.monotonic() + self.plan.seconds
        for fault in self.plan.faults:
            row = self._row(fault.__name__.replace("_", " "))
            await self._strike(fault, row)
            await self._judge(row)

    async def _at_random(self) -> None:
        if time.monotonic() > self._end:
            return
        row = self._row("at random")
        async with asyncio.TaskGroup() as group:
            for among in (SERVERS, PEOPLE):  # one of each may be at work at the same time
                faults = [fault for fault in self.plan.faults if fault in among]
                group.create_task(self._one_after_another(faults, row))
        await self._judge(row)

    async def _one_after_another(self, faults: Sequence[Fault], row: Row) -> None:
        dice = Random(f"{self.plan.seed} {[fault.__name__ for fault in faults]}")
        while faults and time.monotonic() < self._end:
            await self._strike(dice.choice(faults), row)
            await asyncio.sleep(dice.uniform(0, 3))

    async def _strike(self, fault: Fault, row: Row) -> None:
        row.strikes += 1
        if fault in SERVERS:
            self.scene.troubled_until = inf
        async with fault(self.scene) as people:
            await self._heal(people, row)
        if fault in SERVERS:
            self.scene.troubled_until = time.monotonic() + AFTERMATH

    async def _heal(self, people: Iterable[Person], row: Row) -> None:
        """Measures how long it takes each until all is as if nothing had been: connected, holds
        every change that was committed until now, and has an answer to all that was said until now.
        """
        heads = await self.world.heads()
        since = time.monotonic()
        await asyncio.sleep(NOTICED)
        waiting = {person: person.outbox.added for person in people}
        while waiting and time.monotonic() < since + HEALED:
            for person, said in tuple(waiting.items()):
                if not person.is_there:  # by its own will, or because of another fault
                    del waiting[person]
                elif person.holds(heads) and person.outbox.answered >= said:
                    del waiting[person]
                    row.heals.append(time.monotonic() - since)
            await asyncio.sleep(0.02)
        self._fail(row, [f"{person.name} has not healed" for person in waiting])
        row.wrong += len(waiting)

    async def _judge(self, row: Row) -> None:
        """Lets everything be answered, and compares what everybody holds with the database."""
        findings = await self._settle()
        leaks = self.scene.told_after_removal
        row.acknowledged += sum(person.outbox.acknowledged for person in self.crowd)
        row.lost += len(findings.lost)
        row.doubled += len(findings.doubled)
        row.leaked += len(leaks)
        row.wrong += len(findings.wrong)
        self._fail(row, [*findings.all, *leaks])
        leaks.clear()
        for person in self.crowd:
            person.begin_anew()
        self.scene.hush(False)

    async def _settle(self) -> Findings:
        self.scene.hush(True)
        with suppress(AssertionError):  # then the comparison tells what is missing
            await until(lambda: all(p.is_settled for p in self.crowd), "all is answered", HEALED)
        deadline = time.monotonic() + HEALED
        while (findings := compare(self.crowd, read(self.world.postgres.url))).lost:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        findings.wrong += [f"{p.name}: not answered" for p in self.crowd if not p.is_settled]
        return findings

    async def _watch_memory(self) -> None:
        warm: dict[int, int] = {}
        while True:
            for web in self.world.webs:
                if web.runs and web.age > WARM:
                    grown = web.memory - warm.setdefault(web.pid, web.memory)
                    self.report.growth = max(self.report.growth, grown)
            await asyncio.sleep(1)

    def _row(self, name: str) -> Row:
        self.report.rows.append(Row(name))
        return self.report.rows[-1]

    def _fail(self, row: Row, failures: Iterable[str]) -> None:
        self.report.failures += [f"{row.name}: {failure}" for failure in failures]


async def drill(plan: Plan) -> Report:
    async with World(plan.clients, plan.webs) as world:
        try:
            return await Drill(plan, world).run()
        except BaseException as error:
            error.add_note(f"seed {plan.seed}")
            raise
        finally:
            if plan.logs:
                world.keep_logs(plan.logs)
