"""Who is invited, or says so, learns nothing about who is here and which links there were."""

import re
from datetime import timedelta

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import actions
from chat.forms import offers
from chat.models import Invitation, User
from tests.factories import person, room

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def invitation(alice: User) -> Invitation:
    return actions.invite(user=alice, room_id=room(alice).pk)


def ask(invitation: Invitation, username: str, offer: str) -> tuple[int, str, int]:
    """Signs up under a name. Gives status, page and queries, without what is random in them."""
    account = {"display_name": "Eve", "password": PASSWORD, "username": username, "offer": offer}
    with CaptureQueriesContext(connection) as queries:
        answer = Client().post(invitation.get_absolute_url(), account)
    page = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return answer.status_code, page.replace(username, ""), len(queries)


def test_a_name_of_ones_own_choice_is_refused_whether_it_is_taken_or_not(
    invitation: Invitation,
) -> None:
    taken, free = ask(invitation, "alice", ""), ask(invitation, "nobody", "")
    assert taken == free
    assert taken[0] == 200 and "Take the name that is offered." in taken[1]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "seal",
    [
        lambda name: name,
        lambda name: f"{name}:",
        lambda name: f"{name}:{'a' * 43}",
        lambda name: Signer().sign(name),
        lambda name: Signer(key="of somebody else", salt=offers.salt).sign(name),
        lambda name: offers.sign("calm-otter-1234").replace("calm-otter-1234", name),
        lambda name: f"{name}:{offers.sign('calm-otter-1234')}",
    ],
)
def test_an_offer_that_was_not_made_is_refused_in_the_same_way(
    invitation: Invitation, seal: object
) -> None:
    assert callable(seal)
    answers = [ask(invitation, name, seal(name)) for name in ("alice", "nobody")]
    assert [(status, queries) for status, _, queries in answers] == [answers[0][::2]] * 2
    assert User.objects.count() == 1


def test_a_refused_page_makes_no_offer_of_the_name_that_was_asked_for(
    invitation: Invitation,
) -> None:
    page = ask(invitation, "alice", "")[1]
    assert offers.sign("alice") not in page
    assert 'name="offer" value=""' in page


def test_the_name_one_gets_is_the_one_that_was_offered_whatever_else_is_sent(
    invitation: Invitation,
) -> None:
    ask(invitation, "alice", offers.sign("calm-otter-1234"))
    assert User.objects.filter(username="calm-otter-1234").exists()


def test_offers_say_nothing_about_the_names_that_people_chose(
    invitation: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is here, offers are made of the same words; only a taken offer is not made again."""
    monkeypatch.setattr("chat.forms.NUMBERS", [7])
    seen = set()
    for _ in range(30):
        seen.add(Client().get(invitation.get_absolute_url()).context["form"].initial["username"])
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-7", name) for name in seen)
    assert len(seen) > 10


def unknown(invitation: Invitation) -> None:
    invitation.token = "a" * 32


def expired(invitation: Invitation) -> None:
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))


def taken_back(invitation: Invitation) -> None:
    Invitation.objects.all().delete()


def of_who_was_shut_out(invitation: Invitation) -> None:
    User.objects.filter(pk=invitation.created_by_id).update(is_active=False)


def of_who_left(invitation: Invitation) -> None:
    room = invitation.room
    actions.add_member(user=invitation.created_by, room_id=room.pk, member_id=person("dora").pk)
    actions.leave_room(user=invitation.created_by, room_id=room.pk)


ENDS = [unknown, expired, taken_back, of_who_was_shut_out, of_who_left]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("known", [False, True])
def test_a_link_that_leads_nowhere_does_not_say_whether_it_ever_led_somewhere(
    alice: User, bob: User, method: str, known: bool
) -> None:
    answers = set()
    client = Client()
    if known:
        client.force_login(bob)
    for end in ENDS:
        User.objects.filter(pk=alice.pk).update(is_active=True)
        invitation = actions.invite(user=alice, room_id=room(alice).pk)
        end(invitation)
        with CaptureQueriesContext(connection) as queries:
            answer = getattr(client, method)(invitation.get_absolute_url(), {})
        answers.add((answer.status_code, answer.content, len(queries)))
    [(status, page, _)] = answers
    assert status == 404
    assert b"This invitation has ended" in page
