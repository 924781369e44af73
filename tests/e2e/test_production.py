"""compose.production.yml as it runs on a server: what holds it, and what is done to it."""

import asyncio
import gc
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest
from websockets.sync.client import connect

from tests.chaos.client import Person
from tests.chaos.drill import Drill, Plan
from tests.chaos.faults import Scene
from tests.chaos.world import HEARTBEAT, World, run
from tests.e2e.stack import Stack, need_docker
from tests.services import free_port
from tests.site import TOKEN

DOMAIN = "chat.localhost"
PASSWORD = "correct horse battery"
RUNNING = ("caddy", "web", "worker", "database", "redis", "backup")
SECRETS = ("DOMAIN", "SECRET_KEY", "DATABASE_PASSWORD", "REDIS_PASSWORD")

pytestmark = [pytest.mark.compose, pytest.mark.long, pytest.mark.timeout(900)]


class Production(Stack):
    """A server of its own. What is asked there is what docs/deploy.md says."""

    def __init__(self, folder: Path) -> None:
        self.http, self.https = free_port(), free_port()
        project = f"chat-test-{self.https}"
        ports = {"HTTP_PORT": str(self.http), "HTTPS_PORT": str(self.https)}
        super().__init__(folder, project, IMAGE=project, **ports)

    def set(self, **settings: str) -> None:
        with (self.folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    @property
    def settings(self) -> dict[str, str]:
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    def make(self, target: str, **variables: str) -> str:
        given = [f"{name}={value}" for name, value in variables.items()]
        return self.run("make", "--no-print-directory", target, *given)

    def refuses(self, target: str, **variables: str) -> str:
        """A command that fails. Returns what it said about it."""
        given = [f"{name}={value}" for name, value in variables.items()]
        done = self.attempt("make", "--no-print-directory", target, *given)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def down(self) -> None:
        super().down()
        subprocess.run(["docker", "image", "rm", self.environment["IMAGE"]], capture_output=True)

    def inspect(self, service: str) -> list[dict[str, Any]]:
        inspected = self.run("docker", "inspect", *self.containers(service))
        return list(json.loads(inspected))

    def address(self, service: str) -> str:
        """Where the tests find what nobody outside of this machine does."""
        networks = self.inspect(service)[0]["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    @property
    def database(self) -> str:
        password = self.settings["DATABASE_PASSWORD"]
        return f"postgres://chat:{password}@{self.address('database')}:5432/chat"

    def trust(self) -> ssl.SSLContext:
        """Trusts the authority that Caddy made for itself, and nobody else."""
        root = "/data/caddy/pki/authorities/local/root.crt"
        return ssl.create_default_context(cadata=self.compose("exec", "-T", "caddy", "cat", root))

    def image(self) -> str:
        """What the next container would be made of."""
        name = self.environment["IMAGE"]
        return self.run("docker", "image", "inspect", "--format", "{{.Id}}", name)

    def migrations(self) -> str:
        return self.compose("exec", "-T", "web", "python", "manage.py", "showmigrations", "chat")

    def backups(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "backups").iterdir())


class Visitor:
    """A browser's share of the network: TLS, a cookie jar, forms."""

    def __init__(self, site: Production) -> None:
        self.port, self.trust = site.https, site.trust()
        self.cookies = {"csrftoken": TOKEN}

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(self, path: str) -> http.client.HTTPResponse:
        return self._ask("GET", path)

    def post(self, path: str, **fields: str) -> http.client.HTTPResponse:
        return self._ask("POST", path, urlencode(fields))

    def _ask(self, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(DOMAIN, timeout=30, context=self.trust)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sock = self.trust.wrap_socket(plain, server_hostname=DOMAIN)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie,
            "Origin": f"https://{DOMAIN}",
            "X-CSRFToken": self.cookies["csrftoken"],
            "Connection": "close",
        }
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def log_in(self) -> http.client.HTTPResponse:
        return self.post("/accounts/login/", username="olga", password=PASSWORD)

    def room(self) -> str:
        """The path of the room this person is led to."""
        return str(self.get("/").headers["Location"])

    def says(self, body: str) -> None:
        """Over a WebSocket; returns when the server has said that it is kept."""
        with connect(
            f"wss://{DOMAIN}/ws/chat/",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            ssl=self.trust,
            additional_headers={"Cookie": self.cookie},
            origin=f"https://{DOMAIN}",  # type: ignore[arg-type]
            subprotocols=["chat.v1"],  # type: ignore[list-item]
            proxy=None,
        ) as connection:
            room = int(self.room().split("/")[2])
            frame = {"type": "send", "ref": "1", "room": room, "id": str(uuid4()), "body": body}
            connection.send(json.dumps(frame))
            while not any(event["type"] == "ok" for event in json.loads(connection.recv(10))):
                pass


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """One that has been told its name, and no more."""
    need_docker(request)
    server = Production(tmp_path_factory.mktemp("production"))
    server.make("env", DOMAIN=DOMAIN)
    tonight = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"  # no backup between the tests' own
    server.set(TLS="internal", HEARTBEAT=str(HEARTBEAT), RATE_LIMIT="0", BACKUP_AT=tonight)
    yield server


@pytest.fixture(scope="module")
def site(server: Production) -> Iterator[Production]:
    """It runs, and nobody is there yet."""
    try:
        server.make("deploy")
        yield server
    finally:
        server.down()


@pytest.fixture(scope="module")
def owner(site: Production) -> Visitor:
    link = site.make("owner").strip()
    assert link.startswith(f"https://{DOMAIN}/")
    visitor = Visitor(site)
    stranger = visitor.post("/accounts/setup/", username="eve", password=PASSWORD)
    assert stranger.status == 403
    done = visitor.post(
        link.removeprefix(f"https://{DOMAIN}"),
        username="olga",
        display_name="Olga",
        password=PASSWORD,
    )
    assert done.headers["Location"] == "/"
    return visitor


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_without(server: Production, name: str, tmp_path: Path) -> None:
    lines = (server.folder / ".env").read_text().splitlines(keepends=True)
    (tmp_path / ".env").write_text("".join(line for line in lines if name not in line))
    environment = ("--env-file", str(tmp_path / ".env"))
    assert server.attempt("docker", "compose", *environment, "config").returncode != 0
    (tmp_path / ".env").write_text("".join(lines))
    assert server.attempt("docker", "compose", *environment, "config").returncode == 0


def test_secrets_are_made_once_and_kept_from_other_users(server: Production) -> None:
    before = server.settings
    assert len({before[name] for name in SECRETS}) == len(SECRETS)
    assert (server.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert "already" in server.refuses("env", DOMAIN="other.example.org")
    assert server.settings == before


@pytest.mark.parametrize("service", RUNNING)
def test_a_container_may_do_little(site: Production, service: str) -> None:
    containers = site.inspect(service)
    assert len(containers) == (2 if service == "web" else 1)
    for container in containers:
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] and host["NanoCpus"] and host["PidsLimit"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
        # Of the server, and not of who asks for its health at the moment.
        status = site.run("docker", "exec", container["Id"], "cat", "/proc/1/status")
        user, *_ = re.findall(r"Uid:\s+(\d+)", status)
        assert user != "0"


def test_only_caddy_is_reached_from_outside(site: Production) -> None:
    for service in RUNNING:
        published = site.inspect(service)[0]["HostConfig"]["PortBindings"]
        assert bool(published) == (service == "caddy")
    project = site.environment["COMPOSE_PROJECT_NAME"]
    inside, both = [f"{project}_back"], [f"{project}_back", f"{project}_front"]
    expected = {
        "database": inside,
        "redis": inside,
        "web": both,  # and the worker: their database may be elsewhere
        "worker": both,
    }
    for service, networks in expected.items():
        assert sorted(site.inspect(service)[0]["NetworkSettings"]["Networks"]) == networks
    assert site.run("docker", "network", "inspect", "-f", "{{.Internal}}", f"{project}_back") == (
        "true\n"
    )


def test_redis_wants_its_password(site: Production) -> None:
    ping = ("exec", "-T", "redis", "env", "-u", "REDISCLI_AUTH", "redis-cli", "ping")
    assert "NOAUTH" in site.compose(*ping)
    assert site.compose("exec", "-T", "redis", "redis-cli", "ping") == "PONG\n"


def test_plain_http_leads_to_https(site: Production) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.http, timeout=10)
    connection.request("GET", "/rooms/", headers={"Host": DOMAIN})
    answer = connection.getresponse()
    connection.close()
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{DOMAIN}/rooms/")


def test_pages_come_over_tls_and_keep_it_so(site: Production, owner: Visitor) -> None:
    answer = Visitor(site).log_in()
    assert answer.status == 302
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookies = answer.headers.get_all("Set-Cookie", [])
    assert any(cookie.startswith("sessionid=") for cookie in cookies)
    assert all("; Secure" in cookie for cookie in cookies)


def test_people_talk_over_tls(owner: Visitor) -> None:
    owner.says("It works, and is encrypted.")
    assert "It works, and is encrypted." in owner.get(owner.room()).text  # type: ignore[attr-defined]


def test_figures_are_not_for_the_outside(owner: Visitor) -> None:
    for path in ("/metrics", "/metrics/", "//metrics", "/METRICS", "/%6detrics"):
        answer = owner.get(path)
        assert (answer.status, answer.text) == (404, "")  # type: ignore[attr-defined]


def test_caddy_logs_no_token_when_nobody_answers(site: Production, owner: Visitor) -> None:
    site.compose("stop", "web")
    try:
        for path in ("/invitations/a-secret/", "/accounts/setup/?token=a-secret"):
            assert owner.get(path).status >= 500
    finally:
        site.compose("up", "--detach", "--wait", "--no-build")
    said = site.compose("logs", "caddy")
    assert '"uri":"/invitations/.../"' in said and '"uri":"/accounts/setup/?token=..."' in said
    assert "a-secret" not in said


# --- a deploy ------------------------------------------------------------------------------------


class Deployed(World):
    """The running stack as a world for the drill: people in its database, and a way to it."""

    def __init__(self, site: Production, people: int) -> None:
        super().__init__(people, webs=0)
        self.site = site
        self.webs = []
        self.connection = {
            "host": "127.0.0.1",
            "port": site.https,
            "ssl": site.trust(),
            "server_hostname": DOMAIN,
        }

    @property
    def url(self) -> str:
        return f"wss://{DOMAIN}"

    async def _build(self) -> None:
        site = self.site
        self.postgres = SimpleNamespace(url=site.database)  # type: ignore[assignment]
        password = site.settings["REDIS_PASSWORD"]
        environment = site.environment | {
            "DJANGO_SETTINGS_MODULE": "chatsite.settings",
            "SECRET_KEY": site.settings["SECRET_KEY"],
            "DATABASE_URL": site.database,
            "REDIS_URL": f"redis://:{password}@{site.address('redis')}:6379/0",
        }
        filled = await run(environment, "-m", "tests.chaos.people", str(self._sizes[0]))
        self.keeper, *self.people = json.loads(filled)


class Update:
    """The fault: `make deploy`, with pages asked for and a form sent all the while."""

    __name__ = "deployed"

    def __init__(self, site: Production, visitor: Visitor) -> None:
        self.site, self.visitor = site, visitor
        self.gets: Counter[int] = Counter()
        self.posts: Counter[int] = Counter()
        self.said = ""

    @asynccontextmanager
    async def __call__(self, scene: Scene) -> AsyncIterator[Sequence[Person]]:
        deploy = asyncio.create_task(asyncio.to_thread(self.site.make, "deploy"))
        room = self.visitor.room()
        asking = [self._ask(deploy, self._get, room) for _ in range(2)]
        await asyncio.gather(*asking, self._ask(deploy, self._post, room))
        self.said = await deploy
        yield scene.crowd

    async def _ask(self, deploy: "asyncio.Task[str]", how: Any, room: str) -> None:
        while not deploy.done():
            await asyncio.to_thread(how, room)
            await asyncio.sleep(0.02)

    def _get(self, room: str) -> None:
        self.gets[self.visitor.get(room).status] += 1

    def _post(self, room: str) -> None:
        topic = f"Asked {self.posts.total()} times"
        answer = self.visitor.post(f"{room}settings/", name="General", topic=topic)
        self.posts[answer.status] += 1


def forgiven(site: Production) -> set[int]:
    """Caddy before 2.11.2 does not try again what has a body (caddyserver/caddy, pull 7547), and
    before 2.7.5 not even while it knows of no replica (pull 5841)."""
    said = site.compose("exec", "-T", "caddy", "caddy", "version")
    version = tuple(map(int, re.findall(r"\d+", said)[:3]))
    return {502, 503} if version < (2, 11, 2) else set()


@contextmanager
def changed(file: Path, text: str) -> Iterator[None]:
    """Another version of the site, in which this is what a file says."""
    right = file.read_text() if file.exists() else None
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink() if right is None else file.write_text(right)


# Clients whose replica is stopped leave sockets to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_deploy_loses_nothing_that_anybody_says(site: Production, owner: Visitor) -> None:
    new = ("web", "worker")
    before = {service: site.containers(service) for service in new}
    untouched = {service: site.containers(service) for service in RUNNING if service not in new}
    with (site.folder / "chat" / "apps.py").open("a") as file:
        file.write("# A newer version, and so another image.\n")
    update = Update(site, owner)

    async def drill() -> Drill:
        async with Deployed(site, people=12) as world:
            drill = Drill(Plan([update]), world)
            await drill.run()
            return drill

    done = asyncio.run(drill())
    [row] = done.report.rows
    assert not done.report.failures
    assert row.acknowledged > 100
    assert (row.lost, row.doubled, row.leaked, row.wrong) == (0, 0, 0, 0)

    after = {service: site.containers(service) for service in new}
    assert [len(after[service]) for service in new] == [2, 1]
    assert all(not {*before[service]} & {*after[service]} for service in new), update.said
    assert {service: site.containers(service) for service in untouched} == untouched
    assert update.gets.keys() == {200} and update.gets.total() > 20
    assert update.posts.keys() - forgiven(site) == {302} and update.posts[302] > 10
    gaps = sorted(gap for person in done.crowd for gap in person.gaps)
    assert gaps
    print(
        f"{row.acknowledged} things done, {update.gets.total()} pages and {update.posts.total()} "
        f"forms; {len(gaps)} sockets were closed, and their people without one for "
        f"{gaps[len(gaps) // 2]:.2f} s in the middle, {gaps[-1]:.2f} s at most"
    )
    assert "Traceback" not in site.compose("logs", "--no-color", "web", "caddy")
    gc.collect()


def test_a_deploy_is_not_concerned_with_a_shell_beside_the_site(site: Production) -> None:
    shell = site.compose("run", "--detach", "--rm", "--no-deps", "web", "sleep", "600").strip()
    before = site.containers("web")
    try:
        site.make("deploy")
        assert site.run("docker", "inspect", "--format", "{{.State.Running}}", shell) == "true\n"
    finally:
        site.run("docker", "rm", "--force", shell)
    assert len(site.containers("web")) == 2 and not {*before} & {*site.containers("web")}


def test_a_version_that_does_not_get_ready_replaces_nothing(site: Production) -> None:
    before, image = site.containers("web"), site.image()
    broken = "raise RuntimeError('This version is broken.')\n"
    with changed(site.folder / "realtime" / "server.py", broken):
        said = site.refuses("deploy")
    assert "This version is broken." in said
    assert "The deploy FAILED." in said
    assert site.image() == image
    site.compose("up", "--detach", "--wait", "--no-build")  # as whoever finds it so may do
    assert site.containers("web") == before


def test_a_version_that_cannot_be_built_says_why(site: Production) -> None:
    with changed(site.folder / "chatsite" / "settings.py", "This is no Python.\n"):
        said = site.refuses("deploy")
    assert "SyntaxError" in said and "Nothing has been changed." in said


NEXT = """from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("chat", "{last}")]
    operations = [migrations.RunSQL("SELECT 1", "SELECT 1")]
"""


def test_back_to_the_version_before_a_migration_was_undone(site: Production) -> None:
    folder, before = site.folder / "chat" / "migrations", site.backups()
    last = max(path.stem for path in folder.glob("0*.py"))
    with changed(folder / "0999_next.py", NEXT.format(last=last)):
        site.make("deploy")
        assert "[X] 0999_next" in site.migrations()
        assert len(site.backups()) == len(before) + 1
        undo = ("python", "manage.py", "migrate", "chat", last.partition("_")[0])
        site.compose("run", "--rm", "-T", "migrate", *undo)
    site.make("deploy")
    applied = "SELECT count(*) FROM django_migrations WHERE name = '0999_next'"
    query = ["psql", "--username", "chat", "--tuples-only", "--no-align", "--command", applied]
    assert site.compose("exec", "-T", "database", *query) == "0\n"


def test_a_deploy_that_is_stopped_half_way_says_so(site: Production) -> None:
    process = subprocess.Popen(
        ["deploy/deploy.sh"],
        cwd=site.folder,
        env=site.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout
    assert "Building" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert "The deploy FAILED. Nothing has been changed." in said


# --- backups -------------------------------------------------------------------------------------


def test_a_backup_that_fails_leaves_and_takes_nothing(site: Production, owner: Visitor) -> None:
    old = site.folder / "backups" / "chat-2020-01-01T03-15-00Z.dump"
    old.touch()
    os.utime(old, (0, 0))
    before = site.backups()
    assert len(before) > 1 and all(re.fullmatch(r"chat-[\dTZ-]+\.dump", name) for name in before)
    site.compose("stop", "database")
    try:
        assert "pg_dump" in site.refuses("backup")
    finally:
        site.compose("up", "--detach", "--wait", "--no-build")
    assert site.backups() == before

    wrong = ("--env", "BACKUP_DAYS=a fortnight")
    site.compose("run", "--rm", "-T", "--no-deps", *wrong, "backup", "now")
    assert len(site.backups()) == len(before) + 1 and old.name in site.backups()

    site.make("backup")  # in the same second, maybe: then it takes the place of the one before
    kept = site.backups()
    assert old.name not in kept and set(before) - {old.name} < set(kept)


def test_what_is_not_a_whole_backup_is_not_restored(site: Production, owner: Visitor) -> None:
    site.make("backup")
    whole = (site.folder / "backups" / site.backups()[-1]).read_bytes()
    half = site.folder / "half.dump"
    half.write_bytes(whole[: len(whole) * 9 // 10])
    said = site.refuses("restore", FILE="half.dump", REPLACE="yes")
    assert "This is not a whole backup." in said and "Nothing has been changed." in said
    assert owner.get(owner.room()).status == 200
    assert "whole backup" in site.refuses("restore", FILE="half.dump")  # rather than a question
    assert "REPLACE=yes" in site.refuses("restore", FILE=f"backups/{site.backups()[-1]}")
    assert "no such backup" in site.refuses("restore", FILE="nowhere.dump")


def test_a_backup_comes_back_on_an_empty_server(site: Production, owner: Visitor) -> None:
    owner.says("Remember this.")
    name = site.make("backup").split()[2].rstrip(",")
    owner.says("This was said too late.")

    site.compose("down", "--volumes", "--timeout", "1")
    for old in (site.folder / "backups").iterdir():
        os.utime(old, (0, 0))  # it was brought here, and is all there is
    site.make("deploy")  # which makes a backup of nothing
    site.make("restore", FILE=name)

    owner.trust = site.trust()  # Caddy has made another authority
    page = owner.get(owner.room())
    assert page.status == 200  # with the cookie of before: the key in .env is the same
    assert "Remember this." in page.text  # type: ignore[attr-defined]
    assert "This was said too late." not in page.text  # type: ignore[attr-defined]
    assert Visitor(site).log_in().status == 302
    owner.says("Life goes on.")

    said = site.refuses("restore", FILE=name)
    assert "REPLACE=yes" in said and "Nothing has been changed." in said
    assert "Life goes on." in owner.get(owner.room()).text  # type: ignore[attr-defined]
    said = site.make("restore", FILE=name, REPLACE="yes")
    assert "Life goes on." not in owner.get(owner.room()).text  # type: ignore[attr-defined]
    [kept] = re.findall(r"chat_until_\w+", said)
    with psycopg.connect(site.database.removesuffix("chat") + kept) as old:
        bodies = old.execute("SELECT body FROM chat_message").fetchall()
    assert ("Life goes on.",) in bodies

    site.set(SECRET_KEY="another one, as on a server whose .env was lost: 0123456789")
    site.compose("up", "--detach", "--wait", "--no-build")
    assert owner.get("/").headers["Location"].startswith("/accounts/login/")
    assert Visitor(site).log_in().status == 302
