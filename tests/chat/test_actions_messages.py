"""What may be said, by whom, and which number it takes."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from emoji import EMOJI_DATA
from pytest_django import DjangoAssertNumQueries

from chat import actions, limits, protocol, queries
from chat.actions.changes import create_all
from chat.actions.messages import MAX_EMOJI, _say
from chat.models import Membership, Message, Reaction, Room, User
from chat.protocol import MAX_BODY
from realtime import rate_limit
from realtime.wire import Forbidden, Invalid, NotFound, RateLimited, TooLarge
from tests.factories import (
    EMOJI,
    Interrupted,
    at_once,
    delete,
    direct,
    edit,
    head,
    listening,
    moderator,
    person,
    react,
    room,
    say,
)

pytestmark = pytest.mark.django_db


def read(user: User, room: Room, position: int) -> int:
    return actions.mark_read(user=user, room_id=room.pk, position=position)


def read_by(user: User, room: Room) -> int:
    return Membership.objects.get(user=user, room=room).read


# --- who may -------------------------------------------------------------------------------------

IN_A_ROOM: dict[str, Callable[[User, Message], object]] = {
    "send": lambda user, message: say(user, message.room),
    "edit": edit,
    "delete": delete,
    "react": react,
    "read": lambda user, message: read(user, message.room, 1),
    "type": lambda user, message: actions.typing(user=user, room_id=message.room_id),
}


def is_removed(member: User, room: Room) -> None:
    owner = room.memberships.get(role=Membership.Role.OWNER).user
    actions.remove_member(user=owner, room_id=room.pk, member_id=member.pk)


def is_shut_out(member: User, room: Room) -> None:
    User.objects.filter(pk=member.pk).update(is_active=False)


def was_never_there(member: User, room: Room) -> None:
    member.pk = person("eve").pk


@pytest.mark.parametrize("happens", [is_removed, is_shut_out, was_never_there])
@pytest.mark.parametrize("attempt", IN_A_ROOM.values(), ids=IN_A_ROOM)
def test_who_is_not_in_a_room_does_nothing_there_and_nobody_is_told(
    attempt: Callable[[User, Message], object],
    happens: Callable[[User, Room], None],
    bob: User,
    garden: Room,
) -> None:
    message = say(bob, garden)
    happens(bob, garden)
    with listening() as heard, pytest.raises(Forbidden):
        attempt(bob, message)
    assert heard.nothing
    assert head(garden) == 1


@pytest.mark.parametrize("change", [edit, react])
def test_a_deleted_message_is_changed_no_more(
    change: Callable[[User, Message], Message], alice: User, garden: Room
) -> None:
    message = delete(alice, say(alice, garden))
    with pytest.raises(Invalid):
        change(alice, message)


# --- send ----------------------------------------------------------------------------------------


def test_a_message_takes_the_next_number_of_its_room(alice: User, garden: Room) -> None:
    said = [say(alice, garden) for _ in range(3)]
    assert [(m.position, m.version) for m in said] == [(1, 1), (2, 2), (3, 3)]
    assert head(garden) == 3


def test_each_room_counts_for_itself(alice: User, garden: Room) -> None:
    say(alice, garden)
    assert say(alice, room(alice)).position == 1


def test_a_message_is_published_to_its_room(alice: User, garden: Room) -> None:
    with listening() as heard:
        message = say(alice, garden, "**Hello**")
    [(room_id, number, event)] = heard.published
    assert (room_id, number) == (garden.pk, 1)
    assert (event.id, event.body) == (message.pk, "**Hello**")
    assert event.html == "<p><strong>Hello</strong></p>"


def test_space_around_a_message_is_not_kept(alice: User, garden: Room) -> None:
    assert say(alice, garden, "\n  Hello \n").body == "Hello"


@pytest.mark.parametrize("body", ["", " ", "\n\t\n", "\u2003"])
def test_a_message_without_words_is_invalid(alice: User, garden: Room, body: str) -> None:
    with pytest.raises(Invalid):
        say(alice, garden, body)


def test_a_message_of_the_greatest_length_is_said(alice: User, garden: Room) -> None:
    assert len(say(alice, garden, "ä" * MAX_BODY).body) == MAX_BODY


def test_a_longer_message_is_too_large(alice: User, garden: Room) -> None:
    with pytest.raises(TooLarge):
        say(alice, garden, "x" * (MAX_BODY + 1))


def test_nothing_is_said_in_a_room_that_does_not_exist(alice: User, garden: Room) -> None:
    garden.pk += 1
    with pytest.raises(NotFound):
        say(alice, garden)


def test_who_writes_too_much_is_held_back(
    alice: User, bob: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "writes", rate_limit.TokenBuckets(per_minute=2))
    say(alice, garden)
    say(alice, garden)
    with pytest.raises(RateLimited):
        say(alice, garden)
    assert say(bob, garden).position == 3


def test_sending_takes_three_queries_in_one_transaction(
    alice: User, garden: Room, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with listening(), django_assert_num_queries(2 + 3):  # begin, commit
        say(alice, garden)


def test_of_those_who_speak_at_once_who_is_refused_takes_no_number(
    alice: User, bob: User, garden: Room
) -> None:
    people = [alice, person("outsider"), bob, person("stranger"), alice]
    writes = [
        partial(_say, user, garden.pk, uuid4(), "Hello", "<p>Hello</p>", None) for user in people
    ]
    with listening() as heard:
        outcomes = create_all(garden.pk, writes)
    assert [getattr(each, "position", type(each)) for each in outcomes] == [
        1,
        Forbidden,
        2,
        Forbidden,
        3,
    ]
    assert heard.numbers == [1, 2, 3]
    assert head(garden) == 3
    assert (read_by(alice, garden), read_by(bob, garden)) == (3, 2)


# --- once, for ever ------------------------------------------------------------------------------


def test_sent_again_it_is_the_same_message(alice: User, garden: Room) -> None:
    client_id = uuid4()
    first = say(alice, garden, "Hello", client_id)
    again = say(alice, garden, "Something else", client_id)
    assert again == first
    assert again.body == "Hello"


def test_a_message_sent_again_takes_no_number_and_is_told_to_nobody(
    alice: User, garden: Room
) -> None:
    client_id = uuid4()
    say(alice, garden, client_id=client_id)
    with listening() as heard:
        say(alice, garden, client_id=client_id)
    assert heard.nothing
    assert head(garden) == 1


def test_sent_again_into_another_room_it_stays_where_it_was_said(alice: User, garden: Room) -> None:
    client_id, elsewhere = uuid4(), room(alice)
    say(alice, garden, client_id=client_id)
    assert say(alice, elsewhere, client_id=client_id).room == garden
    assert head(elsewhere) == 0


def test_sent_again_after_its_deletion_it_stays_deleted(alice: User, garden: Room) -> None:
    client_id = uuid4()
    delete(alice, say(alice, garden, client_id=client_id))
    assert say(alice, garden, client_id=client_id).deleted_at


def test_the_same_client_id_of_another_author_is_another_message(
    alice: User, bob: User, garden: Room
) -> None:
    client_id = uuid4()
    hers, his = say(alice, garden, client_id=client_id), say(bob, garden, client_id=client_id)
    assert hers != his
    assert (hers.position, his.position) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_sent_many_times_at_once_it_is_one_message(alice: User, garden: Room) -> None:
    send = partial(say, alice, garden, client_id=uuid4())
    with listening() as heard:
        messages = at_once(*[send] * 8)
    assert messages == [Message.objects.get()] * 8
    assert heard.numbers == [head(garden)] == [1]


@pytest.mark.parametrize("fields", [{"body": " "}, {"body": "x" * 10_001}, {"reply_to": 2**62}])
def test_what_was_said_is_given_again_whatever_the_repetition_holds(
    alice: User, garden: Room, fields: dict[str, Any]
) -> None:
    said = say(alice, garden)
    assert say(alice, garden, client_id=said.client_id, **fields) == said


def test_what_was_said_is_given_again_to_who_has_left(bob: User, garden: Room) -> None:
    said = say(bob, garden)
    actions.leave_room(user=bob, room_id=garden.pk)
    assert say(bob, garden, client_id=said.client_id) == said
    with pytest.raises(Forbidden):
        say(bob, garden)


# --- answer --------------------------------------------------------------------------------------


def test_an_answer_names_what_it_answers(alice: User, bob: User, garden: Room) -> None:
    question = say(alice, garden)
    assert say(bob, garden, reply_to=question.pk).reply_to == question


def test_an_answer_to_another_room_is_not_found(alice: User, garden: Room) -> None:
    elsewhere = say(alice, room(alice))
    with pytest.raises(NotFound):
        say(alice, garden, reply_to=elsewhere.pk)


def test_an_answer_to_nothing_is_not_found_and_reads_nothing(alice: User, garden: Room) -> None:
    with pytest.raises(NotFound):
        say(alice, garden, reply_to=2**63 - 1)
    assert read_by(alice, garden) == 0


def test_an_outsider_does_not_learn_what_can_be_answered(bob: User, garden: Room) -> None:
    actions.leave_room(user=bob, room_id=garden.pk)
    with pytest.raises(Forbidden):
        say(bob, garden, reply_to=2**63 - 1)


# --- edit ----------------------------------------------------------------------------------------


def test_an_edit_takes_the_next_number_and_keeps_the_place(alice: User, garden: Room) -> None:
    first = say(alice, garden)
    say(alice, garden)
    edited = edit(alice, first)
    assert (edited.position, edited.version) == (1, 3)
    assert head(garden) == 3


def test_an_edit_is_published_as_the_message_is_now(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    with listening() as heard:
        edit(alice, message, " *Hello* ")
    [(_, number, event)] = heard.published
    assert (number, event.version, event.edited) == (2, 2, True)
    assert (event.body, event.html) == ("*Hello*", "<p><em>Hello</em></p>")


def test_nobody_edits_what_another_said(alice: User, bob: User, garden: Room) -> None:
    message = say(bob, garden)
    with pytest.raises(Forbidden):
        edit(alice, message)


def test_a_message_that_is_not_there_is_not_found(alice: User) -> None:
    for attempt in (edit, delete, react):
        with pytest.raises(NotFound):
            attempt(alice, Message(pk=1))


def test_an_edit_says_something(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    with pytest.raises(Invalid):
        edit(alice, message, " ")


def test_an_edit_is_not_longer_than_a_message(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    with pytest.raises(TooLarge):
        edit(alice, message, "x" * (MAX_BODY + 1))


def test_a_refused_edit_changes_nothing_and_is_told_to_nobody(
    alice: User, bob: User, garden: Room
) -> None:
    message = say(bob, garden)
    with listening() as heard, pytest.raises(Forbidden):
        edit(alice, message)
    assert heard.nothing
    assert head(garden) == 1
    assert Message.objects.get().body == "Hello"


# --- delete --------------------------------------------------------------------------------------


def test_a_tombstone_has_neither_content_nor_reactions(
    alice: User, bob: User, garden: Room
) -> None:
    message = say(alice, garden)
    react(bob, message)
    delete(alice, message)
    message.refresh_from_db()
    assert message.deleted_at
    assert (message.body, message.html) == ("", "")
    assert not message.reactions.exists()


def test_a_deletion_takes_the_next_number_and_keeps_the_place(alice: User, garden: Room) -> None:
    first = say(alice, garden)
    say(alice, garden)
    deleted = delete(alice, first)
    assert (deleted.position, deleted.version) == (1, 3)


def test_a_deletion_is_published_without_content(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    react(bob, message)
    with listening() as heard:
        delete(alice, message)
    [(_, number, event)] = heard.published
    assert (number, event.deleted) == (3, True)
    assert (event.body, event.html, event.reactions) == ("", "", [])


def test_deleted_again_it_takes_no_number_and_is_told_to_nobody(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    delete(alice, message)
    with listening() as heard:
        delete(alice, message)
    assert heard.nothing
    assert head(garden) == 2


def test_a_member_may_not_delete_what_another_said(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    with pytest.raises(Forbidden):
        delete(bob, message)


def test_the_owner_may_delete_what_another_said(alice: User, bob: User, garden: Room) -> None:
    assert delete(alice, say(bob, garden)).deleted_at


def test_a_moderator_may_delete_what_the_owner_said(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    assert delete(moderator(garden, bob), message).deleted_at


def test_a_moderator_of_another_room_may_not_delete(alice: User, garden: Room) -> None:
    eve = person("eve")
    room(eve)
    message = say(alice, garden)
    with pytest.raises(Forbidden):
        delete(eve, message)


def test_in_a_direct_room_nobody_deletes_what_the_other_said(alice: User, bob: User) -> None:
    message = say(alice, direct(alice, bob))
    with pytest.raises(Forbidden):
        delete(bob, message)


@pytest.mark.django_db(transaction=True)
def test_what_is_edited_and_deleted_at_once_stays_deleted(
    alice: User, bob: User, garden: Room
) -> None:
    messages = [say(bob, garden) for _ in range(8)]
    edits = [partial(edit, bob, message) for message in messages]
    deletions = [partial(delete, alice, message) for message in messages]
    with listening():
        at_once(*edits, *deletions)
    assert garden.messages.filter(deleted_at__isnull=False, body="").count() == len(messages)


# --- react ---------------------------------------------------------------------------------------


def test_a_reaction_takes_the_next_number(alice: User, bob: User, garden: Room) -> None:
    message = react(bob, say(alice, garden))
    assert (message.position, message.version) == (1, 2)


def test_a_reaction_is_published_with_the_message(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    with listening() as heard:
        react(bob, message)
        react(alice, message)
        react(alice, message, "🔥")
    *_, (_, number, event) = heard.published
    assert number == 4
    assert event.reactions == [
        protocol.Reaction(emoji="🎉", users=[bob.pk, alice.pk]),
        protocol.Reaction(emoji="🔥", users=[alice.pk]),
    ]


@pytest.mark.parametrize("on", [True, False])
def test_reacting_as_one_has_already_takes_no_number_and_is_told_to_nobody(
    on: bool, bob: User, garden: Room
) -> None:
    message = say(bob, garden)
    react(bob, message, on=True)
    react(bob, message, on=on)
    before = head(garden)
    with listening() as heard:
        react(bob, message, on=on)
    assert heard.nothing
    assert head(garden) == before


def test_taking_a_reaction_away_takes_the_next_number(bob: User, garden: Room) -> None:
    message = say(bob, garden)
    react(bob, message)
    with listening() as heard:
        react(bob, message, on=False)
    [(_, number, event)] = heard.published
    assert (number, event.reactions) == (3, [])


def test_one_takes_away_only_what_one_put_there(alice: User, bob: User, garden: Room) -> None:
    message = say(alice, garden)
    react(bob, message)
    react(alice, message, on=False)
    assert message.reactions.get().user == bob


def test_a_reaction_is_not_an_edit(alice: User, bob: User, garden: Room) -> None:
    assert react(bob, say(alice, garden)).edited_at is None


@pytest.mark.parametrize("emoji", ["❤️", "👍🏽", "👨‍👩‍👧", "🇦🇶", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"])
def test_an_emoji_may_be_made_of_several_characters(emoji: str, alice: User, garden: Room) -> None:
    react(alice, say(alice, garden), emoji)
    assert garden.messages.get().reactions.get().emoji == emoji


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


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("emoji", NO_EMOJI.values(), ids=NO_EMOJI)
def test_what_is_no_emoji_is_invalid(emoji: str, on: bool, alice: User, garden: Room) -> None:
    message = say(alice, garden)
    with pytest.raises(Invalid):
        react(alice, message, emoji, on)


def test_the_longest_emoji_there_is_fits(alice: User, garden: Room) -> None:
    longest = max(EMOJI_DATA, key=len)
    assert react(alice, say(alice, garden), longest).reactions.get().emoji == longest
    assert len(longest) <= Reaction._meta.get_field("emoji").max_length  # type: ignore[operator]


def test_a_message_takes_so_many_emoji_and_no_more(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    for emoji in EMOJI[:MAX_EMOJI]:
        react(alice, message, emoji)
    with pytest.raises(Invalid):
        react(alice, message, EMOJI[MAX_EMOJI])
    assert message.reactions.count() == MAX_EMOJI


def test_an_emoji_that_is_there_already_is_never_too_many(
    alice: User, bob: User, garden: Room
) -> None:
    message = say(alice, garden)
    for emoji in EMOJI[:MAX_EMOJI]:
        react(alice, message, emoji)
    react(bob, message, EMOJI[0])
    assert message.reactions.count() == MAX_EMOJI + 1


@pytest.mark.django_db(transaction=True)
def test_reacting_in_many_pages_at_once_takes_one_number(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    with listening() as heard:
        at_once(*[partial(react, alice, message)] * 8)
    assert heard.numbers == [2]
    assert message.reactions.count() == 1


# --- read ----------------------------------------------------------------------------------------


def test_reading_moves_forward(alice: User, bob: User, garden: Room) -> None:
    for _ in range(3):
        say(alice, garden)
    assert read(bob, garden, 2) == 2
    assert read_by(bob, garden) == 2


def test_reading_never_moves_back(alice: User, bob: User, garden: Room) -> None:
    for _ in range(3):
        say(alice, garden)
    read(bob, garden, 3)
    assert read(bob, garden, 1) == 3
    assert read_by(bob, garden) == 3


def test_reading_never_goes_beyond_what_was_said(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    assert read(bob, garden, 2**63 - 1) == 1
    assert read_by(bob, garden) == 1


def test_reading_tells_the_other_pages_of_the_reader_and_nobody_else(
    alice: User, bob: User, garden: Room
) -> None:
    say(alice, garden)
    with listening() as heard:
        read(bob, garden, 1)
    assert heard.woken == [(bob.pk, {"type": "user.read", "room": garden.pk, "position": 1})]
    assert not heard.published


def test_reading_what_was_read_is_told_to_nobody(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    read(bob, garden, 1)
    with listening() as heard:
        read(bob, garden, 1)
    assert heard.nothing


def test_who_answers_has_read_what_came_before(alice: User, bob: User, garden: Room) -> None:
    say(alice, garden)
    say(bob, garden)
    assert read_by(bob, garden) == 2


def test_a_page_that_looked_before_another_read_on_moves_nothing_back(
    alice: User, bob: User, garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        say(alice, garden)
    stale = queries.membership(bob, garden.pk)
    read(bob, garden, 3)
    monkeypatch.setattr(queries, "membership", lambda *_: stale)
    read(bob, garden, 2)
    assert read_by(bob, garden) == 3


# --- type ----------------------------------------------------------------------------------------


def test_typing_is_passed_on_to_the_room(bob: User, garden: Room) -> None:
    with listening() as heard:
        actions.typing(user=bob, room_id=garden.pk)
    [(room_id, event)] = heard.passed_on
    assert room_id == garden.pk
    assert isinstance(event, protocol.TypingNow) and event.user.id == bob.pk


# --- all or nothing ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_nothing_is_published_before_the_commit(alice: User, garden: Room) -> None:
    with listening() as heard:
        with transaction.atomic():
            say(alice, garden)
            assert heard.nothing
        assert heard.numbers == [1]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_published_to_nobody_and_takes_no_number(
    alice: User, bob: User, garden: Room
) -> None:
    message = say(alice, garden)
    with listening() as heard, pytest.raises(Interrupted), transaction.atomic():
        say(alice, garden)
        edit(alice, message)
        react(bob, message)
        delete(alice, message)
        read(bob, garden, 1)
        raise Interrupted
    assert heard.nothing
    assert head(garden) == 1
    assert Message.objects.get().body == "Hello"
