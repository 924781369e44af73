"""Who guesses passwords is stopped, in whichever process, and however it is done."""

import http.client
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client
from django.urls import reverse

from chat.models import User
from tests.abuse.conftest import Talk
from tests.site import TOKEN, Site

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("quiet", "alice"),
]

BY_BOTH, BY_ACCOUNT, BY_ADDRESS = settings.LOGIN_LIMITS
HANDS = settings.ASGI_THREADS  # requests that a process works on at once


def guess(server: Site, username: str, **headers: str) -> int:
    """Tries a wrong password at a server. Returns the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    form = urllib.parse.urlencode({"username": username, "password": "wrong"})
    headers |= {"Cookie": f"csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/accounts/login/", form, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def guess_here(username: str, address: str = "127.0.0.1") -> int:
    """The same in this process, which shares nothing with the server but the database."""
    form = {"username": username, "password": "wrong"}
    return Client(REMOTE_ADDR=address).post(reverse("login"), form).status_code


def test_an_account_is_guarded_in_all_processes_together(server: Site) -> None:
    assert {guess_here("alice") for _ in range(BY_BOTH - 2)} == {200}
    assert [guess(server, "alice") for _ in range(3)] == [200, 429, 429]
    assert guess_here("alice") == 429


def test_an_address_is_guarded_in_all_processes_together(server: Site) -> None:
    assert {guess_here(f"person-{number}") for number in range(BY_ADDRESS - 2)} == {200}
    assert [guess(server, name) for name in ("one", "two", "three")] == [200, 429, 429]
    assert guess_here("alice") == 429


def test_an_account_is_guarded_against_many_addresses_together(server: Site) -> None:
    for number in range(BY_ACCOUNT):
        guess_here("alice", f"198.51.100.{number}")
    assert guess(server, "alice") == 429
    assert guess(server, "bob") == 200


def test_a_header_is_no_other_address(server: Site) -> None:
    """Only where a proxy stands in front, and sets it, it is believed."""
    assert {guess_here("alice") for _ in range(BY_BOTH)} == {200, 429}
    for number in range(3):
        forged = f"198.51.100.{number}"
        headers = {
            "X-Forwarded-For": forged,
            "X-Real-IP": forged,
            "Forwarded": f"for={forged}",
        }
        assert guess(server, "alice", **headers) == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"127.0.0.1"}


def test_many_guesses_at_once_are_few_more_than_one_after_the_other(
    server: Site, talk: Talk, alice: User
) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: guess(server, "alice"), range(40)))
        talk()
    assert set(answers) == {200, 429}
    assert answers.count(200) < BY_BOTH + HANDS
    assert guess(server, "alice") == 429


@pytest.mark.parametrize(
    "username", ["", " ", "a" * 151, "a\x00b", "alice\x00", "\ud83d", "😀" * 75]
)
def test_what_is_no_name_breaks_nothing(server: Site, username: str) -> None:
    raw = urllib.parse.quote(username.encode("utf-8", "surrogatepass"))
    assert guess(server, "bob", **{"User-Agent": "a" * 2_000, "Accept": "b" * 3_000}) == 200
    assert guess(server, urllib.parse.unquote(raw, errors="replace")) == 200
