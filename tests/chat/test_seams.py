"""What an app may do about a message that brings something for it, and where it joins the pages."""

import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine
from django.template.base import TextNode
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from chat import actions, seams
from chat.actions.changes import Write, create_all
from chat.actions.messages import _say, _with_parts
from chat.models import Membership, Message, Room, User
from chat.templatetags.modules import feature_styles
from realtime.wire import Forbidden, Invalid, NotFound
from tests.factories import delete, edit, head, listening, person, react, say

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    with patch.dict(seams.sent_parts, clear=True):
        yield


@pytest.fixture
def shelf() -> dict[int, Message]:
    """An app that lends books: each is claimed by one message."""
    lent: dict[int, Message] = {}

    def claim(message: Message, book: int) -> None:
        if book == 13:
            raise Forbidden("Nobody may have this book.")
        lent[book] = message

    @seams.sent_part("book", claim=claim)
    def check(message: Message, book: int) -> dict[str, Any] | None:
        if book in lent:
            raise Invalid("This book is lent already.")
        return {"id": book, "to": message.author.username} if book else None

    return lent


# --- what is sent with a message -----------------------------------------------------------------


def test_an_app_says_what_is_kept_of_its_part(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    with listening() as heard:
        message = say(alice, garden, parts={"book": 7})
    message.refresh_from_db()
    assert message.parts == {"book": {"id": 7, "to": "alice"}}
    [(_, number, event)] = heard.published
    assert (number, event.parts) == (1, message.parts)


def test_an_app_claims_what_was_sent_once_the_message_is_stored(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    message = say(alice, garden, parts={"book": 7})
    assert shelf == {7: message}
    assert message.pk


def test_a_part_that_no_app_takes_is_invalid(alice: User, garden: Room) -> None:
    with pytest.raises(Invalid, match="`book`"):
        say(alice, garden, parts={"book": 7})


@pytest.mark.parametrize("body", ["", " \n"])
def test_a_message_with_a_part_needs_no_words(
    alice: User, garden: Room, shelf: dict[int, Message], body: str
) -> None:
    assert say(alice, garden, body, parts={"book": 7}).body == ""


def test_a_message_without_words_of_which_no_part_is_kept_is_invalid(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    with pytest.raises(Invalid):
        say(alice, garden, "", parts={"book": 0})


def test_of_a_message_that_an_app_refuses_nothing_stays(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    with listening() as heard, pytest.raises(Forbidden):
        say(alice, garden, parts={"book": 13})
    assert heard.nothing
    assert head(garden) == 0
    assert not Message.objects.exists()
    assert Membership.objects.get(user=alice).read == 0


def test_no_app_is_asked_about_the_message_of_an_outsider(
    garden: Room, shelf: dict[int, Message]
) -> None:
    with pytest.raises(Forbidden):
        say(person("eve"), garden, parts={"book": 7})
    assert not shelf


def test_sent_again_with_its_parts_it_is_the_same_message(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    client_id = uuid4()
    first = say(alice, garden, client_id=client_id, parts={"book": 7})
    assert say(alice, garden, client_id=client_id, parts={"book": 7}) == first
    assert say(alice, garden, client_id=client_id, parts={"book": 8}) == first
    assert head(garden) == 1


@pytest.mark.django_db(transaction=True)
def test_of_those_who_speak_at_once_one_gets_what_several_want(
    alice: User, bob: User, garden: Room, shelf: dict[int, Message]
) -> None:
    def write(user: User, book: int) -> Write:
        say = partial(_say, user, garden.pk, uuid4(), "Mine", "<p>Mine</p>", None)
        return partial(_with_parts, {"book": book}, say) if book else say

    wanted = [write(alice, 0), write(bob, 7), write(alice, 7), write(bob, 13), write(alice, 8)]
    with listening() as heard:
        outcomes = create_all(garden.pk, wanted)
    assert [getattr(each, "position", type(each)) for each in outcomes] == [
        1,
        2,
        Invalid,
        Forbidden,
        3,
    ]
    assert heard.numbers == [1, 2, 3]
    assert head(garden) == garden.messages.count() == 3


def test_a_part_belongs_to_one_app(shelf: dict[int, Message]) -> None:
    with pytest.raises(ImproperlyConfigured):
        seams.sent_part("book")(lambda message, book: book)


# --- what an app adds later ----------------------------------------------------------------------


def test_what_an_app_adds_takes_the_next_number_and_is_published(
    alice: User, bob: User, garden: Room
) -> None:
    message = react(bob, say(alice, garden))
    with listening() as heard:
        actions.amend(message_id=message.pk, part="previews", value=[1])
    [(_, number, event)] = heard.published
    assert (number, event.version, event.position) == (3, 3, 1)
    assert (event.parts, len(event.reactions)) == ({"previews": [1]}, 1)


def test_to_add_something_is_no_edit(alice: User, garden: Room) -> None:
    message = actions.amend(message_id=say(alice, garden).pk, part="previews", value=[1])
    assert message.edited_at is None


def test_each_app_changes_its_own_part(alice: User, garden: Room) -> None:
    message = say(alice, garden)
    actions.amend(message_id=message.pk, part="previews", value=[1])
    actions.amend(message_id=message.pk, part="mentions", value=[2])
    actions.amend(message_id=message.pk, part="previews", value=None)
    message.refresh_from_db()
    assert message.parts == {"mentions": [2]}


@pytest.mark.parametrize(("part", "value"), [("previews", [1]), ("mentions", None)])
def test_to_add_what_is_there_already_takes_no_number(
    alice: User, garden: Room, part: str, value: list[int] | None
) -> None:
    message = say(alice, garden)
    actions.amend(message_id=message.pk, part="previews", value=[1])
    with listening() as heard:
        actions.amend(message_id=message.pk, part=part, value=value)
    assert heard.nothing
    assert head(garden) == 2


def test_nothing_is_added_to_what_was_deleted(alice: User, garden: Room) -> None:
    message = delete(alice, say(alice, garden))
    with listening() as heard:
        actions.amend(message_id=message.pk, part="previews", value=[1])
    assert heard.nothing
    message.refresh_from_db()
    assert message.parts == {}


def test_nothing_is_added_to_what_is_not_there() -> None:
    with pytest.raises(NotFound):
        actions.amend(message_id=1, part="previews", value=[1])


def test_what_alone_a_message_says_is_not_taken_away(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    message = say(alice, garden, "", parts={"book": 7})
    with pytest.raises(Invalid):
        actions.amend(message_id=message.pk, part="book", value=None)


def test_an_edit_leaves_what_apps_have_added(alice: User, garden: Room) -> None:
    message = actions.amend(message_id=say(alice, garden).pk, part="previews", value=[1])
    assert edit(alice, message).parts == {"previews": [1]}


def test_a_deletion_takes_away_what_apps_have_added(
    alice: User, garden: Room, shelf: dict[int, Message]
) -> None:
    message = say(alice, garden, "", parts={"book": 7})
    with listening() as heard:
        delete(alice, message)
    message.refresh_from_db()
    assert message.parts == {}
    [(_, _, event)] = heard.published
    assert event.parts == {}


def test_a_message_with_a_part_takes_a_savepoint_more_than_another(
    alice: User,
    garden: Room,
    shelf: dict[int, Message],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with listening(), django_assert_num_queries(2 + 3 + 2):  # begin, commit; savepoint, release
        say(alice, garden, parts={"book": 7})


# --- what a feature gives by the names of its files, and what it says of itself ------------------


@pytest.fixture
def shelf_app(tmp_path: Path) -> Iterator[None]:
    """A feature in a folder of its own, which is gone again after the test."""
    app = tmp_path / "shelf"
    files = {
        "__init__.py": "",
        "apps.py": """
            from chat.seams import Feature

            class Shelf(Feature):
                name = "shelf"
                csp = {"img-src": ["https://covers.example.org"], "media-src": ["'self'"]}
            """,
        "templates/shelf/message.tools.html": "<button>Lend {{ message.body }}</button>",
        "static/shelf/page.css": "",
    }
    for name, text in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(dedent(text))
    policy = deepcopy(settings.CONTENT_SECURITY_POLICY)
    installed = [*settings.INSTALLED_APPS, "shelf"]
    with (
        patch.object(sys, "path", [str(tmp_path), *sys.path]),
        override_settings(CONTENT_SECURITY_POLICY=policy),
        override_settings(INSTALLED_APPS=installed),
    ):
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def shown(template: str, **context: Any) -> str:
    return Engine.get_default().from_string(template).render(Context(context))


def test_a_place_shows_the_template_of_each_feature_that_has_one(shelf_app: None) -> None:
    place = '{% load places %}{% place "message.tools" %}'
    assert "<button>Lend &lt;b&gt;</button>" in shown(place, message={"body": "<b>"})


def test_a_place_that_no_feature_fills_is_a_piece_of_text() -> None:
    template = Engine.get_default().from_string('{% load places %}{% place "nowhere" %}')
    assert [type(node) for node in template.nodelist[1:]] == [TextNode]


def test_the_style_of_a_feature_is_loaded(shelf_app: None) -> None:
    feature_styles.cache_clear()
    assert "shelf/page.css" in shown("{% load modules %}{% feature_styles %}")
    feature_styles.cache_clear()


def test_what_a_feature_loads_from_elsewhere_is_in_the_policy(
    shelf_app: None, client: Client
) -> None:
    policy = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "img-src 'self' data: https://covers.example.org;" in policy
    assert "media-src 'self'" in policy
