"""A page of another origin opens no socket, whoever's cookies it has."""

import pytest

from chat.models import User
from tests.abuse.conftest import Talk
from tests.abuse.raw import Raw
from tests.plugin import cookie_of
from tests.site import Site

pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quiet"),
]

FOREIGN = {
    "null": "null",
    "empty": "",
    "a file": "file://",
    "an extension": "chrome-extension://abcdefghijklmnop",
    "another site": "https://evil.example",
    "our host as a suffix": "http://evil127.0.0.1:{port}",
    "our host as a prefix": "http://127.0.0.1.evil.example:{port}",
    "our address as a prefix": "http://127.0.0.1:{port}.evil.example",
    "our host as a user": "http://127.0.0.1:{port}@evil.example",
    "our host in a path": "http://evil.example/127.0.0.1:{port}",
    "our host in a fragment": "http://evil.example#127.0.0.1:{port}",
    "our host behind a NUL": "http://evil.example%00127.0.0.1:{port}",
    "half an address of IPv6": "http://[::1",
    "a port that is a word": "http://127.0.0.1:chat",
    "a port that is too high": "http://127.0.0.1:99999",
    "letters beyond ASCII": "http://gärten.example",
}


def handshake(server: Site, path: str, user: User, *headers: bytes) -> int:
    with Raw(server) as raw:
        return raw.handshake(path, f"Cookie: {cookie_of(user)}".encode(), *headers)


def origin(server: Site, text: str) -> bytes:
    return b"Origin: " + text.format(port=server.port).encode()


def test_the_sites_own_origin_opens_a_socket(server: Site, path: str, alice: User) -> None:
    assert handshake(server, path, alice, origin(server, server.url)) == 101


def test_without_an_origin_no_socket_opens(server: Site, path: str, alice: User) -> None:
    assert handshake(server, path, alice) == 403


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_origin_opens_no_socket(
    server: Site, path: str, alice: User, talk: Talk, text: str
) -> None:
    assert handshake(server, path, alice, origin(server, text)) in (400, 403)
    talk()


def test_two_origins_are_as_good_as_none(server: Site, path: str, alice: User) -> None:
    own, foreign = origin(server, server.url), b"Origin: https://evil.example"
    assert handshake(server, path, alice, own, foreign) in (400, 403)
    assert handshake(server, path, alice, foreign, own) in (400, 403)
