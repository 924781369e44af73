"""`manage.py demo`: an empty site gets people and talk, and load tests get a crowd."""

import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from chat.models import Membership, Message, Reaction, Room, User
from tests.factories import person, room

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def debug(settings: Settings) -> None:
    settings.DEBUG = True


def demo(*options: str) -> None:
    call_command("demo", *options, stdout=StringIO())


def first_room() -> Room:
    return Room.objects.order_by("pk")[0]


# --- the site it makes ---------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["alice", "bob", "carol"])
def test_everybody_logs_in_with_the_password_demo(username: str) -> None:
    demo()
    assert Client().login(username=username, password="demo")


def test_one_of_them_owns_the_site_and_may_use_the_admin() -> None:
    demo()
    owner = User.objects.get(is_owner=True)
    assert owner.username == "alice"
    assert owner.is_staff and owner.is_superuser


def test_there_are_rooms_of_every_kind() -> None:
    demo()
    assert set(Room.objects.values_list("kind", flat=True)) == {"open", "closed", "direct"}


def test_there_is_one_of_everything_that_can_be_seen() -> None:
    demo()
    assert Message.objects.filter(reply_to__isnull=False).exists()
    assert Message.objects.filter(edited_at__isnull=False).exists()
    assert Message.objects.filter(deleted_at__isnull=False).exists()
    assert Reaction.objects.exists()


def test_the_numbers_of_every_room_add_up() -> None:
    demo("--messages", "30")
    for each in Room.objects.all():
        versions = each.messages.values_list("version", flat=True)
        assert max(versions) == each.head


# --- where it may --------------------------------------------------------------------------------


def test_a_site_with_people_is_left_as_it_is() -> None:
    room(person("dave"))
    demo()
    assert User.objects.get().username == "dave"
    assert not Message.objects.exists()


def test_run_again_it_adds_nothing() -> None:
    demo()
    before = Message.objects.count()
    demo()
    assert (User.objects.count(), Message.objects.count()) == (3, before)


def test_a_site_with_people_and_no_room_is_refused() -> None:
    person("dave")
    with pytest.raises(CommandError):
        demo("--messages", "1")


def test_without_debug_it_is_refused(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError):
        demo()
    assert not User.objects.exists()


def test_without_debug_it_can_be_forced(settings: Settings) -> None:
    settings.DEBUG = False
    demo("--force")
    assert User.objects.count() == 3


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("option", ["--users=5", "--cookies=cookies.txt"])
def test_without_debug_nobody_gets_a_crowd_or_its_sessions(
    option: str,
    force: list[str],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DEBUG = False
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError):
        demo(option, *force)
    assert not User.objects.exists()
    assert not list(tmp_path.iterdir())


# --- for load tests ------------------------------------------------------------------------------


def test_a_long_history_has_every_number_once() -> None:
    demo()
    before = first_room().head
    demo("--messages", "1100")
    here = first_room()
    assert here.head == before + 1100
    newest = here.messages.filter(position__gt=before).order_by("position")
    everything = list(range(before + 1, here.head + 1))
    assert list(newest.values_list("position", flat=True)) == everything
    assert list(newest.values_list("version", flat=True)) == everything


def test_a_long_history_was_read_by_everybody() -> None:
    demo("--messages", "10")
    here = first_room()
    assert set(here.memberships.values_list("read", flat=True)) == {here.head}


def test_a_crowd_joins_the_first_room_only() -> None:
    demo("--users", "7")
    crowd = Membership.objects.filter(user__username__startswith="guest-")
    assert crowd.count() == 7
    assert set(crowd.values_list("room", flat=True)) == {first_room().pk}


def test_a_larger_crowd_adds_only_who_is_missing() -> None:
    demo("--users", "3")
    demo("--users", "5")
    assert User.objects.filter(username__startswith="guest-").count() == 5
    assert first_room().members.count() == 3 + 5


def test_everybody_in_the_crowd_may_log_in() -> None:
    demo("--users", "2")
    assert Client().login(username="guest-2", password="demo")


def test_each_line_of_cookies_is_somebody_logged_in(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    demo("--users", "4", "--cookies", str(path))
    lines = path.read_text().splitlines()
    assert len(set(lines)) == 3 + 4
    for line, user in zip(lines, User.objects.order_by("pk"), strict=True):
        name, _, cookie = line.partition(": ")
        assert name == "Cookie"
        response = Client(headers={"Cookie": cookie}).get(f"/rooms/{first_room().pk}/")
        assert response.status_code == 200
        assert response.wsgi_request.user == user


def test_nobody_else_reads_the_cookies(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    demo("--cookies", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
