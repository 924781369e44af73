"""Real servers for the tests: on a free port of this machine, and thrown away afterwards.

with postgres_server() as url: ...
python -m tests.services postgres -- pytest tests/chat    # with DATABASE_URL set

TEST_POSTGRES_URL and TEST_REDIS_URL name servers to take instead, wherever a test does not stop or
freeze its own.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import redis

DEADLINE = 30.0  # seconds until a server has to answer
PORTS = (20_000, 32_000)
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Missing(Exception):
    """A program this machine does not have."""


def noted(name: str) -> bool:
    """Whether there is a list of what this machine lacks: tests/parts.py makes one."""
    if path := os.environ.get("LACKING"):
        with Path(path).open("a") as file:
            file.write(f"{name}\n")
    return bool(path)


@contextmanager
def redis_server(port: int = 0) -> Iterator[str]:
    """A Redis that keeps nothing. Yields its URL."""
    program = find("redis-server", "Redis")
    port = port or free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with folder() as data:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(data)]
        with running([program, *options], data, lambda: redis.Redis.from_url(url).ping()):
            yield url


@contextmanager
def postgres_server() -> Iterator[str]:
    """A new PostgreSQL cluster. Yields the URL of its database."""
    initdb, postgres = find("initdb", "PostgreSQL"), find("postgres", "PostgreSQL")
    port = free_port()
    url = f"postgres://chat@127.0.0.1:{port}/postgres"
    with folder() as data:
        # fmt: off
        subprocess.run(
            [initdb, "--pgdata", data, "--username=chat", "--auth=trust", "--encoding=UTF8",
             "--no-locale", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=data, user=server_user(),
        )
        # fmt: on
        settings = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}")
        options = [word for setting in (*settings, *UNSAFE_BUT_FAST) for word in ("-c", setting)]
        with running(
            [postgres, "-D", str(data), *options], data, lambda: psycopg.connect(url).close()
        ):
            yield url


@contextmanager
def shared_redis() -> Iterator[str]:
    """A database on TEST_REDIS_URL, one for each worker of pytest-xdist, or else on a Redis of our
    own; whoever uses it leaves it running."""
    if given := os.environ.get("TEST_REDIS_URL"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield urlsplit(given)._replace(path=f"/{worker}").geturl()
        return
    with redis_server() as url:
        yield url


@contextmanager
def shared_postgres() -> Iterator[str]:
    """An empty database on TEST_POSTGRES_URL, or else on a PostgreSQL of our own."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if not given:
        with postgres_server() as url:
            yield url
        return
    name = f"chat_tests_{uuid4().hex[:12]}"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(given)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def find(program: str, product: str) -> str:
    """The path of a program; Debian keeps PostgreSQL's out of PATH."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    if found := shutil.which(program, path=path):
        return found
    raise Missing(product)


def server_user() -> str:
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else getpass.getuser()


def free_port() -> int:
    """From below those that a system gives to clients: nobody takes it before the server does."""
    while True:
        port = SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chat-tests-", ignore_cleanup_errors=True) as name:
        shutil.chown(name, server_user())
        yield Path(name)


@contextmanager
def running(command: list[str], data: Path, ask: Callable[[], object]) -> Iterator[None]:
    """Runs a server that answers `ask`; stops it at the end, also of a terminated process."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=data, user=server_user(), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(process, ask, data / "log")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # to PostgreSQL: now, whoever is connected
        process.wait()
        signal.signal(signal.SIGTERM, before)


def wait_for(process: subprocess.Popen[bytes], ask: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ask()
        except (psycopg.OperationalError, redis.ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer:\n{log.read_text()}")


def run(command: list[str], **environment: str) -> int:
    """Runs a command to its end, and hands on a signal to stop."""
    with subprocess.Popen(command, env=os.environ | environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            return process.wait()


def main(service: str, _: str, *command: str) -> int:
    server, variable = {
        "postgres": (shared_postgres, "DATABASE_URL"),
        "redis": (shared_redis, "REDIS_URL"),
    }[service]
    try:
        with server() as url:
            return run([*command], **{variable: url})
    except Missing as missing:
        if not noted(str(missing)):
            print(f"Not tested, this machine lacks it: {missing}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
