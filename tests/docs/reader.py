"""Somebody who follows the tutorial to the letter, in an empty folder and a shell of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.docs.chapters import Interrupt, Step, Type, Write
from tests.services import free_port
from tests.site import wait_until

STAYS = ("runserver", "daphne", "hold_room")  # commands that run until they are interrupted
FAILS = ("FAILED", "Error")  # a command may, if the chapter shows one of these
PORT = re.compile(r"(?<!\S)(runserver|-p|crowd) (\d+)")  # where a command says one
PATIENCE = 120.0  # seconds for one command
# What pytest or its caller have set for the site itself.
NOT_THE_READERS = ("DJANGO_", "DATABASE_", "REDIS_", "VIRTUAL_ENV", "PYTHONPATH", "DEBUG", "CI")


class Disappointed(Exception):
    """Something else was shown than the chapter says."""


class Reader:
    def __init__(self, folder: Path, shell: Path) -> None:
        self.folder = folder
        self.ports = {"8000": str(free_port()), "8001": str(free_port())}
        self.written: set[str] = set()  # paths of files
        self.said: defaultdict[str, list[str]] = defaultdict(list)  # what commands have shown
        self.instead: dict[str, Callable[[], object]] = {}  # what to do in place of a command
        # What is somewhere else on this machine than it is on the reader's.
        self.elsewhere = {f":{port}": f":{own}" for port, own in self.ports.items()}
        self._state = shell / "state"  # of the shell: its variables, and where it is
        self._state.write_text(f"cd {folder}\n")
        self._logs = shell
        self._running: list[Terminal] = []

    def follow(self, step: Step) -> None:
        match step:
            case Write():
                self.write(step)
            case Type(command=command, shown=shown):
                self.type(command, list(shown))
            case Interrupt(names=names):
                self.interrupt(*names)

    def write(self, step: Write) -> None:
        path = self.folder / step.path
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text() if path.exists() else ""
        path.write_text(step.applied(old))
        self.written.add(step.path)

    def type(self, command: str, shown: list[str]) -> None:
        if command in self.instead:
            self.instead[command]()
        elif any(word in command for word in STAYS):
            self._running.append(self._start(command, shown))
        else:
            self._run(command, shown)

    def interrupt(self, *names: str) -> None:
        """Stops the commands that have one of these words in them, or else all."""
        named = [each for each in self._running if set(names) & set(each.command.split())]
        for terminal in named or self._running[:]:
            terminal.interrupt()
            self._running.remove(terminal)

    def leave(self) -> None:
        """Ends whatever runs, at once."""
        for terminal in self._running:
            terminal.kill()

    @property
    def terminals(self) -> list["Terminal"]:
        return self._running

    def screens(self) -> str:
        """What stands in the terminals of the commands that run."""
        return "\n".join(f"--- {each.command}\n{each.output()}" for each in self._running)

    def url(self, path: str, port: str = "8000") -> str:
        return f"http://localhost:{self.ports[port]}{path}"

    def here(self, command: str) -> str:
        """A command as it has to be on this machine, whose ports and services are others."""
        command = re.sub(r"\brunserver$", "runserver 8000", command)
        command = PORT.sub(lambda found: f"{found[1]} {self.ports[found[2]]}", command)
        for theirs, ours in self.elsewhere.items():
            command = command.replace(theirs, ours)
        return command

    def there(self, output: str) -> str:
        """What would have been shown on the reader's."""
        for theirs, ours in self.elsewhere.items():
            output = output.replace(ours, theirs)
        return output

    def _run(self, command: str, shown: list[str]) -> None:
        after = f'code=$?; {{ export -p; echo "cd \\"$PWD\\""; }} > {self._state}; exit $code'
        script = f"source {self._state}\n{self.here(command)}\n{after}"
        done = subprocess.run(
            ["bash", "-c", script],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        output = self.there(done.stdout)
        self.said[command].append(output)
        if shown and not pattern(shown).fullmatch(output.strip() + "\n"):
            raise Disappointed(compared(shown, output))
        may_fail = any(word in line for word in FAILS for line in shown)
        if done.returncode and not may_fail:
            raise Disappointed(compared(["(success)"], output))

    def _start(self, command: str, shown: list[str]) -> "Terminal":
        log = self._logs / f"log-{time.monotonic_ns()}"
        script = f"source {self._state}\n{self.here(command)}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", script],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A terminal's programs hear Ctrl-C, also where these tests run in the background.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        terminal = Terminal(command, process, log)
        try:
            wait_until(
                lambda: self._shows(terminal, shown) or not terminal.runs, command, seconds=30
            )
        except AssertionError as late:
            terminal.interrupt()
            raise Disappointed(compared(shown, terminal.output())) from late
        if not terminal.runs:
            raise Disappointed(compared(shown, terminal.output()))
        return terminal

    def _shows(self, terminal: "Terminal", shown: list[str]) -> bool:
        """Whether a command that stays says what it should, and serves if it is a server."""
        if not pattern(shown).match(self.there(terminal.output())):
            return False
        port = PORT.search(self.here(terminal.command))
        return port is None or answers(int(port[2]))


class Terminal:
    """A command that stays, as a server does."""

    def __init__(self, command: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.command = command
        self._process = process
        self._log = log

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def output(self) -> str:
        return self._log.read_text()

    def interrupt(self) -> None:
        """As Ctrl-C does: all processes of the terminal are told."""
        self._signal(signal.SIGINT)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Disappointed(f"{self.command} did not end:\n{self.output()}") from None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def environment() -> dict[str, str]:
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(NOT_THE_READERS)
    }
    python = Path(getattr(sys, "_base_executable", sys.executable)).parent  # as `python3`
    return own | {"PATH": f"{python}{os.pathsep}{own['PATH']}", "PYTHONUNBUFFERED": "1"}


def pattern(shown: list[str]) -> re.Pattern[str]:
    """Output in which `...` stands for the rest of a line, or alone on a line for any lines."""
    parts = [
        r"(?:[^\n]*\n)*?"
        if line.strip() == "..."
        else r"[^\n]*".join(map(re.escape, line.rstrip().split("..."))) + r" *\n"
        for line in shown
    ]
    return re.compile("".join(parts))


def compared(shown: list[str], output: str) -> str:
    return "\n".join(["the chapter shows:", *shown, "", "but it was:", output])
