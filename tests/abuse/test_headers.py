"""Whatever stands in the head of a request: it is answered or closed, and costs nobody else."""

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

NAMES = ["User-Agent", "Cookie", "Accept", "Sec-WebSocket-Protocol", "X-Forwarded-For"]
BYTES = [*range(0x20), 0x7F, 0x80, 0x85, 0xFF]
ANSWERED = {0, *range(200, 500)}  # 0: closed without a word. Never 5xx, which would be our fault
OPENED = ANSWERED | {101}

HUGE = {
    "a line of 16 KiB": [b"X-Long: " + b"a" * 16_384],
    "a line of a megabyte": [b"X-Long: " + b"a" * 1_000_000],
    "a cookie of a megabyte": [b"Cookie: sessionid=" + b"a" * 1_000_000],
    "five hundred lines": [b"X-%d: a" % number for number in range(500)],
    "ten thousand lines": [b"X-%d: a" % number for number in range(10_000)],
    "one line five hundred times": [b"X-Same: a"] * 500,
    "a thousand cookies": [b"Cookie: " + b"a=b; " * 1_000],
    "a thousand sub-protocols": [b"Sec-WebSocket-Protocol: " + b"chat.v1, " * 1_000],
}
BROKEN = {
    "nothing": b"\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "a version to come": b"GET / HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "a verb nobody knows": b"SHOUT / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a NUL in the path": b"GET /\x00 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "an escaped NUL in the path": b"GET /invitations/%00/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "half of a surrogate pair in the path": b"GET /%ED%A0%80 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a path of 100,000 letters": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "another site in the path": b"GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a line without a colon": b"GET / HTTP/1.1\r\nHost: {host}\r\nUser\r\n\r\n",
    "a line without a name": b"GET / HTTP/1.1\r\nHost: {host}\r\n: User\r\n\r\n",
    "a name with a space": b"GET / HTTP/1.1\r\nHost: {host}\r\nUser Agent: a\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: {host}\r\nAccept: a\r\n b\r\n\r\n",
    "a length below zero": b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no length": b"POST / HTTP/1.1\r\nHost: {host}\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a form without a boundary": b"POST /accounts/login/ HTTP/1.1\r\nHost: {host}\r\n"
    b"Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nab",
}
HOSTS = {
    "another site": b"evil.example",
    "two": b"127.0.0.1\r\nHost: evil.example",
    "a folded one": b"127.0.0.1\r\n evil.example",
    "bytes that are no text": b"\xff",
    "markup": b"<script>",
}
UPGRADES = {
    "a sub-protocol beyond ASCII": b"Sec-WebSocket-Protocol: \xff",
    "a sub-protocol nobody knows": b"Sec-WebSocket-Protocol: chat.v999",
    "half an extension": b'Sec-WebSocket-Extensions: permessage-deflate; x="y',
    "a window of no size": b"Sec-WebSocket-Extensions: permessage-deflate; "
    b"server_max_window_bits=0",
    "a version to come": b"Sec-WebSocket-Version: 99",
    "a short key": b"Sec-WebSocket-Key: short",
    "a key that is no text": b"Sec-WebSocket-Key: \xff",
}
ROOTS = [
    b"/evil",
    b"//evil.example",
    b"https://evil.example",
    b"/accounts",
    b"/ws",
    b"%00",
    b"\xff",
]


def own(server: Site, user: User) -> tuple[bytes, bytes]:
    return f"Origin: {server.url}".encode(), f"Cookie: {cookie_of(user)}".encode()


@pytest.mark.parametrize("name", NAMES)
def test_any_byte_may_stand_in_a_header(
    server: Site, path: str, alice: User, talk: Talk, name: str
) -> None:
    headers = own(server, alice)
    for byte in BYTES:
        line = f"{name}: a".encode() + bytes([byte]) + b"b"
        with Raw(server) as raw:
            assert raw.handshake(path, *headers, line) in OPENED, hex(byte)
        with Raw(server) as raw:
            assert raw.get("/accounts/login/", line) in ANSWERED, hex(byte)
    talk()


@pytest.mark.parametrize("lines", HUGE.values(), ids=HUGE)
def test_a_huge_head_is_refused_or_overlooked(
    server: Site, path: str, alice: User, talk: Talk, lines: list[bytes]
) -> None:
    with Raw(server) as raw:
        assert raw.handshake(path, *own(server, alice), *lines) in OPENED
    with Raw(server) as raw:
        assert raw.get("/accounts/login/", *lines) in ANSWERED
    talk()


@pytest.mark.parametrize("head", BROKEN.values(), ids=BROKEN)
def test_a_broken_head_is_refused(server: Site, alice: User, head: bytes) -> None:
    with Raw(server) as raw:
        raw.send(head.replace(b"{host}", raw.host))
        assert raw.status() in ANSWERED


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_another_host_is_not_served_and_makes_no_noise(
    server: Site, alice: User, host: bytes
) -> None:
    with Raw(server) as raw:
        raw.send(b"GET /accounts/login/ HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert raw.status() == 400


@pytest.mark.parametrize("line", UPGRADES.values(), ids=UPGRADES)
def test_a_broken_handshake_is_refused(
    server: Site, path: str, alice: User, talk: Talk, line: bytes
) -> None:
    with Raw(server) as raw:
        assert raw.handshake(path, *own(server, alice), line) in OPENED
    talk()


@pytest.mark.parametrize("root", ROOTS)
def test_where_the_site_lives_is_not_for_a_client_to_say(
    server: Site, path: str, alice: User, talk: Talk, root: bytes
) -> None:
    """Daphne has a header for it."""
    headers = *own(server, alice), b"Daphne-Root-Path: " + root
    with Raw(server) as raw:
        assert raw.handshake(path, *headers) in OPENED
    with Raw(server) as raw:
        assert raw.get("/rooms/", *headers) == 200
        assert b"evil" not in raw.read_until(b"</html>")
    talk()
