"""The programs of the world as processes: started, killed, frozen, and started again in place."""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.services import UNSAFE_BUT_FAST, find, free_port, server_user
from tests.site import PROJECT, until

NOT_YET = (OSError, http.client.HTTPException, psycopg.OperationalError, redis.RedisError)


class Program:
    """A server on a port that stays its own, whatever happens to the process."""

    def __init__(self, folder: Path, name: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.name = name
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """How its process is to be made."""
        return {"cwd": self.folder, "user": server_user()}

    def answers(self) -> bool:
        """Asks the server something; may raise one of NOT_YET, and takes two seconds at most."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    async def start(self) -> None:
        self._started = time.monotonic()
        self._begin()
        deadline = time.monotonic() + 30
        while not await asyncio.to_thread(self._is_ready):
            if not self.runs or time.monotonic() > deadline:
                said = self.log.read_text()[-2000:]
                raise AssertionError(f"{self.name} does not answer; it said:\n{said}")
            await asyncio.sleep(0.05)

    def _begin(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=subprocess.STDOUT, **self.options()
            )

    async def stop(self, how: int, seconds: float = 20.0) -> int:
        """Sends a signal and waits for the end. Returns the exit status."""
        assert self._process
        self._process.send_signal(how)
        await until(lambda: not self.runs, f"{self.name} ends after signal {how}", seconds)
        return self._process.wait()

    def freeze(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, of the process and of those it began, whatever state it is in."""
        if self._process and self.runs:
            for pid in (self.pid, *children(self.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _is_ready(self) -> bool:
        try:
            return self.answers()
        except NOT_YET:
            return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Redis(Program):
    """Keeps nothing: whoever restarts it finds it empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "redis")
        self._program = find("redis-server", "Redis")

    def command(self) -> list[str]:
        return [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    def answers(self) -> bool:
        url = f"redis://127.0.0.1:{self.port}/0"
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())


class Postgres(Program):
    """What it has acknowledged it keeps, also when it is killed (but not when the power fails)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "postgres")
        self._program, self._initdb = find("postgres", "PostgreSQL"), find("initdb", "PostgreSQL")
        self.data = folder / "data"
        self.url = f"postgres://chat@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        fast = [setting for setting in UNSAFE_BUT_FAST if setting != "synchronous_commit=off"]
        places = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        )
        settings = [word for setting in (*places, *fast) for word in ("-c", setting)]
        return [self._program, "-D", str(self.data), *settings]

    async def create(self) -> None:
        # fmt: off
        command = [
            self._initdb, "--pgdata", str(self.data), "--username=chat",
            "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync",
        ]
        # fmt: on
        await asyncio.to_thread(partial(subprocess.check_output, command, **self.options()))

    def answers(self) -> bool:
        psycopg.connect(self.url, connect_timeout=2).close()
        return True


class Web(Program):
    """A process of the site, as in production but for its name and its port."""

    def __init__(self, folder: Path, number: int, environment: dict[str, str]) -> None:
        super().__init__(folder, f"web {number}")
        self.environment = environment

    def command(self) -> list[str]:
        bind = ["--bind", "127.0.0.1", "--port", str(self.port)]
        return [sys.executable, "-m", "realtime.server", *bind]

    def options(self) -> dict[str, Any]:
        return {"cwd": PROJECT, "env": self.environment}

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    @property
    def memory(self) -> int:
        """Megabytes it keeps in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20
