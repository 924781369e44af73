"""From rows to the events of the wire."""

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from chat import actions, protocol, queries, serializers
from chat.models import Message, Room, User
from tests.factories import direct, person, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    return person("bob", color=3)


def loaded(message: Message) -> Message:
    [message] = queries.for_wire(Message.objects.filter(pk=message.pk))
    return message


def test_a_person_is_shown_without_anything_private(bob: User) -> None:
    assert serializers.person(bob) == protocol.Person(
        id=bob.pk, username="bob", name="Bob", initials="B", color=3
    )


def test_a_message_says_all_there_is_to_know(bob: User, garden: Room) -> None:
    question = say(bob, garden)
    answer = loaded(say(bob, garden, "*Yes*", reply_to=question.pk))
    assert serializers.message(answer) == protocol.Message(
        room=garden.pk,
        id=answer.pk,
        client_id=answer.client_id,
        position=2,
        version=2,
        author=serializers.person(bob),
        body="*Yes*",
        html="<p><em>Yes</em></p>",
        created=answer.created_at,
        edited=False,
        deleted=False,
        reactions=[],
        reply_to=question.pk,
        parts={},
    )


def test_a_message_says_what_apps_have_added(bob: User, garden: Room) -> None:
    message = actions.amend(message_id=say(bob, garden).pk, part="previews", value=[{"title": "A"}])
    assert serializers.message(message).parts == {"previews": [{"title": "A"}]}


def test_an_edited_message_says_so(bob: User, garden: Room) -> None:
    message = actions.edit_message(user=bob, message_id=say(bob, garden).pk, body="Hi")
    assert serializers.message(message).edited


def test_a_tombstone_says_so_and_nothing_else(bob: User, garden: Room) -> None:
    message = actions.delete_message(user=bob, message_id=say(bob, garden).pk)
    event = serializers.message(message)
    assert (event.deleted, event.body, event.html, event.reactions) == (True, "", "", [])


def test_reactions_stand_in_the_order_of_the_first_of_each(
    alice: User, bob: User, garden: Room
) -> None:
    message = say(alice, garden)
    for user, emoji in [(bob, "🔥"), (alice, "🎉"), (alice, "🔥")]:
        actions.react(user=user, message_id=message.pk, emoji=emoji, on=True)
    assert serializers.reactions(loaded(message)) == [
        protocol.Reaction(emoji="🔥", users=[bob.pk, alice.pk]),
        protocol.Reaction(emoji="🎉", users=[alice.pk]),
    ]


def test_a_page_of_messages_is_read_from_what_was_loaded(
    alice: User, bob: User, garden: Room, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        message = say(alice, garden)
        actions.react(user=bob, message_id=message.pk, emoji="🔥", on=True)
    messages = queries.newest_messages(garden.pk)
    with django_assert_num_queries(0):
        assert all(serializers.message(message).reactions for message in messages)


def test_the_answer_to_a_send_names_the_message(bob: User, garden: Room) -> None:
    message = say(bob, garden)
    assert serializers.sent(message, "r1") == protocol.Sent(
        ref="r1",
        id=message.client_id,
        message=message.pk,
        room=garden.pk,
        position=1,
        version=1,
    )


def test_a_room_is_shown_as_its_reader_sees_it(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    [membership] = queries.memberships(bob)
    assert serializers.room_state(membership, bob) == protocol.RoomState(
        id=garden.pk, name="Garden", kind="open", role="member", head=1, read=0, unread=1
    )


def test_a_direct_room_is_named_after_the_others(alice: User, bob: User) -> None:
    direct(alice, bob)
    [membership] = queries.memberships(alice)
    assert serializers.room_state(membership, alice).name == "Bob"


def test_a_room_on_its_own_says_the_same_as_in_welcome(bob: User, garden: Room) -> None:
    [membership] = queries.memberships(bob)
    alone, listed = serializers.room(membership, bob), serializers.room_state(membership, bob)
    assert {name: getattr(alone, name) for name in listed.__struct_fields__} == {
        name: getattr(listed, name) for name in listed.__struct_fields__
    }


def test_welcome_says_who_one_is_and_where(alice: User, garden: Room, settings: Settings) -> None:
    settings.HEARTBEAT = 7.0
    rooms = queries.memberships(alice)
    welcome = serializers.welcome(alice, rooms, consumer="async")
    assert (welcome.consumer, welcome.heartbeat) == ("async", 7.0)
    assert welcome.user == serializers.person(alice)
    assert [listed.id for listed in welcome.rooms] == [garden.pk]
