"""The buttons of the lab: who may press them, and what a cut does."""

import subprocess
import sys
from collections.abc import Callable
from threading import Barrier

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection

from chat.models import User
from features.lab import actions
from features.lab.lab_socket import lab_group
from features.lab.measuring import now
from realtime.hints import channel_layer
from realtime.wire import Forbidden, Invalid
from tests.factories import at_once, staff
from tests.site import PROJECT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("action", [actions.wake, actions.cut_connections])
def test_only_who_may_see_the_lab_may_act_in_it(alice: User, action: Callable[..., object]) -> None:
    with pytest.raises(Forbidden):
        action(user=alice)


def test_staff_wake_their_own_sockets() -> None:
    olga, layer = staff("olga"), channel_layer()

    async def join(group: str) -> str:
        channel: str = await layer.new_channel()
        await layer.group_add(group, channel)
        return channel

    channel = async_to_sync(join)(lab_group(olga.pk))
    before = now()
    actions.wake(user=olga)
    event = async_to_sync(layer.receive)(channel)
    layer.forget(channel)
    assert event["type"] == "wake"
    assert before <= event["asked"] <= now()


def test_a_cut_ends_all_connections_but_the_one_that_asks() -> None:
    olga = staff("olga")
    if connection.vendor != "postgresql":
        with pytest.raises(Invalid, match="SQLite"):
            actions.cut_connections(user=olga)
        return
    opened, cut = Barrier(2), Barrier(2)

    def sit() -> str:
        query()
        opened.wait(timeout=10)
        cut.wait(timeout=10)
        with pytest.raises(OperationalError) as failed:
            query()
        return str(failed.value)

    def cut_all() -> str:
        opened.wait(timeout=10)
        number = actions.cut_connections(user=olga)
        query()
        cut.wait(timeout=10)
        return f"{number} were cut"

    try:
        said = [str(each) for each in at_once(sit, cut_all)]
    finally:
        connection.close()  # which was cut as well
    assert "terminating connection" in said[0]
    assert int(said[1].split()[0]) >= 2


@pytest.mark.parametrize("who", ["pg_dump", "manage.py migrate"])
def test_a_cut_ends_no_backup_and_no_migration(who: str) -> None:
    if connection.vendor != "postgresql":
        return
    olga = staff("olga")
    opened, cut = Barrier(2), Barrier(2)

    def back_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", [who])  # as they do
        opened.wait(timeout=10)
        cut.wait(timeout=10)
        query()

    def cut_all() -> None:
        opened.wait(timeout=10)
        actions.cut_connections(user=olga)
        cut.wait(timeout=10)

    try:
        assert at_once(back_up, cut_all) == [None, None]
    finally:
        connection.close()  # which was cut


def test_a_command_says_who_it_is() -> None:
    shows = ["shell", "-c", "import os; print(os.environ['PGAPPNAME'])"]
    command = [sys.executable, "manage.py", *shows]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "manage.py shell"


def query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
