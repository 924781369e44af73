"""A room that is opened at an old message: it goes on from there in both directions."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.person import Person, positions
from tests.e2e.wire import Wire
from tests.site import Site

People = Callable[..., Person]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

AT = 120
IN_SIGHT = "element => Math.round(element.getBoundingClientRect().top)"


@pytest.fixture(autouse=True)
def long_talk(site: Site) -> None:
    site.manage("demo", "--messages", "300")


@pytest.fixture
def alice(people: People) -> Person:
    alice = people("alice")
    alice.open("General")
    return alice


@pytest.fixture
def bob(people: People) -> Person:
    """Bob, who follows a link to an old message."""
    bob = people("bob")
    open_at(bob, AT)
    return bob


def open_at(person: Person, position: int) -> None:
    link = person.page.locator("#sidebar [data-room] a", has_text="General").first
    person.page.goto(f"{link.get_attribute('href')}?at={position}")
    person.is_connected()


def at(person: Person, position: int) -> Locator:
    return person.page.locator(f"#timeline > [data-position='{position}']")


def has_no_gap(person: Person) -> None:
    shown = positions(person)
    assert shown == list(range(shown[0], shown[-1] + 1))


def last(person: Person) -> Locator:
    return person.messages.last


def goes_down(person: Person) -> None:
    """Scrolls down, page after page, until nothing more is to be loaded."""
    while person.page.locator("#newer").is_visible():
        count = person.messages.count()
        anchor = at(person, positions(person)[-1])
        anchor.scroll_into_view_if_needed()
        top = anchor.evaluate(IN_SIGHT)
        expect(person.messages.nth(count)).to_be_attached()
        assert abs(anchor.evaluate(IN_SIGHT) - top) <= 2, "the view jumped"


def goes_up(person: Person) -> None:
    while person.page.locator("#beginning").is_hidden():
        count = person.messages.count()
        at(person, positions(person)[0]).scroll_into_view_if_needed()
        expect(person.messages.nth(count)).to_be_attached()


def is_marked(person: Person, position: int) -> None:
    message = at(person, position)
    expect(message).to_have_attribute("aria-current", "true")
    expect(message).to_be_in_viewport(ratio=1)
    expect(message).to_be_focused()


def test_a_room_opens_at_a_message_and_marks_it(bob: Person) -> None:
    is_marked(bob, AT)
    expect(bob.page.locator("#timeline [aria-current]")).to_have_count(1)
    expect(bob.newest_button).to_have_text("Newest")


def test_it_goes_on_in_both_directions_without_a_gap(alice: Person, bob: Person) -> None:
    goes_down(bob)
    goes_up(bob)
    shown = positions(bob)
    assert shown == sorted(set(shown))
    goes_up(alice)
    assert shown == positions(alice)


def test_what_is_said_meanwhile_waits_until_the_page_reaches_it(alice: Person, bob: Person) -> None:
    alice.say("Down here")
    expect(bob.newest_button).to_have_text("1 new")
    expect(bob.unread("General")).to_have_text("1 unread")
    expect(bob.message("Down here")).to_have_count(0)
    is_marked(bob, AT)
    goes_down(bob)
    expect(last(bob)).to_have_attribute("data-body", "Down here")
    has_no_gap(bob)
    last(bob).scroll_into_view_if_needed()
    expect(bob.unread("General")).to_be_hidden()
    alice.say("As ever")
    expect(bob.sees("As ever")).to_be_in_viewport()
    expect(bob.unread("General")).to_be_hidden()


def test_what_is_said_while_the_last_page_is_on_its_way_is_not_lost(
    alice: Person, people: People
) -> None:
    bob = people("bob")
    wire = Wire(bob.page)
    wire.passes = lambda event: event["type"] != "history"
    open_at(bob, positions(alice)[-1] - 40)  # the next page is the last

    last(bob).scroll_into_view_if_needed()
    while not any(
        page["messages"][-1]["position"] > AT for page in wire.histories() if not page["more"]
    ):
        bob.page.wait_for_timeout(20)
    alice.say("Meanwhile")
    expect(bob.newest_button).to_have_text("1 new")
    wire.say(*wire.histories())
    expect(last(bob)).to_have_attribute("data-body", "Meanwhile")
    has_no_gap(bob)


def test_the_end_of_a_page_below_which_something_is_missing_is_not_the_newest_read(
    alice: Person, people: People
) -> None:
    bob = people("bob")
    bob.open("Garden")
    for text in ("One", "Two", "Three"):
        alice.say(text)
    expect(bob.unread("General")).to_have_text("3 unread")
    wire = Wire(bob.page)
    wire.passes = lambda event: event["type"] != "history"
    open_at(bob, AT)
    is_marked(bob, AT)
    last(bob).scroll_into_view_if_needed()
    bob.page.mouse.wheel(0, 10_000)
    bob.page.wait_for_timeout(1_000)  # a page tells what was read within a third of that
    assert wire.of_type("read") == []
    expect(bob.newest_button).to_be_visible()
    bob.open("General")
    expect(bob.sees("One").locator(".unread-line")).to_be_visible()


def test_from_an_old_message_one_jumps_to_the_newest_and_scrolls_back_from_there(
    alice: Person, bob: Person
) -> None:
    alice.say("Down here")
    expect(bob.newest_button).to_have_text("1 new")
    bob.newest_button.click()
    expect(bob.sees("Down here")).to_be_in_viewport()
    expect(bob.newest_button).to_be_hidden()
    expect(bob.unread("General")).to_be_hidden()
    expect(bob.page).to_have_url(re.compile(r"/rooms/\d+/$"))
    goes_up(bob)
    goes_up(alice)
    assert positions(bob) == positions(alice)


def test_who_answers_an_old_message_finds_the_answer_below_the_newest(
    alice: Person, bob: Person
) -> None:
    alice.say("Just before")
    bob.does("reply", at(bob, AT))
    bob.say("So long ago")
    answer = bob.sees("So long ago")
    expect(answer).to_be_in_viewport()
    expect(answer.locator(".quote")).to_have_text("An earlier message")
    expect(bob.messages.nth(-2)).to_have_attribute("data-body", "Just before")
    alice.sees("So long ago")
    answer.locator(".quote").click()
    expect(at(bob, AT)).to_be_focused()
    has_no_gap(bob)
