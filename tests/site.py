"""The site as a process of its own: what tests talk to over real sockets."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.metrics import Scrape
from tests.services import free_port

PROJECT = Path(__file__).resolve().parent.parent
METRICS_TOKEN = "m" * 32
TOKEN = "a" * 32  # any value does: the CSRF cookie and the header have to be the same


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Waits for a condition, and fails with its name when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


async def until(holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """The same, on a loop that goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.005)


def copy_tree(target: Path) -> None:
    """What a fresh clone would hold, and what is not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, target / name)


OURS = ("-m", "realtime.server")


class Site:
    """A running server, `python -m realtime.server` if no other is named, its address and log."""

    def __init__(self, log: Path, server: Sequence[str] = OURS, **environment: str) -> None:
        self.server = server
        self.folder = PROJECT  # a copy of the project may be served as well
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"DEBUG": "1", "RATE_LIMIT": "0", "DJANGO_ALLOW_ASYNC_UNSAFE": ""}
        own |= {"METRICS_TOKEN": METRICS_TOKEN}
        self.environment = os.environ | own | environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, *self.server, "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(self.answers, f"the site answers ({self._log})")
        except BaseException:
            self._process.kill()
            raise

    def answers(self) -> bool:
        assert self._process and self._process.poll() is None, self.log()
        try:
            return self.get("/healthz") == 200
        except OSError:
            return False

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Ends the server. Returns its exit status."""
        self.signal(how)
        assert self._process
        try:
            return self._process.wait(timeout=20)
        finally:
            self._process.kill()  # if it has not ended

    def signal(self, how: int) -> None:
        assert self._process
        self._process.send_signal(how)

    def manage(self, *arguments: str) -> None:
        """Runs a management command on this site's database."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def log(self) -> str:
        return self._log.read_text()

    def scrape(self, host: str = "") -> Scrape:
        """What Prometheus reads, whatever it takes for the site's name."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"} | ({"Host": host} if host else {})
        request = urllib.request.Request(f"{self.url}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Scrape(answer.read().decode())

    def get(self, path: str, cookie: str = "") -> int:
        """The status of a page."""
        return self._status(urllib.request.Request(self.url + path, headers={"Cookie": cookie}))

    def post(self, path: str, cookie: str, **fields: Any) -> int:
        """Fills in a form and sends it. Returns the status of the page it leads to."""
        headers = {"Cookie": f"{cookie}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN}
        data = urllib.parse.urlencode(fields, doseq=True).encode()
        return self._status(urllib.request.Request(self.url + path, data=data, headers=headers))

    def _status(self, request: urllib.request.Request) -> int:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
