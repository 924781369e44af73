"""Two people talk, one served by the synchronous consumer and one by the asynchronous."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Locator, expect

from tests.e2e.person import Person, is_away, is_back, positions
from tests.e2e.wire import Wire
from tests.site import Site

People = Callable[..., Person]
pytestmark = pytest.mark.browser
IN_SIGHT = """element => {
  const box = element.getBoundingClientRect();
  return Math.round(box.top - document.getElementById("scroller").getBoundingClientRect().top);
}"""


@pytest.fixture
def database(demo_database: Path) -> Path:
    return demo_database


@pytest.fixture
def alice(people: People) -> Person:
    alice = people("alice")
    alice.open("General", consumer="sync")
    return alice


@pytest.fixture
def bob(people: People) -> Person:
    bob = people("bob")
    bob.open("General", consumer="async")
    return bob


# --- talking -------------------------------------------------------------------------------------


@pytest.mark.promise
def test_what_one_says_the_other_sees_at_once(alice: Person, bob: Person) -> None:
    alice.say("Hello **Bob**")
    expect(bob.sees("Hello Bob").locator("strong").last).to_have_text("Bob")
    bob.say("Hello Alice")
    alice.sees("Hello Alice")
    expect(alice.page.locator("[data-pending]")).to_have_count(0)


def test_who_is_typing_is_shown_until_they_have_said_it(alice: Person, bob: Person) -> None:
    bob.field.press_sequentially("Hm")
    expect(alice.page.locator("#typing")).to_have_text("Bob Brandt is typing…")
    bob.field.press("Enter")
    expect(alice.page.locator("#typing")).to_be_empty()


def test_who_is_here_is_counted_and_marked(alice: Person, bob: Person) -> None:
    expect(alice.page.locator("[data-online]")).to_have_text("2 online")
    alice.page.click(".people-button")
    expect(alice.page.locator("li[data-here]")).to_have_count(2)


def test_an_edit_reaches_the_other_and_is_marked(alice: Person, bob: Person) -> None:
    alice.say("At noon")
    alice.does("edit", alice.sees("At noon"))
    expect(alice.field).to_have_value("At noon")
    alice.say("At one")
    expect(bob.sees("At one").locator(".edited")).to_be_visible()
    expect(bob.message("At noon")).to_have_count(0)
    expect(alice.field).to_have_value("")


def test_a_deleted_message_leaves_a_tombstone(alice: Person, bob: Person) -> None:
    bob.say("Regrets")
    message = bob.sees("Regrets")
    position = message.get_attribute("data-position")
    bob.does("delete", message)
    bob.page.get_by_role("button", name="Keep it").click()
    bob.sees("Regrets")
    bob.deletes(message)
    tombstone = alice.page.locator(f"[data-position='{position}']")
    expect(tombstone.locator(".tombstone")).to_be_visible()
    expect(alice.message("Regrets")).to_have_count(0)


def test_only_a_moderator_is_offered_to_delete_what_others_say(alice: Person, bob: Person) -> None:
    alice.say("From the owner")
    bob.say("From a member")
    of_others = bob.sees("From the owner")
    of_others.hover()
    expect(of_others.locator("[data-do=reply]")).to_be_visible()
    expect(of_others.locator("[data-do=delete]")).to_be_hidden()
    expect(of_others.locator("[data-do=edit]")).to_be_hidden()
    alice.deletes(alice.sees("From a member"))
    expect(bob.message("From a member")).to_have_count(0)


def test_a_reaction_is_put_and_taken_away(alice: Person, bob: Person) -> None:
    alice.say("Cake in the kitchen")
    bob.reacts("🎉", bob.sees("Cake in the kitchen"))
    chip = alice.sees("Cake in the kitchen").locator(".reaction")
    expect(chip.locator(".count")).to_have_text("1")
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    expect(chip.locator(".count")).to_have_text("2")
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    bob.sees("Cake in the kitchen").locator(".reaction").click()
    expect(chip).to_have_count(0)


def test_an_answer_quotes_what_it_answers_and_leads_there(alice: Person, bob: Person) -> None:
    alice.say("Who waters the plants?")
    bob.does("reply", bob.sees("Who waters the plants?"))
    expect(bob.page.locator("#about")).to_contain_text("Who waters the plants?")
    bob.say("It is me")
    quote = alice.page.locator(".message").last.locator(".quote")
    expect(quote).to_have_text("Alice Ahmadi: Who waters the plants?")
    quote.click()
    expect(alice.sees("Who waters the plants?")).to_be_focused()
    alice.does("edit", alice.sees("Who waters the plants?"))
    alice.say("Who waters the roses?")
    expect(bob.sees("It is me").locator(".quote")).to_have_text(
        "Alice Ahmadi: Who waters the roses?"
    )


def test_two_tabs_of_one_person_stay_equal(alice: Person, bob: Person) -> None:
    tab = bob.another_tab()
    bob.page.goto("/rooms/")
    bob.is_connected()
    alice.say("For both tabs")
    tab.sees("For both tabs")
    expect(bob.unread("General")).to_be_hidden()
    tab.say("From one of them")
    expect(bob.unread("General")).to_be_hidden()
    alice.sees("From one of them")


def test_unread_messages_are_counted_at_the_side_and_in_the_title(
    alice: Person, bob: Person
) -> None:
    bob.open("Garden")
    alice.say("One")
    alice.say("Two")
    expect(bob.unread("General")).to_have_text("2 unread")
    expect(bob.page).to_have_title(re.compile(r"^\(\d+\) Garden"))
    bob.open("General")
    expect(bob.sees("One").locator(".unread-line")).to_be_visible()
    expect(bob.unread("General")).to_be_hidden()


def test_news_is_announced_but_neither_history_nor_own_words(alice: Person, bob: Person) -> None:
    alice.say("My own words")
    alice.sees("My own words")
    expect(alice.page.locator("#announcer p")).to_have_count(0)
    bob.say("News")
    expect(alice.page.locator("#announcer p")).to_have_text("Bob Brandt: News")


# --- scrolling back ------------------------------------------------------------------------------


def is_still(message: Locator, top: int) -> None:
    assert abs(message.evaluate(IN_SIGHT) - top) <= 2, "the view jumped"


@pytest.mark.promise
def test_history_comes_page_by_page_without_the_view_jumping(people: People, site: Site) -> None:
    site.manage("demo", "--messages", "500")
    bob = people("bob")
    bob.open("General")
    beginning = bob.page.locator("#beginning")
    count = bob.messages.count()
    while beginning.is_hidden():
        anchor = bob.page.locator(f"#timeline > [data-id='{first_id(bob)}'] .body")
        anchor.evaluate("element => element.scrollIntoView()")
        top = anchor.evaluate(IN_SIGHT)
        expect(bob.messages.nth(count)).to_be_attached()
        is_still(anchor, top)
        count = bob.messages.count()
    shown = positions(bob)
    assert len(shown) >= 500
    assert shown == sorted(set(shown))


def first_id(person: Person) -> Any:
    return person.messages.first.get_attribute("data-id")


def test_who_reads_further_up_is_left_there_and_told_what_came(
    alice: Person, people: People, site: Site
) -> None:
    site.manage("demo", "--messages", "100")
    bob = people("bob")
    bob.open("General")
    bob.messages.first.scroll_into_view_if_needed()
    expect(bob.messages.nth(99)).to_be_attached()
    anchor = bob.messages.nth(60)
    anchor.evaluate("element => element.scrollIntoView()")
    expect(bob.newest_button).to_have_text("Newest")
    top = anchor.evaluate(IN_SIGHT)
    alice.say("Down here")
    expect(bob.newest_button).to_have_text("1 new")
    is_still(anchor, top)
    expect(bob.unread("General")).to_be_visible()
    bob.newest_button.click()
    expect(bob.sees("Down here")).to_be_in_viewport()
    expect(bob.newest_button).to_be_hidden()
    expect(bob.unread("General")).to_be_hidden()


def test_an_answer_leads_to_what_is_not_loaded_yet(
    alice: Person, people: People, site: Site
) -> None:
    alice.say("The very first question")
    message = alice.sees("The very first question")
    alice.does("reply", message)
    site.manage("demo", "--messages", "200")
    alice.say("A late answer")
    bob = people("bob")
    bob.open("General")
    answer = bob.sees("A late answer")
    expect(answer.locator(".quote")).to_have_text("An earlier message")
    answer.locator(".quote").click()
    expect(bob.sees("The very first question")).to_be_focused()
    expect(bob.sees("The very first question")).to_be_in_viewport()


@pytest.mark.promise
def test_who_is_removed_is_led_out_of_the_room_at_once(alice: Person, bob: Person) -> None:
    alice.page.click(".people-button")
    alice.page.get_by_role("button", name="Remove Bob Brandt").click()
    expect(bob.page.locator("h1")).not_to_have_text("General")
    expect(bob.page.locator("#sidebar [data-room]", has_text="General")).to_have_count(0)


def test_a_room_that_gets_another_name_is_called_so_everywhere(alice: Person, bob: Person) -> None:
    alice.page.click("[aria-label='Settings of this room']")
    alice.page.fill("[name=name]", "Zoo")
    alice.page.get_by_role("button", name="Save").click()
    expect(bob.page.locator("h1")).to_have_text("Zoo")
    expect(bob.page.locator("#beginning h2")).to_have_text("Zoo")
    expect(bob.page).to_have_title(re.compile(f"Zoo · {settings.SITE_NAME}$"))
    expect(bob.page.get_by_label("Message to Zoo")).to_have_attribute("placeholder", "Message Zoo")
    expect(bob.page.locator("[data-rooms=rooms] .name").last).to_have_text("Zoo")


def test_focus_stays_where_it_is_when_a_message_changes(alice: Person, bob: Person) -> None:
    alice.say("Look here")
    bob.reacts("👀", bob.sees("Look here"))
    chip = alice.sees("Look here").locator(".reaction")
    chip.focus()
    bob.sees("Look here").locator(".reaction").click()
    expect(bob.sees("Look here").locator(".reaction")).to_have_count(0)
    expect(alice.sees("Look here")).to_be_focused()


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_new_connection_does_not_count_the_unread_again(
    alice: Person, bob: Person, site: Site
) -> None:
    bob.open("Garden")
    for number in range(30):
        alice.say(f"Number {number}")
    expect(bob.unread("General")).to_have_text("30 unread")
    site.stop()
    is_away(alice, bob)
    site.start()
    is_back(alice, bob)
    alice.say("One more")
    expect(bob.unread("General")).to_have_text("31 unread")


@pytest.mark.promise
def test_a_lost_message_is_noticed_and_fetched(people: People, bob: Person) -> None:
    alice = people("alice")
    wire = Wire(alice.page)
    wire.passes = lambda event: event.get("body") != "This one is lost"
    alice.open("General")
    bob.say("This one is lost")
    bob.sees("This one is lost")
    bob.say("This one arrives")
    alice.sees("This one arrives")
    lost = alice.sees("This one is lost")
    assert lost.evaluate("element => element.nextElementSibling.dataset.body") == "This one arrives"


# --- the page itself -----------------------------------------------------------------------------


def test_a_draft_waits_in_its_room(bob: Person) -> None:
    bob.field.fill("Half a thought")
    bob.open("Garden")
    expect(bob.field).to_have_value("")
    bob.open("General")
    expect(bob.field).to_have_value("Half a thought")
    bob.field.press("Enter")
    bob.sees("Half a thought")
    bob.page.reload()
    expect(bob.field).to_have_value("")


@pytest.mark.promise
def test_everything_can_be_done_by_keyboard(alice: Person, bob: Person) -> None:
    keyboard = alice.page.keyboard
    expect(alice.field).to_be_focused()
    keyboard.type("First line")
    keyboard.press("Shift+Enter")
    keyboard.type("second line")
    keyboard.press("Enter")
    bob.sees("First line")

    alice.sees("First line")
    keyboard.press("ArrowUp")
    keyboard.type(", edited")
    keyboard.press("Enter")
    bob.sees("second line, edited")
    keyboard.press("ArrowUp")
    keyboard.press("Escape")
    expect(alice.page.locator("#about")).to_be_hidden()

    expect(alice.page.locator("#newest")).to_be_hidden()  # it would be the stop before the field
    keyboard.press("Shift+Tab")
    expect(alice.messages.last).to_be_focused()
    keyboard.press("ArrowUp")
    expect(alice.messages.nth(-2)).to_be_focused()
    keyboard.press("ArrowDown")
    keyboard.press("r")
    expect(alice.field).to_be_focused()
    keyboard.type("Answered")
    keyboard.press("Enter")
    bob.sees("Answered")

    alice.sees("Answered").focus()
    keyboard.press("+")
    keyboard.press("Enter")
    expect(bob.sees("Answered").locator(".reaction")).to_have_count(1)
    expect(alice.sees("Answered")).to_be_focused()
    keyboard.press("Delete")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(bob.message("Answered")).to_have_count(0)
    keyboard.press("Escape")
    expect(alice.field).to_be_focused()


def test_on_a_phone_the_rooms_are_a_drawer(people: People) -> None:
    bob = people("bob", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    expect(bob.page.locator("#sidebar")).to_be_hidden()
    assert bob.page.evaluate("document.documentElement.scrollWidth") == 360
    bob.page.tap("[data-drawer=open]")
    bob.page.locator("#sidebar [data-room] a", has_text="Garden").tap()
    expect(bob.page.locator("h1")).to_have_text("Garden")
    bob.is_connected()
    bob.field.fill("From the phone")
    bob.page.tap(".send")
    message = bob.sees("From the phone")
    message.tap()
    message.locator("[data-do=edit]").tap()
    expect(bob.field).to_have_value("From the phone")


def test_what_a_finger_has_to_hit_is_large_enough(people: People) -> None:
    bob = people("bob", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    bob.messages.last.tap()
    for button in bob.page.locator("header button, .tools button, .send").all():
        if button.is_visible():
            box = button.bounding_box()
            assert box and box["height"] >= 44 and box["width"] >= 44, button


def test_a_finger_hits_what_stands_below_the_tools_of_another_message(people: People) -> None:
    bob = people("bob", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    for text in ("Above", "Below"):
        bob.say(text)
        bob.sees(text).tap()
    bob.message("Below").locator("[data-do=react]").tap()
    bob.page.tap("#emoji-picker [data-choose='🎉']")
    chip = bob.message("Below").locator(".reaction")
    expect(chip).to_be_visible()
    bob.message("Above").tap()
    expect(bob.message("Above").locator(".tools")).to_be_visible()
    chip.tap()
    expect(chip).to_have_count(0)


def test_the_theme_is_remembered_and_set_before_the_first_paint(bob: Person) -> None:
    def background() -> Any:
        return bob.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    light = background()
    bob.page.click("[data-theme-switch]")
    dark = background()
    assert dark != light
    bob.page.route(
        "**/*.js",
        lambda route: route.continue_() if "theme.js" in route.request.url else route.abort(),
    )
    bob.page.reload(wait_until="commit")
    bob.page.wait_for_selector("#main")
    assert background() == dark
    bob.forgive("ERR_FAILED")


def test_html_enters_the_page_in_one_place_only(bob: Person) -> None:
    for attempt in ("document.body.innerHTML = '<p>'", "trustedTypes.createPolicy('other', {})"):
        outcome = f"(() => {{ try {{ {attempt} }} catch (error) {{ return error.name }} }})()"
        assert bob.page.evaluate(outcome) == "TypeError"
    bob.forgive("Trusted")


@pytest.mark.promise
def test_the_first_visitor_sets_up_and_invites_the_second(people: People, site: Site) -> None:
    site.manage("flush", "--no-input")
    owner = people()
    owner.page.goto("/")
    owner.page.fill("[name=username]", "olga")
    owner.page.fill("[name=display_name]", "Olga")
    owner.page.fill("[name=password]", "correct horse battery")
    owner.page.get_by_role("button", name="Begin").click()
    owner.page.click("[aria-label='New room']")
    owner.page.fill("[name=name]", "Lounge")
    owner.page.get_by_role("button", name="Make the room").click()
    owner.page.click("[aria-label='Settings of this room']")
    owner.page.click("text=Members and invitations")
    owner.page.get_by_role("button", name="Make an invitation link").click()
    link = owner.page.locator("[aria-label='Invitation link']").input_value()

    guest = people()
    guest.page.goto(link)
    guest.page.fill("[name=display_name]", "Gil")
    guest.page.fill("[name=password]", "staple correct horse")
    guest.page.get_by_role("button", name="Join Lounge").click()
    guest.is_connected()
    guest.say("Thank you for having me")
    owner.page.click("#sidebar >> text=Lounge")
    owner.sees("Thank you for having me")
