"""Reactions are emoji, few under one message, and each person's once."""

import pytest
from emoji import EMOJI_DATA

from chat import actions
from chat.actions.messages import MAX_EMOJI
from chat.models import Message, Reaction, Room, User
from realtime.wire import Invalid
from tests.abuse.conftest import Connect, Talk
from tests.client import ChatClient
from tests.factories import listening, person, say

pytestmark = pytest.mark.django_db(transaction=True)

EVERY_EMOJI = list(EMOJI_DATA)

NO_EMOJI = {
    "nothing": "",
    "space": " ",
    "a letter": "a",
    "a digit, which begins an emoji": "1",
    "a name": ":thumbs_up:",
    "two": "👍👍",
    "one and a letter": "👍a",
    "one and space": "👍 ",
    "one and a line": "👍\n",
    "an invisible letter": "\u200b",
    "a joiner": "\u200d",
    "a joiner too many": "👍\u200d",
    "a hundred joiners": "👍" + "\u200d👍" * 100,
    "a variation of nothing": "\ufe0f",
    "variations without end": "❤" + "\ufe0f" * 100,
    "a skin without a hand": "a\U0001f3fd",
    "half a flag": "\U0001f1e9\U0001f1ea\U0001f1e9",
    "a flag of no country": "\U0001f1fd\U0001f1fd",
    "tags": "🏴" + "\U000e0067" * 30,
    "another direction": "\u202e👍",
    "half of a surrogate pair, as text": "\\ud83d",
    "markup": "<script>alert(1)</script>",
    "an entity": "&#128077;",
    "a thousand": "👍" * 1_000,
}


@pytest.fixture
def said(alice: User, garden: Room) -> Message:
    return say(alice, garden)


def react(client: ChatClient, message: Message, *emoji: str, on: bool = True) -> list[str]:
    """Reacts with one after the other. Gives what was answered."""
    answers = [client.ask("react", message=message.pk, emoji=each, on=on) for each in emoji]
    return [answer.get("code", "ok") for answer in answers]


@pytest.mark.parametrize("emoji", NO_EMOJI.values(), ids=NO_EMOJI)
def test_what_is_no_emoji_is_no_reaction(
    connect: Connect, bob: User, said: Message, emoji: str
) -> None:
    client = connect(bob)
    assert react(client, said, emoji) == ["invalid"]
    assert react(client, said, emoji, on=False) == ["invalid"]
    assert not Reaction.objects.exists()


def test_every_emoji_there_is_fits(alice: User, said: Message) -> None:
    longest = sorted(EVERY_EMOJI, key=len)[-1]
    with listening():
        actions.react(user=alice, message_id=said.pk, emoji=longest, on=True)
    assert Reaction.objects.get().emoji == longest
    assert len(longest) <= Reaction._meta.get_field("emoji").max_length  # type: ignore[operator]


def test_of_two_hundred_emoji_by_one_person_a_few_stay(
    connect: Connect, talk: Talk, bob: User, said: Message
) -> None:
    answers = react(connect(bob), said, *EVERY_EMOJI[:200])
    assert answers == ["ok"] * MAX_EMOJI + ["invalid"] * (200 - MAX_EMOJI)
    assert Reaction.objects.count() == MAX_EMOJI
    talk()


@pytest.mark.once
def test_of_three_hundred_emoji_a_few_stay(alice: User, said: Message) -> None:
    refused = 0
    with listening() as heard:
        for emoji in EVERY_EMOJI[:300]:
            try:
                actions.react(user=alice, message_id=said.pk, emoji=emoji, on=True)
            except Invalid:
                refused += 1
    assert refused == 300 - MAX_EMOJI
    assert len(heard.published) == Reaction.objects.count() == MAX_EMOJI


def test_many_people_together_bring_no_more_emoji_than_one(
    connect: Connect, alice: User, garden: Room, said: Message
) -> None:
    for number in range(30):
        guest = person(f"guest-{number}")
        actions.add_member(user=alice, room_id=garden.pk, member_id=guest.pk)
        client = connect(guest)
        react(client, said, *EVERY_EMOJI[number * 3 : number * 3 + 3], EVERY_EMOJI[0])
        client.close()
    used = Reaction.objects.values_list("emoji", flat=True).distinct()
    assert used.count() == MAX_EMOJI
    assert Reaction.objects.filter(emoji=EVERY_EMOJI[0]).count() == 30


def test_to_react_a_hundred_times_is_to_react_once(
    connect: Connect, bob: User, garden: Room, said: Message
) -> None:
    client = connect(bob)
    assert react(client, said, *["👍"] * 100) == ["ok"] * 100
    assert Reaction.objects.count() == 1
    garden.refresh_from_db()
    assert garden.head == said.version + 1


def test_putting_and_taking_without_end_leaves_nothing_behind(
    connect: Connect, bob: User, said: Message
) -> None:
    client = connect(bob)
    for _ in range(50):
        assert react(client, said, "👍") == react(client, said, "👍", on=False) == ["ok"]
    assert not Reaction.objects.exists()
    client.send("sync", room=said.room_id, since=0)
    [message] = client.expect("sync")["messages"]
    assert message["reactions"] == []


def test_a_deleted_message_takes_no_reaction(connect: Connect, bob: User, said: Message) -> None:
    with listening():
        actions.delete_message(user=said.author, message_id=said.pk)
    assert react(connect(bob), said, "👍") == ["invalid"]
