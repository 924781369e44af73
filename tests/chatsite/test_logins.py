"""How often a log-in may fail, and how little that tells."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat.models import User
from chatsite.logins import client_address
from tests.factories import person, room

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
HOME, OFFICE = "198.51.100.7", "203.0.113.1"
BY_BOTH, BY_ACCOUNT, BY_ADDRESS = settings.LOGIN_LIMITS


@pytest.fixture(autouse=True)
def alice() -> User:
    alice = person("alice")
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def log_in(
    username: str, password: str = PASSWORD, address: str = HOME, page: str = "login"
) -> HttpResponse:
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse(page), form)  # type: ignore[return-value]


def fail(username: str, times: int, address: str = HOME, **fields: str) -> list[int]:
    return [log_in(username, "wrong", address, **fields).status_code for _ in range(times)]


def addresses(number: int) -> Iterator[str]:
    return (f"192.0.2.{last}" for last in range(1, number + 1))


def a_quarter_of_an_hour_goes_by() -> None:
    for attempt in AccessAttempt.objects.all():
        attempt.attempt_time -= timedelta(minutes=15)
        attempt.save()


# --- when it is enough ---------------------------------------------------------------------------


def test_who_mistypes_a_few_times_still_comes_in() -> None:
    assert set(fail("alice", BY_BOTH - 1)) == {200}
    assert log_in("alice").status_code == 302


def test_who_guesses_one_password_after_the_other_is_stopped() -> None:
    assert fail("alice", BY_BOTH) == [200] * (BY_BOTH - 1) + [429]
    assert log_in("alice").status_code == 429


def test_a_stranger_who_guesses_does_not_shut_out_the_person() -> None:
    fail("alice", BY_BOTH, OFFICE)
    assert log_in("alice", address=OFFICE).status_code == 429
    assert log_in("alice", address=HOME).status_code == 302


def test_an_account_that_is_guessed_at_from_everywhere_is_closed_for_a_while() -> None:
    for address in addresses(BY_ACCOUNT):
        fail("alice", 1, address)
    assert log_in("alice").status_code == 429
    bob = person("bob")
    bob.set_password(PASSWORD)
    bob.save()
    assert log_in("bob").status_code == 302


def test_an_address_from_which_many_accounts_are_tried_is_closed_for_a_while() -> None:
    for number in range(BY_ADDRESS):
        fail(f"person-{number}", 1, OFFICE)
    assert log_in("alice", address=OFFICE).status_code == 429
    assert log_in("alice", address=HOME).status_code == 302


def test_an_office_may_mistype() -> None:
    for number in range(5):
        fail(f"person-{number}", 5, OFFICE)
    assert log_in("alice", address=OFFICE).status_code == 302


def test_another_browser_at_the_same_address_is_no_way_round() -> None:
    form = {"username": "alice", "password": "wrong"}
    for number in range(BY_BOTH):
        client = Client(REMOTE_ADDR=HOME, HTTP_USER_AGENT=f"Browser {number}")
        client.post(reverse("login"), form)
    assert log_in("alice").status_code == 429


def test_an_own_account_is_no_way_to_be_forgiven() -> None:
    bob = person("bob")
    bob.set_password(PASSWORD)
    bob.save()
    fail("alice", BY_BOTH - 1)
    assert log_in("bob").status_code == 302
    assert fail("alice", 1) == [429]


def test_the_admin_is_closed_as_well() -> None:
    fail("alice", BY_BOTH, page="admin:login")
    assert log_in("alice", page="admin:login").status_code == 429
    assert log_in("alice").status_code == 429


def test_it_ends_by_itself_however_often_one_tries_meanwhile() -> None:
    fail("alice", BY_BOTH)
    assert set(fail("alice", 20)) == {429}
    a_quarter_of_an_hour_goes_by()
    assert log_in("alice").status_code == 302


def test_who_is_logged_in_stays_so(alice: User) -> None:
    client = Client(REMOTE_ADDR=HOME)
    client.force_login(alice)
    fail("alice", BY_BOTH)
    assert client.get(reverse("rooms")).status_code == 200


# --- what it tells -------------------------------------------------------------------------------


def test_the_page_is_friendly_and_names_nobody() -> None:
    fail("alice", BY_BOTH)
    fail("nobody", BY_BOTH)
    pages = [log_in(username).content for username in ("alice", "nobody")]
    assert pages[0] == pages[1]
    assert b"Wait a little" in pages[0]
    assert b"alice" not in pages[0]


def test_a_failure_is_one_quiet_line_without_what_was_typed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(settings.LOGGING["loggers"]["axes"]["level"], "axes")
    fail("hunter2", 1)
    [line] = [record for record in caplog.records if record.name.startswith("axes")]
    assert line.levelno == logging.WARNING
    assert HOME in line.getMessage()
    assert "hunter2" not in line.getMessage() and "wrong" not in line.getMessage()


def test_what_is_kept_of_a_failure_holds_no_password() -> None:
    fail("alice", 3)
    kept = AccessAttempt.objects.get()
    assert kept.failures_since_start == 3
    assert "wrong" not in kept.post_data


UNKNOWN, KNOWN, GONE, WITHOUT = "nobody", "alice", "dora", "emil"


@pytest.mark.parametrize("username", [KNOWN, GONE, WITHOUT])
def test_whoever_it_is_the_answer_and_the_work_are_those_for_nobody(
    username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, without = person(GONE, is_active=False), person(WITHOUT)
    gone.set_password("wrong")
    without.set_unusable_password()
    gone.save(), without.save()
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda hasher, password, salt: (
            hashed.append(salt),
            encode(hasher, password, salt),
        )[1],
    )

    def attempt(username: str) -> tuple[int, bytes, int, int]:
        hashed.clear()
        client = Client(REMOTE_ADDR=HOME)
        client.get(reverse("login"))  # the token of the form differs from page to page
        with CaptureQueriesContext(connection) as queries:
            page = client.post(reverse("login"), {"username": username, "password": "wrong"})
        words = page.content.replace(username.encode(), b"")
        token = page.context["csrf_token"].encode()  # type: ignore[attr-defined]
        return page.status_code, words.replace(token, b""), len(hashed), len(queries)

    nobody = attempt(UNKNOWN)
    assert attempt(username) == nobody
    assert nobody[2] == 1


# --- what it costs, and whom it counts -----------------------------------------------------------


def test_a_page_of_who_is_logged_in_asks_nothing_about_failures(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    garden = room(alice)
    client.get(garden.get_absolute_url())
    with CaptureQueriesContext(connection) as queries:
        client.get(garden.get_absolute_url())
    assert queries.captured_queries
    assert not [query for query in queries.captured_queries if "axes" in query["sql"]]


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", None),
        ("unknown", None),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(remote: str, counted: str | None) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=remote)) == counted
