"""A person before the page of a room: says what they do, and where they look."""

from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.site import wait_until

LONG = 40_000  # milliseconds: a page tries again after longer and longer whiles


class Person:
    def __init__(self, page: Page, forgiven: list[str]) -> None:
        self.page = page
        self.forgiven = forgiven  # what the consoles of this test may complain of
        self.field = page.locator("#composer textarea")
        self.messages = page.locator("#timeline .message")
        self.newest_button = page.locator("#newest")

    def log_in(self, username: str, site: str = "") -> None:
        self.page.goto(f"{site}/accounts/login/")
        self.fill_in(username)

    def fill_in(self, username: str) -> None:
        """Logs in on the page that is there."""
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", "demo")
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url("**/rooms/*/")

    def open(self, room: str, consumer: str = "") -> None:
        """Goes to a room, and waits until the page is connected."""
        link = self.page.locator("#sidebar [data-room] a", has_text=room).first
        path = link.get_attribute("href")
        self.page.goto(f"{path}?consumer={consumer}" if consumer else f"{path}")
        self.is_connected()
        if consumer:
            expect(self.page.locator("#served-by")).to_have_text(f"{consumer} consumer")

    def is_connected(self) -> None:
        expect(self.page.locator("#served-by")).not_to_be_empty()

    def another_tab(self) -> "Person":
        tab = Person(self.page.context.new_page(), self.forgiven)
        tab.page.goto(self.page.url)
        tab.is_connected()
        return tab

    def say(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has=self.page.locator(".body", has_text=text))

    def sees(self, text: str) -> Locator:
        """Waits until the message has come, and is more than on its way."""
        message = self.message(text)
        expect(message).to_have_count(1)
        expect(message).not_to_have_attribute("data-id", "")
        return message

    def does(self, what: str, message: Locator) -> None:
        button = message.locator(f"[data-do={what}]")

        def pressed() -> bool:  # what comes meanwhile moves the message away from the pointer
            message.hover()
            try:
                button.click(timeout=1_000)
            except TimeoutError:
                return False
            return True

        wait_until(pressed, f"{what} is pressed")

    def reacts(self, emoji: str, message: Locator) -> None:
        self.does("react", message)
        self.page.click(f"#emoji-picker [data-choose='{emoji}']")

    def deletes(self, message: Locator) -> None:
        self.does("delete", message)
        self.page.locator("#confirm-delete").get_by_role("button", name="Delete").click()

    def unread(self, room: str) -> Locator:
        entry = self.page.locator("#sidebar [data-room]", has_text=room).first
        return entry.locator(".unread")

    def forgive(self, what: str) -> None:
        """The consoles were to complain of this, and may do so until the end of the test."""
        self.forgiven.append(what)


def positions(person: Person) -> list[int]:
    """Of the messages on the page, from above."""
    script = "all => all.map(one => Number(one.dataset.position))"
    shown: list[int] = person.messages.evaluate_all(script)
    return shown


def is_away(*people: Person) -> None:
    """Waits until their pages have noticed that there is no server."""
    for person in people:
        person.forgive("WebSocket connection")
        expect(person.page.locator("#banner")).to_have_text("Reconnecting…")
        expect(person.page.locator("#banner")).to_be_visible()


def is_back(*people: Person) -> None:
    for person in people:
        expect(person.page.locator("#banner")).to_be_hidden(timeout=LONG)
