"""Who keeps which messages, and what the pages say of them."""

import pytest
from django.test import Client
from django.urls import reverse

from chat import actions as chat_actions
from chat.models import Message, Room, User
from features.app_name import actions
from features.app_name.models import Mark
from realtime.wire import Forbidden, NotFound
from tests.factories import delete, person, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(alice: User, garden: Room) -> Message:
    return say(alice, garden, "Water the <beans>")


def keep(user: User, message: Message, on: bool = True) -> None:
    actions.mark(user=user, message_id=message.pk, on=on)


def test_to_keep_a_message_twice_keeps_it_once(bob: User, message: Message) -> None:
    keep(bob, message)
    keep(bob, message)
    assert [mark.message for mark in Mark.objects.of(bob)] == [message]
    keep(bob, message, on=False)
    assert not Mark.objects.exists()


def test_a_message_of_others_cannot_be_kept(message: Message) -> None:
    with pytest.raises(Forbidden):
        keep(person("eve"), message)


def test_what_was_deleted_cannot_be_kept(alice: User, message: Message) -> None:
    delete(alice, message)
    with pytest.raises(NotFound):
        keep(alice, message)


def test_the_page_leads_to_what_one_keeps(alice: User, as_bob: Client, message: Message) -> None:
    keep(alice, message)
    assert "beans" not in as_bob.get(reverse("app_name")).content.decode()
    asked = as_bob.post(reverse("app_name_mark", args=[message.pk]), {"on": "true"})
    assert asked.status_code == 204
    shown = as_bob.get(reverse("app_name")).content.decode()
    assert "Water the &lt;beans&gt;" in shown
    assert f'href="{reverse("room", args=[message.room_id])}?at={message.position}"' in shown


def test_what_was_deleted_is_listed_no_more(alice: User, message: Message) -> None:
    keep(alice, message)
    delete(alice, message)
    assert not Mark.objects.of(alice)


def test_of_a_room_one_has_left_nothing_is_listed(bob: User, message: Message) -> None:
    keep(bob, message)
    chat_actions.leave_room(user=bob, room_id=message.room_id)
    assert not Mark.objects.of(bob)


def test_the_page_of_a_room_has_the_button_and_asks_which_are_kept(
    as_bob: Client, bob: User, garden: Room, message: Message
) -> None:
    keep(bob, message)
    shown = as_bob.get(reverse("room", args=[garden.pk])).content.decode()
    assert shown.count('data-do="app_name"') == 2  # of the message, and of those that come later
    assert "app_name/room.js" in shown
    answer = as_bob.get(reverse("app_name_marked", args=[garden.pk]))
    assert answer.json() == {"messages": [message.pk]}
