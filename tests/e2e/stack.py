"""A compose project of its own, from a clean copy of this tree: what a fresh clone would run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.plugin import need
from tests.services import Missing
from tests.site import copy_tree


class Stack:
    """The project in a folder. It has no .env unless a test writes one."""

    def __init__(self, folder: Path, project: str, **environment: str) -> None:
        self.folder = folder
        self.environment = os.environ | {"COMPOSE_PROJECT_NAME": project} | environment
        copy_tree(folder)

    def compose(self, *arguments: str) -> str:
        return self.run("docker", "compose", *arguments)

    def run(self, *command: str) -> str:
        """Runs a command as somebody in that folder would. Returns what it printed."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def attempt(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    def down(self) -> None:
        self.compose("down", "--volumes", "--rmi", "local", "--timeout", "1")

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()


def has_docker() -> bool:
    if not shutil.which("docker"):
        return False
    checks = (["docker", "info"], ["docker", "compose", "version"])
    return all(subprocess.run(check, capture_output=True).returncode == 0 for check in checks)


def need_docker(request: pytest.FixtureRequest) -> None:
    if not has_docker():
        need(request, Missing("Docker with Compose"))
