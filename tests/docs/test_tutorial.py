"""The tutorial, followed to the letter: every file written, every command typed, every page seen.

Whoever reads a chapter is told what they will see. Each picture in a chapter is such a moment: the
function here that has its name looks at the pages then. SCREENSHOTS=1 takes the pictures again.
"""

import asyncio
import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.chaos.programs import Postgres
from tests.docs.chapters import Look, Step, Type, Write, names_its_files, steps
from tests.docs.reader import Reader
from tests.plugin import need
from tests.services import Missing, folder
from tests.site import PROJECT, wait_until

TUTORIAL = PROJECT / "docs" / "tutorial"
CHAPTERS = sorted(TUTORIAL.glob("[0-9]*.md"))
SHOTS = bool(os.environ.get("SCREENSHOTS"))
WINDOW = {"width": 460, "height": 300}
SHEET = """
    body { display: flex; gap: 20px; margin: 20px; background: #e4e4e7; }
    figure { margin: 0; font: 13px/28px system-ui, sans-serif; color: #52525b; }
    img { display: block; border-radius: 4px; box-shadow: 0 1px 6px #0004; }
"""

STEPS = [step for chapter in CHAPTERS for step in steps(chapter)]
DJANGOS_OWN = {"chatsite/settings.py"}  # as startproject writes it, with a few changes

pytestmark = [pytest.mark.long, pytest.mark.browser, pytest.mark.timeout(300)]

Windows = list[Page]
looks: dict[str, Callable[["Seen"], Windows]] = {}


def look(function: Callable[["Seen"], Windows]) -> Callable[["Seen"], Windows]:
    """What is to be seen where a chapter has the picture of this name. Returns its windows."""
    looks[function.__name__] = function
    return function


class Seen:
    """The windows of the reader's browsers, each with cookies of its own."""

    def __init__(self, browser: Browser, reader: Reader, database: "Database") -> None:
        self.browser = browser
        self.reader = reader
        self.database = database
        self.followed: list[Path] = []  # chapters, to their end
        self._windows: dict[str, Page] = {}
        self._frames: dict[str, list[str]] = {}

    def window(self, name: str) -> Page:
        """A window that is open already, or an empty one."""
        if name not in self._windows:
            context = self.browser.new_context(viewport=WINDOW, reduced_motion="reduce")
            page = self._windows[name] = context.new_page()
            frames = self._frames[name] = []

            def listen(socket: WebSocket) -> None:
                socket.on("framereceived", lambda frame: frames.append(str(frame)))

            page.on("websocket", listen)
        return self._windows[name]

    def told(self, name: str, what: str) -> int:
        """How many frames with this in them a window's sockets got, as its network tab shows."""
        self.window(name).title()  # Playwright says what has happened when it is asked something
        return sum(what in frame for frame in self._frames[name])

    def open(self, name: str, path: str = "/rooms/1/", port: str = "8000") -> Page:
        page = self.window(name)
        page.goto(self.reader.url(path, port))
        return page

    def log_in(self, username: str, path: str = "/rooms/1/", port: str = "8000") -> Page:
        """The window of a person, who logs in when asked to."""
        page = self.open(username, path, port)
        if page.locator("[name=password]").count():
            page.fill("[name=username]", username)
            page.fill("[name=password]", "demo")
            page.click("button")
            page.wait_for_url(f"**{path}")
        return page

    def close(self) -> None:
        for page in self._windows.values():
            page.context.close()
        self._windows.clear()

    def take(self, windows: Windows, path: Path) -> None:
        """The picture: the windows side by side, each below its name and address."""
        names = {page: name for name, page in self._windows.items()}
        figures = []
        for page in windows:
            image = base64.b64encode(page.screenshot()).decode()
            caption = f"{names[page]}: {self.reader.there(page.url)}"
            figures.append(f'<figure>{caption}<img src="data:image/png;base64,{image}"></figure>')
        width = len(windows) * (WINDOW["width"] + 20) + 20
        sheet = self.browser.new_page(viewport={"width": width, "height": WINDOW["height"] + 68})
        sheet.set_content(f"<style>{SHEET}</style>{''.join(figures)}")
        sheet.screenshot(path=path)
        sheet.close()


# --- 1, 2: a page and a socket -------------------------------------------------------------------


@look
def page(seen: Seen) -> Windows:
    page = seen.open("you")
    say(page, "Hello?")
    expect(page.locator("#status")).to_have_text("not connected")
    assert messages(page) == []
    return [page]


@look
def one_window(seen: Seen) -> Windows:
    left, right = connected(seen.open("left")), connected(seen.open("right"))
    say(right, "Is anybody there?")
    sees(right, "Is anybody there?")
    say(left, "Hello")
    sees(left, "Hello")
    assert messages(left) == ["Hello"]
    assert messages(right) == ["Is anybody there?"]
    return [left, right]


# --- 3: everybody --------------------------------------------------------------------------------


def two_windows_talk(left: Page, right: Page) -> Windows:
    say(left, "Hello")
    sees(right, "Hello")
    say(right, "Good morning")
    sees(left, "Good morning")
    assert messages(left) == messages(right) == ["Hello", "Good morning"]
    return [left, right]


@look
def two_windows(seen: Seen) -> Windows:
    return two_windows_talk(connected(seen.open("left")), connected(seen.open("right")))


@look
def two_processes(seen: Seen) -> Windows:
    left, right = connected(seen.open("left")), connected(seen.open("right", port="8001"))
    say(left, "Hello")
    sees(left, "Hello")
    say(right, "Good morning")
    sees(right, "Good morning")
    assert messages(left) == ["Hello"]
    assert messages(right) == ["Good morning"]
    return [left, right]


@look
def redis(seen: Seen) -> Windows:
    left, right = connected(seen.open("left")), connected(seen.open("right", port="8001"))
    return two_windows_talk(left, right)


# --- 4: people -----------------------------------------------------------------------------------

REQUIREMENTS = "requirements.txt"
NEED_NO_COUNTERPART = {
    REQUIREMENTS,
    "chatsite/urls.py",
    "chat/static/chat/chat.css",
    "chat/templates/registration/login.html",
    "chat/management/commands/say.py",
    "chat/management/commands/hold_room.py",
}
BROKEN = "No heartbeat: the connection is closed"
SECRET = "The key is under the mat"


@look
def stranger(seen: Seen) -> Windows:
    kitchen, garden = connected(seen.open("kitchen", "/rooms/2/")), connected(seen.open("garden"))
    say(garden, SECRET)
    wait_until(lambda: seen.told("kitchen", SECRET) == 1, "the socket of the Kitchen is told")
    assert messages(kitchen) == []
    return [garden, kitchen]


@look
def people(seen: Seen) -> Windows:
    kitchen = connected(seen.log_in("alice", "/rooms/2/"))
    carol, bob = connected(seen.log_in("carol", "/rooms/2/")), connected(seen.log_in("bob"))
    say(kitchen, "Are you here?")
    sees(carol, "aliceAre you here?")
    alice = connected(seen.open("alice"))
    say(alice, SECRET)
    sees(bob, f"alice{SECRET}")
    say(bob, "I will find it")
    sees(alice, "bobI will find it")
    assert seen.told("bob", SECRET) == 1 and seen.told("carol", SECRET) == 0
    assert bob.request.get(seen.reader.url("/rooms/2/")).status == 404
    assert messages(alice) == messages(bob) == [f"alice{SECRET}", "bobI will find it"]
    return [alice, bob]


# --- 5: messages that stay -----------------------------------------------------------------------


@look
def forgotten(seen: Seen) -> Windows:
    alice = connected(seen.log_in("alice"))
    say(alice, "I will be back")
    sees(alice, "I will be back")
    alice.reload()
    connected(alice)
    assert messages(alice) == []
    return [alice]


@look
def stays(seen: Seen) -> Windows:
    bob = connected(seen.log_in("bob"))
    sees(bob, "I am back")
    bob.reload()
    sees(connected(bob), "aliceI am back")
    say(bob, "Welcome")
    sees(bob, "bobWelcome")
    say(bob, "x" * 4001)
    expect(bob.locator("#status")).to_have_text("refused: invalid")
    bob.reload()
    assert messages(bob) == ["aliceI am back", "bobWelcome"]
    return [connected(bob)]


# --- 6, 7: twins and numbers ---------------------------------------------------------------------


@look
def twins(seen: Seen) -> Windows:
    alice = welcomed(seen.log_in("alice"), "async")
    seen.log_in("bob")
    bob = welcomed(seen.open("bob", "/rooms/1/?consumer=sync"), "sync")
    say(alice, "Tea or coffee?")
    sees(bob, "aliceTea or coffee?")
    say(bob, "Both")
    sees(alice, "bobBoth")
    return [alice, bob]


@look
def alice_and_bob(seen: Seen) -> Windows:
    """Each is connected to a server of their own."""
    return [welcomed(seen.log_in("alice")), welcomed(seen.log_in("bob", port="8001"))]


@look
def lid_closed(seen: Seen) -> Windows:
    expect(seen.window("bob").locator("#status")).to_have_text("not connected")
    return []


@look
def missed(seen: Seen) -> Windows:
    alice, bob = seen.window("alice"), seen.window("bob")
    sees(alice, "Dinner at seven")
    welcomed(bob)
    say(alice, "Or at eight?")
    sees(bob, "Or at eight?")
    assert not any("Dinner" in message for message in messages(bob))
    return [alice, bob]


@look
def found(seen: Seen) -> Windows:
    alice, bob = seen.window("alice"), seen.window("bob")
    sees(alice, "Breakfast at eight")
    welcomed(bob)
    sees(bob, "Breakfast at eight")
    assert messages(alice) == messages(bob)
    return [alice, bob]


# --- 8: a long life ------------------------------------------------------------------------------


@look
def bob_alone(seen: Seen) -> Windows:
    """From here on nobody else's event closes old connections."""
    return [welcomed(seen.log_in("bob"))]


@look
def unnoticed(seen: Seen) -> Windows:
    bob = welcomed(seen.window("bob"))
    bob.request.get(bob.url)  # the server is there, and has had the time
    assert messages(bob) == []
    return [bob]


@look
def heard(seen: Seen) -> Windows:
    bob = welcomed(seen.window("bob"))
    sees(bob, "And now?")
    return [bob]


@look
def heartbeats(seen: Seen) -> Windows:
    """Two came, and nothing else: the queries of the second are the last on the connection."""
    before = seen.told("bob", "heartbeat")
    wait_until(lambda: seen.told("bob", "heartbeat") >= before + 2, "two heartbeats come")
    return []


@look
def silent(seen: Seen) -> Windows:
    """PostgreSQL is back, and heartbeat after heartbeat fails."""
    bob = seen.window("bob")
    (server,) = seen.reader.terminals
    before = server.output().count(BROKEN)
    wait_until(lambda: server.output().count(BROKEN) >= before + 3, "three more heartbeats fail")
    expect(bob.locator("#status")).to_have_text("no heartbeat")
    return [bob]


@look
def recovered(seen: Seen) -> Windows:
    before = seen.told("bob", "heartbeat")
    wait_until(lambda: seen.told("bob", "heartbeat") >= before + 3, "three more heartbeats come")
    return [welcomed(seen.window("bob"))]


# --- 9: threads ----------------------------------------------------------------------------------


@look
def two_rooms(seen: Seen) -> Windows:
    alice = welcomed(seen.log_in("alice", "/rooms/2/"))
    return [alice, welcomed(seen.log_in("bob"))]


def both_speak(seen: Seen, in_the_kitchen: str, in_the_garden: str) -> Windows:
    alice, bob = seen.window("alice"), seen.window("bob")
    say(alice, in_the_kitchen)
    wait_until(seen.database.is_waited_for, "Alice waits for the lock")
    say(bob, in_the_garden)
    return [alice, bob]


@look
def stalled(seen: Seen) -> Windows:
    alice, bob = both_speak(seen, "Who has the key?", "Nice weather")
    bob.wait_for_timeout(2_000)  # it comes within milliseconds, if it comes
    assert messages(alice) == []
    assert not any("Nice weather" in message for message in messages(bob))
    return [alice, bob]


@look
def goes_on(seen: Seen) -> Windows:
    alice, bob = seen.window("alice"), seen.window("bob")
    sees(alice, "Who has the key?")
    sees(bob, "Nice weather")
    return [alice, bob]


@look
def others_go_on(seen: Seen) -> Windows:
    alice, bob = both_speak(seen, "Is it the blue one?", "Let us go out")
    sees(bob, "bobLet us go out")
    assert messages(alice) == ["aliceWho has the key?"]
    return [alice, bob]


# --- 10: two hundred -----------------------------------------------------------------------------


@look
def it_is_faster(seen: Seen) -> Windows:
    before, now = (
        int(output.split()[-2]) for output in seen.reader.said["python manage.py crowd 8000"]
    )
    assert now < 3 * before  # on a machine that does something else as well
    return []


# --- what people do ------------------------------------------------------------------------------


def connected(page: Page) -> Page:
    """Until chapter 6: the server has accepted the socket."""
    expect(page.locator("#status")).to_have_text("connected")
    return page


def welcomed(page: Page, consumer: str = "async") -> Page:
    """From chapter 6 on: the socket is in its rooms."""
    expect(page.locator("#status")).to_have_text(f"{consumer} consumer")
    return page


def say(page: Page, text: str) -> None:
    page.fill("#composer [name=body]", text)
    page.press("#composer [name=body]", "Enter")


def sees(page: Page, text: str) -> None:
    expect(page.locator("#timeline li").filter(has_text=text)).to_have_count(1)


def messages(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#timeline li").all_text_contents()]


class Database(Postgres):
    """The PostgreSQL of the reader."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        aside(self.create())
        aside(self.start())

    def restart(self) -> None:
        aside(self.stop(signal.SIGINT))  # as Docker does
        aside(self.start())

    def is_waited_for(self) -> bool:
        """Whether a query waits for a lock."""
        with psycopg.connect(self.url) as connection:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return connection.execute(waiting).fetchone() is not None


def aside(work: Coroutine[Any, Any, Any]) -> None:
    """Runs it on another thread: on this one runs the browser's loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


# --- the chapters ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres(request: pytest.FixtureRequest) -> Iterator[Database]:
    with folder() as data:
        try:
            server = Database(data)
        except Missing as missing:
            need(request, missing)
        yield server
        server.kill()


@pytest.fixture(scope="module")
def seen(browser: Browser, redis_url: str, postgres: Database) -> Iterator[Seen]:
    with folder() as home, folder() as shell:
        reader = Reader(home, shell)
        reader.elsewhere["redis://localhost:6379/0"] = redis_url
        reader.elsewhere["postgres://chat:chat@localhost:5432/chat"] = postgres.url
        reader.instead["docker restart chat-postgres"] = postgres.restart
        seen = Seen(browser, reader, postgres)
        yield seen
        seen.close()
        reader.leave()


def complaints(reader: Reader) -> str:
    """What our own linter says of the code that the chapters have led to."""
    files = [path for path in reader.written - DJANGOS_OWN if path.endswith(".py")]
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--config", str(PROJECT / "pyproject.toml"), "--quiet"]
    asked = [[*ruff, "check", *options], [*ruff, "format", "--diff", *options]]
    said = [
        subprocess.run([*command, *files], cwd=reader.folder, capture_output=True, text=True)
        for command in asked
    ]
    return "".join(each.stdout + each.stderr for each in said)


each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)


@each_chapter
def test_a_chapter_is_as_it_says(chapter: Path, seen: Seen) -> None:
    for earlier in CHAPTERS[: CHAPTERS.index(chapter)]:
        if earlier not in seen.followed:
            pytest.fail(f"It builds on {earlier.stem}, which was not followed to its end.", False)
    for step in steps(chapter):
        if wrong := follow(step, seen):
            where = f"{chapter.relative_to(PROJECT)}:{step.line}"
            pytest.fail(f"{where}: {step}\n{wrong}\n{seen.reader.screens()}", pytrace=False)
    seen.close()
    seen.reader.interrupt()
    assert complaints(seen.reader) == ""
    seen.followed.append(chapter)


def follow(step: Step, seen: Seen) -> str:
    """Does what a chapter says next. Returns what is not as it says, or nothing."""
    try:
        if not isinstance(step, Look):
            seen.reader.follow(step)
            return ""
        windows = looks[step.name](seen)
        if SHOTS and step.picture:
            seen.take(windows, TUTORIAL / step.picture)
    except Exception as wrong:  # whatever it is, its place in the chapter is what matters
        return str(wrong)
    return ""


@each_chapter
def test_the_text_before_a_block_names_its_file(chapter: Path) -> None:
    assert names_its_files(chapter) == []


def test_every_picture_and_every_look_has_its_place() -> None:
    wanted = [step for step in STEPS if isinstance(step, Look)]
    assert {look.name for look in wanted} == looks.keys()
    pictures = {TUTORIAL / look.picture for look in wanted if look.picture}
    assert pictures == set((TUTORIAL / "images").iterdir())


def test_each_chapter_leads_to_the_next() -> None:
    index = (TUTORIAL / "index.md").read_text()
    for chapter, following in pairwise(CHAPTERS):
        assert f"]({following.name})" in chapter.read_text().splitlines()[-1]
    for chapter in CHAPTERS:
        title = chapter.read_text().splitlines()[0].removeprefix("# ")
        assert f"[{title}]({chapter.name})" in index and f"\n{chapter.stem}\n" in index


def test_the_reader_installs_what_the_site_runs_on() -> None:
    """The same versions, so that what the reader sees is what the site does."""
    ours = pins((PROJECT / "requirements-dev.txt").read_text())
    ours |= pins((PROJECT / "requirements.txt").read_text())
    written = [step.text for step in STEPS if isinstance(step, Write) and step.path == REQUIREMENTS]
    typed = [step.command for step in STEPS if isinstance(step, Type)]
    theirs = pins("\n".join([*written, *typed]))
    assert theirs and theirs.items() <= ours.items()


def pins(text: str) -> dict[str, str]:
    """Versions by the name of their package, extras left out."""
    return dict(re.findall(r"([\w-]+)(?:\[[\w,]+\])?==([\w.]+)", text))


def test_the_end_names_files_that_are_there() -> None:
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \| ", CHAPTERS[-1].read_text(), re.MULTILINE)
    named = [path for _, ours in rows for path in re.findall(r"`(.*?)`", ours)]
    assert named and [path for path in named if not (PROJECT / path).exists()] == []
    theirs = {path for yours, _ in rows for path in re.findall(r"`(.*?)`", yours)}
    written = {step.path for step in STEPS if isinstance(step, Write)}
    tests = {path for path in written if path.startswith("tests/")}
    assert written - tests - theirs == NEED_NO_COUNTERPART
