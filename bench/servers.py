"""The servers that are measured: real processes, each on a port and a database of its own."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psutil

from tests.services import free_port

PROJECT = Path(__file__).resolve().parent.parent
PEERS = PROJECT / "bench" / "peers"
PYTHON = sys.executable
SECRET_KEY = "of a bench that lives for minutes, and longer than fifty characters: 0123456789"
DEADLINE = 30.0  # seconds until a server has to answer

Environment = dict[str, str]


@dataclass(frozen=True)
class People:
    """Who is there, and what has been said: see `bench.fill`. Their first room has the number 1."""

    rooms: int = 1
    people: int = 200
    messages: int = 0
    each: int = 0


@dataclass(frozen=True)
class Server:
    """How a server is started. `prepare` fills its database and returns whom to log in as."""

    name: str
    wire: str
    command: Callable[[int], list[str]]
    environment: Callable[[Path], Environment]
    prepare: Callable[[Environment, Path, People], list[str]]
    cwd: Path = PROJECT
    needs: Path = PROJECT  # a folder that has to be there

    @property
    def is_installed(self) -> bool:
        return self.needs.is_dir()

    @contextmanager
    def running(
        self, folder: Path, redis: str, people: People, **changes: str
    ) -> Iterator["Running"]:
        """Starts it with these people, its files in an empty folder, and ends it."""
        env = os.environ | {"REDIS_URL": redis} | self.environment(folder) | changes
        running = Running(self, folder, env, self.prepare(env, folder, people))
        running.start()
        try:
            yield running
        finally:
            running.kill()


class Running:
    """A server that answers on a port that stays its own."""

    def __init__(self, server: Server, folder: Path, env: Environment, cookies: list[str]) -> None:
        self.server = server
        self.port = free_port()
        self.cookies = cookies
        self.redis = env["REDIS_URL"]
        self._folder, self._env = folder, env
        self._log = folder / "log"

    @contextmanager
    def beside(self) -> Iterator["Running"]:
        """One more process of the same site, on a port of its own."""
        other = Running(self.server, self._folder, self._env, self.cookies)
        other.start()
        try:
            yield other
        finally:
            other.kill()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.server.command(self.port),
                cwd=self.server.cwd,
                env=self._env,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + DEADLINE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.server.name} does not answer:\n{self._log.read_text()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
        except OSError:
            return False
        return True

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @property
    def pids(self) -> list[int]:
        process = psutil.Process(self._process.pid)
        return [process.pid, *(child.pid for child in process.children(recursive=True))]


# --- ours ----------------------------------------------------------------------------------------


def daphne(port: int) -> list[str]:
    return [PYTHON, "-m", "realtime.server", "--port", str(port)]


def uvicorn(port: int, application: str = "chatsite.asgi:application") -> list[str]:
    options = ["--port", str(port), "--loop", "uvloop", "--no-access-log", "--log-level", "warning"]
    return [PYTHON, "-m", "uvicorn", application, *options]


def our_settings(folder: Path) -> Environment:
    return {
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "SECRET_KEY": SECRET_KEY,
        "DEBUG": "0",
        "RATE_LIMIT": "0",
        "DATABASE_URL": f"sqlite:///{folder / 'chat.sqlite3'}?conn_max_age=600",
        "STATIC_ROOT": str(folder),
    }


def our_people(env: Environment, folder: Path, people: People) -> list[str]:
    """On SQLite a copy of what was made once, because a million messages take a minute."""
    if env["DATABASE_URL"].startswith("sqlite"):
        shutil.copytree(filled(people), folder, dirs_exist_ok=True)
    else:
        fill(env, folder, people)
    lines = (folder / "cookies").read_text().splitlines()
    return [line.removeprefix("Cookie: ") for line in lines]


@cache
def filled(people: People) -> Path:
    folder = lasting_folder()
    fill(os.environ | our_settings(folder), folder, people)
    return folder


def fill(env: Environment, folder: Path, people: People) -> None:
    manage(env, "migrate", "--verbosity", "0")
    sizes = [f"--{name}={value}" for name, value in asdict(people).items()]
    command = [PYTHON, "-m", "bench.fill", *sizes, "--cookies", str(folder / "cookies")]
    subprocess.run(command, cwd=PROJECT, env=env, check=True, stdout=subprocess.DEVNULL)


@cache
def static_files() -> str:
    """A folder with what pages name."""
    folder = lasting_folder()
    env = os.environ | our_settings(folder)
    manage(env, "collectstatic", "--verbosity", "0", "--no-input")
    return str(folder)


def lasting_folder() -> Path:
    """For as long as this process lives."""
    folder = tempfile.mkdtemp(prefix="chat-bench-")
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


def manage(env: Environment, *arguments: str) -> None:
    command = [PYTHON, "manage.py", *arguments]
    subprocess.run(command, cwd=PROJECT, env=env, check=True, stdout=subprocess.DEVNULL)


def ours(name: str, command: Callable[[int], list[str]], wire: str = "ours") -> Server:
    return Server(name, wire, command, our_settings, our_people)


OURS_ON_DAPHNE = ours("ours, Daphne", daphne)
OURS_ON_UVICORN = ours("ours, Uvicorn", uvicorn)
SYNC_ON_DAPHNE = ours("ours, Daphne, sync consumer", daphne, wire="ours-sync")

# --- the peers -----------------------------------------------------------------------------------


def peer_settings(folder: Path) -> Environment:
    return {"DJANGO_SETTINGS_MODULE": "tutorial.settings", "DATABASE": f"{folder / 'peer.sqlite3'}"}


def peer_tables(env: Environment, folder: Path, people: People) -> list[str]:
    command = [PYTHON, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=PEERS, env=env, check=True)
    return []


def tutorial_on_daphne(port: int) -> list[str]:
    return [PYTHON, "-m", "daphne", "-v", "0", "-p", str(port), "tutorial.asgi:application"]


def tutorial_on_uvicorn(port: int) -> list[str]:
    return uvicorn(port, "tutorial.asgi:application")


def tutorial(name: str, command: Callable[[int], list[str]]) -> Server:
    return Server(name, "tutorial", command, peer_settings, peer_tables, PEERS)


def node(name: str, wire: str, script: str) -> Server:
    def command(port: int) -> list[str]:
        return ["node", script, "--port", str(port)]

    def prepare(env: Environment, folder: Path, people: People) -> list[str]:
        return []

    packages = PEERS / "node_modules"
    return Server(name, wire, command, lambda folder: {}, prepare, PEERS, packages)


TUTORIAL_ON_DAPHNE = tutorial("tutorial, Daphne", tutorial_on_daphne)
TUTORIAL_ON_UVICORN = tutorial("tutorial, Uvicorn", tutorial_on_uvicorn)
SOCKET_IO = node("Socket.IO", "socket.io", "socketio/server.js")
BARE_WS = node("ws", "ws", "ws/server.js")
