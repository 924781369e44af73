"""A copy of this project, as somebody has it who has just cloned it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site import copy_tree

AUTHOR = {
    f"GIT_{role}_{what}": "fork@example.org"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
# Neither the repository nor the make that this run was started from.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE"))
} | AUTHOR


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT | environment, capture_output=True, text=True
    )


def git(folder: Path, *arguments: str) -> str:
    done = run(folder, "git", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def linked(folder: Path) -> None:
    """Gives a copy the packages of this run, so that `make` installs nothing."""
    (folder / ".venv").symlink_to(sys.prefix)
    for stamp in ("site-installed", "tests-installed"):
        assert (folder / ".venv" / stamp).exists(), "`make test` makes it"
    older_than_installed(folder)


def older_than_installed(folder: Path) -> None:
    for path in folder.glob("requirements*.txt"):
        os.utime(path, (0, 0))


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    fork = tmp_path / "fork"
    copy_tree(fork)
    git(fork, "init", "--quiet", "--initial-branch=main")
    git(fork, "add", "--all")
    git(fork, "commit", "--quiet", "--message", "The template")
    return fork
