"""A fork with a name of its own: what `make rename` does to a copy of this project."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.conftest import git, linked, run
from tests.site import PROJECT, copy_tree

pytestmark = pytest.mark.long
OLD = "chatsite"
# Settings, templates, static files, real servers, processes that are started by name, a browser.
TOUCHED = (
    "tests/test_imports.py tests/acme tests/project/test_links.py tests/project/test_automation.py"
    " tests/project/test_security.py tests/chat/test_views.py"
    " tests/chat/test_admin.py tests/chat/test_demo.py tests/chat/test_consumers.py"
    " tests/e2e/test_two_people.py -k 'not test_two_people or another_name'"
)


GUIDE = (PROJECT / "docs" / "fork.md").read_text()


def rename(folder: Path, name: str, *title: str) -> subprocess.CompletedProcess[str]:
    """With no package installed, as on a bare checkout."""
    return run(folder, sys.executable, "-S", "-E", "scripts/rename.py", name, *title)


def test_the_old_name_is_gone_and_the_new_one_is_a_commit_to_look_at(fork: Path) -> None:
    done = rename(fork, "acme", "R&D of Zoë's")
    assert done.returncode == 0, done.stderr
    assert git(fork, "diff", "--name-only", "--diff-filter=A") == ""  # moved, not anew
    assert "rename tests/{chatsite => acme}/__init__.py" in git(fork, "diff", "--summary")
    assert not (fork / OLD).exists()

    git(fork, "add", "--all")
    assert git(fork, "grep", "--name-only", "-i", OLD).split() == ["scripts/rename.py"]
    assert [place for place in git(fork, "ls-files").split() if OLD in place] == []
    assert 'default="R&D of Zoë\'s"' in (fork / "acme" / "settings.py").read_text()
    assert (fork / "README.md").read_text().startswith("# R&D of Zoë's\n")
    assert (fork / "CHANGELOG.md").read_text().endswith("## [Unreleased]\n")
    assert "make format" in done.stdout  # there is no ruff yet
    assert "from the template at" in done.stdout


@pytest.mark.parametrize("name", ["a" * 20, "zz"], ids=len)
def test_whatever_its_length_the_style_is_right(fork: Path, name: str) -> None:
    linked(fork)
    assert rename(fork, name).returncode == 0
    for check in ("ruff check .", "ruff format --check ."):
        done = run(fork, *f"{fork}/.venv/bin/{check}".split())
        assert done.returncode == 0, done.stdout


def test_pictures_modes_and_links_stay_as_they_are(fork: Path) -> None:
    (fork / "a-link").symlink_to("manage.py")
    (fork / "picture").write_bytes(b"\x89 chatsite \xff")
    git(fork, "add", "--all")
    git(fork, "commit", "--quiet", "--message", "More")
    assert rename(fork, "acme").returncode == 0
    assert (fork / "picture").read_bytes() == b"\x89 chatsite \xff"
    assert (fork / "a-link").is_symlink()
    assert os.access(fork / "manage.py", os.X_OK)
    assert os.access(fork / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    ("name", "why"),
    {
        "": "does not name a Python package",
        "Acme": "does not name a Python package",
        "7acme": "does not name a Python package",
        "acme-talk": "does not name a Python package",
        "../acme": "does not name a Python package",
        "a" * 21: "does not name a Python package",
        "class": "a word of Python",
        "match": "a word of Python",
        "test": "Python's standard library",
        "asyncio": "Python's standard library",
        "django": "a package that this project imports",
        "environ": "a package that this project imports",
        "chat": "chat of this project",
        OLD: f"{OLD} of this project",
        "static": "static of this project",
        "abuse": "tests/abuse of this project",
    }.items(),
)
def test_a_name_that_cannot_be_is_refused(fork: Path, name: str, why: str) -> None:
    assert_refused(fork, why, name)


def test_a_name_of_something_installed_is_refused(fork: Path) -> None:
    (fork / ".venv" / "lib" / "python3.99" / "site-packages" / "gadget").mkdir(parents=True)
    assert_refused(fork, "an installed package", "gadget")


@pytest.mark.parametrize("title", ['The "Chat"', "two\nlines", "a\\b", "long " * 10])
def test_a_title_that_settings_cannot_hold_is_refused(fork: Path, title: str) -> None:
    assert_refused(fork, "TITLE is one line", "acme", title)


def test_a_tree_with_changes_is_refused(fork: Path) -> None:
    (fork / "new.txt").touch()
    assert_refused(fork, "?? new.txt", "acme", status="?? new.txt\n")


def test_what_git_does_not_show_counts_as_well(fork: Path) -> None:
    git(fork, "config", "status.showUntrackedFiles", "no")
    (fork / "new.txt").touch()
    assert_refused(fork, "?? new.txt", "acme")


def test_twice_is_refused(fork: Path) -> None:
    assert rename(fork, "acme").returncode == 0
    git(fork, "add", "--all")
    git(fork, "commit", "--quiet", "--message", "Acme")
    assert_refused(fork, "the site has another name already", "other")


def test_without_git_nothing_is_done(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    done = run(tmp_path, sys.executable, "scripts/rename.py", "acme", GIT_CEILING_DIRECTORIES="/")
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was done: ")
    assert (tmp_path / OLD / "settings.py").exists()


def test_what_fails_half_way_is_undone(fork: Path) -> None:
    ruff = fork / ".venv" / "bin" / "ruff"
    ruff.parent.mkdir(parents=True)
    ruff.write_text("#!/bin/sh\nexit 7\n")
    ruff.chmod(0o755)
    done = rename(fork, "acme")
    assert done.returncode == 1
    assert "exit status 7" in done.stderr
    assert git(fork, "status", "--porcelain") == ""
    assert not (fork / "acme").exists()
    assert (fork / OLD / "settings.py").exists()


def assert_refused(fork: Path, why: str, *arguments: str, status: str = "") -> None:
    done = rename(fork, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Nothing was done: ")
    assert why in done.stderr
    assert git(fork, "status", "--porcelain") == status


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_a_fork_passes_its_own_tests(fork: Path) -> None:
    """With the packages of this run; nothing is installed."""
    linked(fork)
    renamed = run(fork, "make", "rename", NAME="acme", TITLE="Acme Talk")
    assert renamed.returncode == 0, renamed.stderr
    assert "make format" not in renamed.stdout
    tested = run(fork, "make", "test", f"TESTS={TOUCHED}")
    assert tested.returncode == 0, tested.stdout[-10_000:] + tested.stderr[-2_000:]
    assert git(fork, "status", "--porcelain", "--untracked-files=all").count("??") == 0


@pytest.mark.timeout(300)
def test_style_and_types_are_right_under_the_new_name_and_features_can_be_added(
    fork: Path,
) -> None:
    linked(fork)
    for command in (
        ["make", "rename", "NAME=acme", "TITLE=Acme Talk"],
        ["make", "feature", "NAME=stars"],
        ["make", "lint"],
    ):
        done = run(fork, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert '    "features.stars",\n' in (fork / "acme" / "settings.py").read_text()


# --- docs/fork.md, followed ----------------------------------------------------------------------


def fences(heading: str) -> list[str]:
    """The commands of a part of the guide that ends with the next heading."""
    part = f"\n{GUIDE}".split(f"\n{heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", part, re.M | re.S)


def follow(folder: Path, fence: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "bash", "-euo", "pipefail", "-c", fence)


def test_later_improvements_of_the_template_come_in(fork: Path, tmp_path: Path) -> None:
    mine = tmp_path / "acme"
    begin, *_ = fences("# Fork it")
    begin = begin.replace("ADDRESS acme", shlex.join([str(fork), str(mine)]))
    assert follow(tmp_path, begin.replace("cd acme", f"cd {mine}")).returncode == 0
    edit(mine / "README.md", "A chat:", "Our chat:")
    edit(mine / "acme" / "settings.py", "default=25.0)", "default=20.0)")
    git(mine, "commit", "--all", "--message", "Ours")

    for name in ("longer", "longest"):  # twice: the second time stands on the first
        edit(fork / "README.md", "A chat", "A better chat")
        edit(fork / "CHANGELOG.md", "# Changelog", "# Changes")
        edit(fork / "chatsite" / "settings.py", "import environ\n", f"import environ  # {name}\n")
        module = f"from chatsite import health\n\n{name.upper()} = 2 * health.TIMEOUT\n"
        (fork / "chatsite" / f"{name}.py").write_text(module)
        git(fork, "add", "--all")
        git(fork, "commit", "--message", f"Has {name}")
        [fence] = fences("## Later improvements of the template")
        done = follow(mine, fence)
        assert done.returncode == 0, done.stdout + done.stderr
        edit(fork / "README.md", "A better chat", "A chat")
        edit(fork / "CHANGELOG.md", "# Changes", "# Changelog")
        edit(fork / "chatsite" / "settings.py", f"environ  # {name}", "environ")

    assert "Our chat:" in (mine / "README.md").read_text()
    assert "default=20.0)" in (mine / "acme" / "settings.py").read_text()
    assert "import environ  # longest\n" in (mine / "acme" / "settings.py").read_text()
    assert (mine / "acme" / "longer.py").read_text().startswith("from acme import health\n")
    assert (mine / "acme" / "longest.py").exists()
    assert not (mine / "chatsite").exists()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new, 1))
