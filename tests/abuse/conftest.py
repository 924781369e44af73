"""A server that is attacked, and two people who go on talking meanwhile."""

from collections.abc import Callable, Iterator

import pytest

from chat.models import Room, User
from tests.client import ChatClient
from tests.factories import person, room
from tests.plugin import cookie_of, database_url
from tests.site import Site

PATHS = {"sync": "/ws/chat/sync/", "async": "/ws/chat/"}
Connect = Callable[[User], ChatClient]
Talk = Callable[[], None]


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One a module, on the in-memory channel layer. A module may add settings as ENVIRONMENT."""
    environment = {
        "DATABASE_URL": database_url(),
        "REDIS_URL": "",
        "PYTHONASYNCIODEBUG": "1",
    } | getattr(request.module, "ENVIRONMENT", {})
    server = Site(tmp_path_factory.mktemp("abuse") / "site.log", **environment)
    server.start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log()


@pytest.fixture
def quiet(server: Site) -> Iterator[None]:
    """No client can make the server log an error."""
    before = len(server.log())
    yield
    log = server.log()[before:]
    assert "Traceback" not in log and " ERROR " not in log, log


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    """Where the consumer under test is."""
    return PATHS[request.param]


@pytest.fixture
def connect(server: Site, path: str, quiet: None) -> Iterator[Connect]:
    """Opens a socket of a person on the consumer under test, past its `welcome`."""
    opened: list[ChatClient] = []

    def connect(user: User) -> ChatClient:
        client = ChatClient(server.url, path, cookie_of(user))
        opened.append(client)
        client.expect("welcome")
        return client

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def eve() -> User:
    """Who means ill. She has an account, and is in no room but her own."""
    return person("eve")


@pytest.fixture
def garden(alice: User, bob: User) -> Room:
    """Alice's closed room, with Bob in it."""
    return room(alice, bob, kind=Room.Kind.CLOSED)


@pytest.fixture
def talk(connect: Connect, alice: User, bob: User, garden: Room) -> Talk:
    """Alice and Bob are in the garden: what one says now, the other hears."""
    speaker, listener = connect(alice), connect(bob)

    def talk() -> None:
        listener.expect("message", client_id=speaker.say(garden.pk, "Still there?"))

    talk()
    return talk
