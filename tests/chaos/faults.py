"""What goes wrong.

Each fault is a context: it strikes, and lets the block begin as soon as people can be right again,
whom it gives: those it befell. What has to be tidied up is left for the end of the block.
"""

import asyncio
import http.client
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode

from tests.chaos.client import Person
from tests.chaos.programs import NOT_YET, Web
from tests.chaos.proxy import Proxy
from tests.chaos.world import World
from tests.site import TOKEN, until
from tests.view import Event

GONE = 2.0  # seconds a server that was killed stays away


@dataclass
class Scene:
    """Where faults strike."""

    world: World
    crowd: Sequence[Person]
    dice: Random
    told_after_removal: list[str] = field(default_factory=list)
    troubled_until: float = 0.0  # a server is not well, or has not been for long

    @property
    def hints_may_be_lost(self) -> bool:
        return time.monotonic() < self.troubled_until

    def hush(self, quiet: bool) -> None:
        for person in self.crowd:
            person.is_quiet = quiet

    def some_people(self) -> list[Person]:
        return self.dice.sample(self.crowd, max(2, len(self.crowd) // 4))


Befallen = AsyncIterator[Sequence[Person]]
Fault = Callable[[Scene], AbstractAsyncContextManager[Sequence[Person]]]

# --- servers and the wires between them ----------------------------------------------------------


@asynccontextmanager
async def redis_killed(scene: Scene) -> Befallen:
    scene.world.redis.kill()
    await asyncio.sleep(GONE)
    await scene.world.redis.start()
    yield scene.crowd


@asynccontextmanager
async def redis_frozen(scene: Scene) -> Befallen:
    scene.world.redis.freeze()
    await asyncio.sleep(10)
    scene.world.redis.thaw()
    yield scene.crowd


@asynccontextmanager
async def redis_cut_off(scene: Scene) -> Befallen:
    """Connections are lost in the middle, and those that are made next as well."""
    await cut(scene.world.to_redis)
    yield scene.crowd


@asynccontextmanager
async def hints_lost(scene: Scene) -> Befallen:
    """Every third, while Redis is in the best of health. Then nobody says a word, so that what was
    lost last is not missed because of what comes next."""
    scene.world.switch.touch()
    await asyncio.sleep(4)
    scene.hush(True)
    await asyncio.sleep(1)
    scene.world.switch.unlink()
    yield scene.crowd
    scene.hush(False)


@asynccontextmanager
async def postgres_killed(scene: Scene) -> Befallen:
    scene.world.postgres.kill()
    await asyncio.sleep(GONE)
    await scene.world.postgres.start()
    yield scene.crowd


@asynccontextmanager
async def postgres_cut_off(scene: Scene) -> Befallen:
    """As with Redis; some transactions are lost with it, and some answers to a commit."""
    await cut(scene.world.to_postgres)
    yield scene.crowd


@asynccontextmanager
async def web_killed(scene: Scene) -> Befallen:
    web = scene.dice.choice(scene.world.webs)
    web.kill()
    yield scene.crowd
    await web.start()


@asynccontextmanager
async def webs_rolled(scene: Scene) -> Befallen:
    """All are replaced: each is told to stop, and the next when the one before it is back."""
    *others, last = scene.world.webs
    for web in others:
        await leave(web)
        await web.start()
    await leave(last)
    yield scene.crowd
    await last.start()


async def cut(wire: Proxy) -> None:
    for pause in (0.5, 0.5, 0.0):
        wire.cut()
        await asyncio.sleep(pause)


async def leave(web: Web) -> None:
    status = await web.stop(signal.SIGTERM)
    if status != 0:
        raise AssertionError(f"{web.name} ended with status {status}")


# --- people --------------------------------------------------------------------------------------


@asynccontextmanager
async def readers_frozen(scene: Scene) -> Befallen:
    """They stop reading, while the others go on and the server knows nothing of it."""
    people = scene.some_people()
    await asyncio.gather(*(person.sleep(5) for person in people))
    yield people


@asynccontextmanager
async def cut_before_ok(scene: Scene) -> Befallen:
    """The connection is lost between what was sent and its answer, on one side of the commit or on
    the other."""
    people = scene.some_people()
    for number, person in enumerate(people):
        person.breaks_off = "answered" if number % 2 else "sent"
    await until(lambda: not any(p.breaks_off for p in people), "all have been cut off")
    yield people


@asynccontextmanager
async def people_offline(scene: Scene) -> Befallen:
    people = scene.some_people()
    await asyncio.gather(*(person.go_away(4) for person in people))
    yield people


@asynccontextmanager
async def member_removed(scene: Scene) -> Befallen:
    """Sent out of a room while the others talk in it all at once, and let in again."""
    world = scene.world
    person = scene.dice.choice([person for person in scene.crowd if person.is_welcome])
    room = scene.dice.choice(sorted(person.view.rooms))
    watch = person.hears = Watch(room)
    hints_were_lost = scene.hints_may_be_lost
    for other in scene.crowd:
        if room in other.view.rooms and other is not person:
            other.say(room, times=5)
    await let(world, person, room, be_in=False)
    await asyncio.sleep(5)
    hints_were_lost |= scene.hints_may_be_lost
    person.hears = None  # from here on there is nothing wrong in hearing of the room
    await let(world, person, room, be_in=True)
    # A removal whose hint was lost takes effect at a heartbeat. The first one that is heard may
    # have been written before the removal; the next one was not.
    patience = 2 if hints_were_lost else 0
    removed_at = await world.removed_at(person.id, room)
    scene.told_after_removal += [
        f"{person.name} was removed from room {room} at {removed_at}, "
        f"but heard of change {version} after {beats} heartbeats"
        for beats, version in watch.heard
        if version > removed_at and beats >= patience
    ]
    yield [person]


class Watch:
    """What somebody hears of the changes to a room, and after how many heartbeats."""

    def __init__(self, room: int) -> None:
        self.heard: list[tuple[int, int]] = []
        self._room = room
        self._beats = 0

    def __call__(self, event: Event) -> None:
        if event["type"] == "heartbeat" and event["heads"]:
            self._beats += 1
        if event.get("room") != self._room:
            return
        messages = [event] if event["type"] == "message" else event.get("messages", ())
        self.heard += [(self._beats, message["version"]) for message in messages]


async def let(world: World, person: Person, room: int, be_in: bool) -> None:
    """Asks the site to let somebody in or out, until the database says so."""
    path = f"/rooms/{room}/people/{'add' if be_in else f'{person.id}/remove'}/"
    for _ in range(60):
        if await world.is_member(person.id, room) == be_in:
            return
        if not await post(world, path, person=person.id):
            await asyncio.sleep(0.5)
    raise AssertionError(f"{path} for {person.name} is still not done")


async def post(world: World, path: str, **fields: int) -> bool:
    """Fills in a form, as the keeper of the rooms. Whether the site says that it is done."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"{world.keeper['cookie']}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
    }
    connection = http.client.HTTPConnection("127.0.0.1", world.front.port, timeout=10)
    with closing(connection), suppress(*NOT_YET):
        await asyncio.to_thread(connection.request, "POST", path, urlencode(fields), headers)
        return (await asyncio.to_thread(connection.getresponse)).status == 302
    return False


SERVERS: tuple[Fault, ...] = (
    redis_killed,
    redis_frozen,
    redis_cut_off,
    hints_lost,
    postgres_killed,
    postgres_cut_off,
    web_killed,
    webs_rolled,
)
PEOPLE: tuple[Fault, ...] = (readers_frozen, cut_before_ok, people_offline, member_removed)
FAULTS = {fault.__name__: fault for fault in (*SERVERS, *PEOPLE)}
