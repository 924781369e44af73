"""The whole stack as `docker compose up` starts it, with two replicas and two people."""

import gzip
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person
from tests.e2e.stack import Stack, need_docker
from tests.services import free_port
from tests.site import wait_until

pytestmark = [pytest.mark.compose, pytest.mark.long, pytest.mark.browser, pytest.mark.timeout(900)]
PASSWORD = "correct horse battery"


class Local(Stack):
    """As `docker compose up` starts it: without an .env."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://localhost:{port}"
        super().__init__(folder, f"chat-test-{port}", PORT=str(port))

    def up(self) -> None:
        self.compose("up", "--build", "--detach", "--wait", "--scale", "web=2")

    def restarting(self, container: str) -> "subprocess.Popen[bytes]":
        command = ["docker", "restart", "--timeout", "15", container]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def is_healthy(self, container: str) -> bool:
        ask = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
        return subprocess.run(ask, capture_output=True, text=True).stdout.strip() == "healthy"

    def log(self, container: str) -> str:
        """Its own words: Compose writes codes for a terminal between them."""
        command = ["docker", "logs", container]
        return subprocess.run(
            command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout

    def replicas_in_room(self, room: str) -> int:
        """How many processes serve somebody in a room: each subscribes to it once."""
        ask = ("exec", "-T", "redis", "redis-cli", "pubsub")
        channels = self.compose(*ask, "channels", f"*__group__room.{room}").split()
        return int(self.compose(*ask, "numsub", channels[0]).split()[1]) if channels else 0


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Local]:
    need_docker(request)
    stack = Local(tmp_path_factory.mktemp("stack"))
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def visitor(browser: Browser, stack: Local) -> Person:
    return Person(browser.new_context(base_url=stack.url).new_page(), [])


def make_account(person: Person, name: str) -> None:
    if person.page.locator("[name=username]").is_editable():  # an invitation comes with one
        person.page.fill("[name=username]", name)
    person.page.fill("[name=display_name]", name.capitalize())
    person.page.fill("[name=password]", PASSWORD)
    person.page.locator("form button.primary").click()
    person.page.wait_for_url("**/rooms/*/")
    person.is_connected()


def invitation_of(owner: Person) -> str:
    """Makes an invitation to the room the owner is in, and comes back to the room."""
    room = owner.page.url
    owner.page.goto(f"{room}people/")
    owner.page.get_by_role("button", name="Make an invitation link").click()
    link = owner.page.get_by_label("Invitation link").input_value()
    owner.page.goto(room)
    owner.is_connected()
    return link


def room_of(person: Person) -> str:
    return urlsplit(person.page.url).path.split("/")[2]


def talk(one: Person, other: Person, words: str) -> None:
    one.say(f"{words}?")
    other.sees(f"{words}?")
    other.say(f"{words}!")
    one.sees(f"{words}!")


def test_two_people_talk_through_caddy_on_different_replicas(
    browser: Browser, stack: Local
) -> None:
    owner = visitor(browser, stack)
    owner.page.goto("/")
    make_account(owner, "olga")
    link = invitation_of(owner)
    room = room_of(owner)
    assert link.startswith(f"{stack.url}/invitations/")

    guest = visitor(browser, stack)
    wait_until(lambda: stack.replicas_in_room(room) == 1, "only the owner's replica is in the room")
    guest.page.goto(link)
    make_account(guest, "gustav")
    wait_until(lambda: on_two_replicas(stack, room, guest), "the guest is on another replica")
    talk(owner, guest, "Can you hear me")

    said = says_on_while_replicas_are_replaced(owner, stack)
    expect(guest.message(said[-1])).to_have_count(
        1, timeout=40_000
    )  # it tries again after longer and longer whiles
    for person in (owner, guest):
        expect(person.message("Roll ").locator(".body")).to_have_text(said)
    talk(owner, guest, "Are you still there")
    assert [line for line in file_of_room(owner) if line["body"] == "Are you still there!"]

    logs = stack.compose("logs", "--no-color")
    assert len(re.findall("Stopping: ", logs)) == 2
    assert "Traceback" not in logs


def file_of_room(owner: Person) -> list[dict[str, Any]]:
    """What the worker writes of the room that the owner is in."""
    owner.page.goto(f"{owner.page.url}settings/")
    owner.page.get_by_role("button", name="Make the file").click()
    with owner.page.expect_download() as download:
        owner.page.get_by_role("link", name="Download").click()
    owner.is_connected()
    file = gzip.decompress(download.value.path().read_bytes())
    return [json.loads(line) for line in file.splitlines()]


def says_on_while_replicas_are_replaced(person: Person, stack: Local) -> list[str]:
    """Replaces them one after the other, as a deployment does. Returns what was said meanwhile."""
    said = []
    for container in stack.containers("web"):
        with stack.restarting(container) as restart:
            while restart.poll() is None:
                said.append(f"Roll {len(said)}.")
                person.say(said[-1])
                person.page.wait_for_timeout(100)
        wait_until(lambda: stack.is_healthy(container), "the replica is back")  # noqa: B023
    return said


def on_two_replicas(stack: Local, room: str, guest: Person) -> bool:
    """Caddy gives a socket to the replica with the fewest; at a tie, to either."""
    if stack.replicas_in_room(room) == 2:
        return True
    guest.page.reload()
    guest.is_connected()
    return False


def test_a_database_password_is_made_for_each_installation_and_kept_from_other_services(
    stack: Local,
) -> None:
    web = stack.compose("exec", "-T", "web", "cat", "/secrets/database_url")
    database = stack.compose("exec", "-T", "database", "cat", "/secrets/password")
    assert len(database) == 64
    assert database in web
    for service in ("caddy", "redis"):
        assert "secrets" not in stack.compose("exec", "-T", service, "ls", "/")


READ_METRICS = """
import urllib.request as web
token = open("/secrets/metrics_token").read()
for url in ("http://localhost:8000", "http://caddy:8000"):
    try:
        headers = {"Authorization": "Bearer " + token}
        answer = web.urlopen(web.Request(url + "/metrics", headers=headers))
        print(answer.status, "chat_sockets_open" in answer.read().decode())
    except OSError as error:
        print(error.code)
"""


def test_a_replica_tells_what_it_counts_but_not_through_caddy(stack: Local) -> None:
    said = stack.compose("exec", "-T", "web", "python", "-c", READ_METRICS)
    assert said.splitlines() == ["200 True", "404"]


def test_the_log_is_a_json_object_a_line_with_the_id_that_caddy_gave(stack: Local) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{stack.url}/no-such-page", timeout=10)
    logs = [stack.log(container) for container in stack.containers("web")]
    lines = [json.loads(line) for log in logs for line in log.splitlines()]
    [line] = [line for line in lines if "/no-such-page" in line["message"]]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line["request_id"])


def test_the_site_runs_as_an_unprivileged_user_that_cannot_change_it(stack: Local) -> None:
    script = "id -u; touch /site/new 2>/dev/null && echo changed || echo refused"
    assert stack.compose("exec", "-T", "web", "sh", "-c", script).split() == ["10001", "refused"]
