"""Whose cookie is not that of a living session is nobody."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from chat.models import User
from tests.abuse.conftest import Talk
from tests.abuse.raw import Raw
from tests.chat.test_queries import ENDS
from tests.client import ChatClient
from tests.plugin import cookie_of, logged_in
from tests.site import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]

FORGED = {
    "none": "",
    "empty": "sessionid=",
    "made up": "sessionid=" + "a" * 32,
    "short": "sessionid=abc",
    "long": "sessionid=" + "a" * 4_000,
    "quoted": 'sessionid="' + "a" * 32 + '"',
    "NUL, in the way cookies write it": 'sessionid="' + r"\000" * 32 + '"',
    "control characters, in the same way": 'sessionid="' + r"\001\012\033" * 11 + '"',
    "letters beyond ASCII, in the same way": 'sessionid="' + r"\377\376" * 16 + '"',
    "half of a surrogate pair": "sessionid=" + "%ED%A0%80" * 4,
    "SQL": "sessionid=' OR ''='",
    "a path": "sessionid=../../../../etc/passwd",
    "another name": "session=" + "a" * 32,
    "another case": "SESSIONID=" + "a" * 32,
    "many": "; ".join(f"sessionid={number:032}" for number in range(100)),
}
SPOILT: dict[str, Callable[[str], str]] = {
    "truncated": lambda cookie: cookie[:-1],
    "with a letter more": lambda cookie: cookie + "a",
    "in capitals": lambda cookie: "sessionid=" + cookie.removeprefix("sessionid=").upper(),
    "with another first letter": lambda cookie: cookie.replace("sessionid=", "sessionid=-", 1),
    "under another name": lambda cookie: cookie.replace("sessionid", "session_id"),
}


def is_nobody(server: Site, path: str, cookie: str) -> bool:
    with ChatClient(server.url, path, cookie) as client:
        return client.expect_close() == 4401 and client.heard == []


@pytest.mark.parametrize("cookie", FORGED.values(), ids=FORGED)
def test_a_forged_cookie_is_nobodys(server: Site, path: str, talk: Talk, cookie: str) -> None:
    assert is_nobody(server, path, cookie)
    with Raw(server) as raw:
        assert raw.get("/rooms/", f"Cookie: {cookie}".encode()) == 302  # to the log-in
    talk()


@pytest.mark.parametrize("cookie", [b"\xff" * 32, b"\x01" * 32, b"a\x7fb" * 11])
def test_bytes_that_are_no_text_are_nobodys(server: Site, path: str, cookie: bytes) -> None:
    with Raw(server) as raw:
        origin = f"Origin: {server.url}".encode()
        assert raw.handshake(path, origin, b"Cookie: sessionid=" + cookie) == 101
        raw.read_until(b"\r\n\r\n")
        code = (4401).to_bytes(2, "big")
        assert raw.read_until(code) == b"\x88\x02" + code  # nothing but the close


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_cookie_that_is_nearly_right_is_wrong(
    server: Site, path: str, alice: User, spoil: Callable[[str], str]
) -> None:
    cookie = cookie_of(alice)
    assert is_nobody(server, path, spoil(cookie))
    with ChatClient(server.url, path, cookie) as client:
        client.expect("welcome")


@pytest.mark.parametrize("happens", ENDS)
def test_a_session_that_ended_is_nobodys(
    server: Site, path: str, alice: User, happens: Callable[[Client, User], None]
) -> None:
    client = logged_in(alice)
    cookie = f"sessionid={client.session.session_key}"
    happens(client, alice)
    assert is_nobody(server, path, cookie)


def test_a_session_under_another_secret_key_is_nobodys(
    server: Site, path: str, alice: User, settings: Settings
) -> None:
    settings.SECRET_KEY = "known to somebody else"
    assert is_nobody(server, path, cookie_of(alice))
