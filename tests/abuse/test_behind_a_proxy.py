"""A proxy passes on what a client says of itself, and only what it sets itself is to be trusted."""

import pytest

from chat.models import User
from tests.abuse.conftest import Talk
from tests.abuse.raw import Raw
from tests.abuse.test_headers import ANSWERED, OPENED, own
from tests.site import Site

pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quiet"),
]

ENVIRONMENT = {"BEHIND_PROXY": "1"}
PROXY = b"X-Forwarded-For: 198.51.100.7"  # what a proxy sets

PASSED_ON = {
    "a port that is a word": b"X-Forwarded-Port: chat",
    "a port that is too high": b"X-Forwarded-Port: 99999999999999999999",
    "a port that is no text": b"X-Forwarded-Port: \xff",
    "a host": b"X-Forwarded-Host: evil.example",
    "a root": b"Daphne-Root-Path: /evil",
}


@pytest.mark.parametrize("line", PASSED_ON.values(), ids=PASSED_ON)
def test_what_a_client_says_of_itself_breaks_nothing(
    server: Site, path: str, alice: User, talk: Talk, line: bytes
) -> None:
    with Raw(server) as raw:
        assert raw.handshake(path, *own(server, alice), PROXY, line) in OPENED
    with Raw(server) as raw:
        assert raw.get("/accounts/login/", PROXY, line) in ANSWERED
        assert b"evil" not in raw.read_until(b"</html>")
    talk()
