"""Who comes into a room and who is sent out, on both consumers and every stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread

import pytest

from chat.models import Membership, Room, User
from tests.chat.fixtures import PATHS, Connect, on_every_stack, other
from tests.client import ChatClient
from tests.factories import person
from tests.plugin import cookie_of
from tests.site import Site
from tests.view import View

pytestmark = [pytest.mark.django_db(transaction=True), on_every_stack]


def test_who_is_added_gets_the_room_and_what_is_said_next(
    wire: Site, connect: Connect, alice: User, room: Room
) -> None:
    carol = person("carol")
    comer = connect(carol)
    assert comer.heard[0]["rooms"] == []
    assert wire.post(f"/rooms/{room.pk}/people/add/", cookie_of(alice), person=carol.pk) == 200
    assert comer.expect("room", id=room.pk)["name"] == "Kitchen"
    id = connect(alice).say(room.pk, "Welcome, Carol")
    comer.expect("message", client_id=id)


def test_a_room_says_nothing_before_one_was_told_of_it(
    wire: Site, connect: Connect, alice: User, room: Room
) -> None:
    carol = person("carol")
    comer = connect(carol)
    with typing_all_the_time(connect(alice), room):
        for _ in range(5):
            wire.post(f"/rooms/{room.pk}/people/add/", cookie_of(alice), person=carol.pk)
            comer.expect("room", id=room.pk)
            wire.post(f"/rooms/{room.pk}/people/{carol.pk}/remove/", cookie_of(alice))
            comer.expect("left", room=room.pk)
    view = View()
    for event in comer.heard:
        view.apply(event)
    assert view.violations == []
    assert any(event["type"] == "typing" for event in comer.heard)


@contextmanager
def typing_all_the_time(client: ChatClient, room: Room) -> Iterator[None]:
    enough = Flag()

    def type_on() -> None:
        while not enough.is_set():
            client.ask("typing", room=room.pk)

    thread = Thread(target=type_on)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_who_is_removed_hears_nothing_more(
    wire: Site, connect: Connect, alice: User, bob: User, room: Room
) -> None:
    owner, removed = connect(alice), connect(bob)
    removed.expect("message", client_id=owner.say(room.pk, "before"))
    assert wire.post(f"/rooms/{room.pk}/people/{bob.pk}/remove/", cookie_of(alice)) == 200
    after = owner.say(room.pk, "after")
    owner.expect("message", client_id=after)
    removed.expect("left", room=room.pk)
    heard = [event["body"] for event in removed.settle() if event["type"] == "message"]
    assert heard == ["before"]


def test_a_lost_hint_of_a_removal_is_made_up_for_by_the_heartbeat(
    connect: Connect, bob: User, room: Room
) -> None:
    client = connect(bob)
    Membership.objects.filter(user=bob, room=room).delete()  # nobody is told
    client.expect("left", room=room.pk)


def test_who_is_shut_out_is_signed_out_everywhere(
    connect: Connect, consumer: str, bob: User, room: Room
) -> None:
    tabs = [connect(bob), connect(bob, other(consumer))]
    bob.is_active = False
    bob.save()
    for tab in tabs:
        assert tab.expect_close() == 4401


def test_the_session_that_ends_closes_its_socket(wire: Site, connect: Connect, bob: User) -> None:
    cookie = cookie_of(bob)
    with ChatClient(wire.url, PATHS["async"], cookie) as client:
        client.expect("welcome")
        assert wire.post("/accounts/logout/", cookie) == 200
        assert client.expect_close() == 4401
