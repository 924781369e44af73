"""To add a feature is to add, and to delete one is to delete: in copies of this project."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person
from tests.project.conftest import git, linked, run
from tests.site import PROJECT, Site

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
FEATURES = sorted(path.parent.name for path in PROJECT.glob("features/*/apps.py"))
SETTINGS = "chatsite/settings.py"
QUICK = "not (long or served or browser or compose)"
# What could know of a feature: imports, pages, the site, documents.
TOUCHED = [
    "tests/test_imports.py",
    *sorted(
        path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("tests/chat/test_views*")
    ),
    "tests/chatsite",
    "tests/project/test_links.py",
    "tests/docs/test_features_page.py",
]


def passes(folder: Path, *command: str, **environment: str) -> str:
    done = run(folder, *command, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6_000:]}{done.stderr[-3_000:]}"
    return done.stdout


def manage(folder: Path, *arguments: str, **environment: str) -> str:
    return passes(folder, sys.executable, "manage.py", *arguments, **environment)


def delete(folder: Path, *features: str) -> None:
    """Its folder, and its line of the settings."""
    settings = folder / SETTINGS
    for feature in features:
        line, text = f'    "features.{feature}",\n', settings.read_text()
        assert text.count(line) == 1
        settings.write_text(text.replace(line, ""))
        shutil.rmtree(folder / "features" / feature)
    git(folder, "add", "--all")


def assert_whole(folder: Path) -> None:
    """It has style, it starts, its tables are those of its models, its files can be collected."""
    passes(folder, sys.executable, "-m", "ruff", "check", ".")
    passes(folder, sys.executable, "-m", "ruff", "format", "--check", ".")
    manage(folder, "check", DEBUG="1")
    manage(folder, "makemigrations", "--check", "--dry-run", DEBUG="1")
    collect_as_the_image_does(folder)


def collect_as_the_image_does(folder: Path) -> Path:
    collected = folder.parent / "collected"
    line = "SECRET_KEY=unused python manage.py collectstatic --no-input --verbosity 0"
    assert line in (folder / "Dockerfile").read_text()
    words = line.split()[3:]
    manage(folder, *words, DEBUG="0", SECRET_KEY="unused", STATIC_ROOT=str(collected))
    return collected


# --- deleting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_deleted_with_its_folder_and_its_line(fork: Path, feature: str) -> None:
    delete(fork, feature)
    assert_whole(fork)
    passes(fork, sys.executable, "-m", "pytest", "-m", QUICK, *TOUCHED)


def test_without_any_feature_everything_else_passes(fork: Path) -> None:
    delete(fork, *FEATURES)
    assert_whole(fork)
    build = ["sphinx", "-W", "--keep-going", "-E", "-q", "-b", "html", "docs", "build/docs"]
    passes(fork, sys.executable, "-m", *build)
    tests = [sys.executable, "-m", "pytest", "-m", QUICK]
    at_once = run(fork, *tests, "-n", "4", "--dist", "worksteal", TEST_REDIS_URL="")
    if at_once.returncode:  # too many at once for some, perhaps: each has to pass by itself
        passes(fork, *tests, "--last-failed", TEST_REDIS_URL="")


# --- adding --------------------------------------------------------------------------------------


def test_the_first_feature_of_the_documentation_works(fork: Path) -> None:
    """Its commands and its files, in their order; what they make is in the image, and can go."""
    page = (fork / "docs" / "features.md").read_text()
    steps = page.split("\n## Your first feature\n")[1].split("\n## ")[0]
    linked(fork)
    git(fork, "add", "--all", "--force", ".venv")
    before = git(fork, "write-tree")
    ran = 0
    for info, text in re.findall(r"^```(\S+(?: new=\S+)?)\n(.*?)^```$", steps, re.M | re.S):
        if info == "sh":
            passes(fork, "bash", "-euo", "pipefail", "-c", text)
            ran += 1
        elif " new=" in info:
            (fork / info.partition(" new=")[2]).write_text(text)
    assert ran == 2
    assert "!features\n" in (fork / ".dockerignore").read_text()
    assert list((collect_as_the_image_does(fork) / "stars").glob("room.*.js"))
    delete(fork, "stars")
    assert git(fork, "write-tree") == before


@pytest.fixture
def site(fork: Path, tmp_path: Path) -> Iterator[Site]:
    """That of a copy with a new feature."""
    passes(fork, sys.executable, "scripts/feature.py", "stars")
    database = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    site = Site(tmp_path / "site.log", DATABASE_URL=database, REDIS_URL="")
    site.folder = fork
    site.manage("migrate", "-v0")
    site.manage("demo")
    site.start()
    yield site
    assert site.stop() == 0
    assert "Traceback" not in site.log()


@pytest.mark.browser
def test_a_new_feature_has_a_button_on_each_message_and_a_page(
    people: Callable[..., Person],
) -> None:
    alice = people("alice")
    alice.say("Water the beans")
    alice.does("stars", alice.sees("Water the beans"))
    button = alice.message("Water the beans").locator("[data-do=stars]")
    expect(button).to_have_attribute("aria-pressed", "true")
    alice.page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    alice.page.click("[data-feature=stars]")
    alice.page.locator(".list li", has_text="Water the beans").get_by_role("link").click()
    expect(alice.page.locator(".message[aria-current]")).to_contain_text("Water the beans")


@pytest.mark.parametrize(
    ("name", "why"),
    {
        "": "does not name a Python package",
        "Stars": "does not name a Python package",
        "7stars": "does not name a Python package",
        "../stars": "does not name a Python package",
        "class": "means something else here",
        "tests": "means something else here",
        "auth": "another app is called auth",
        "chat": "another app is called chat",
        "rooms": "/rooms/ is an address",
        "room": "the name of one",
        "metrics": "/metrics/ is an address",
    }.items(),
)
def test_a_name_that_cannot_be_is_refused(fork: Path, name: str, why: str) -> None:
    done = run(fork, sys.executable, "scripts/feature.py", name)
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was done: ")
    assert why in done.stderr
    assert git(fork, "status", "--porcelain") == ""


def test_a_name_that_is_there_is_refused_and_one_of_two_words_is_not(fork: Path) -> None:
    assert run(fork, sys.executable, "scripts/feature.py", "read_later").returncode == 0
    assert "class ReadLater(Feature)" in (fork / "features/read_later/apps.py").read_text()
    git(fork, "add", "--all")
    twice = run(fork, sys.executable, "scripts/feature.py", "read_later")
    assert "features/read_later is there already" in twice.stderr
    passes(fork, sys.executable, "-m", "pytest", "features/read_later")


def test_what_fails_half_way_is_undone(fork: Path) -> None:
    (fork / "scripts/skeleton/models.py").write_text("import nothing_of_this_name\n")
    git(fork, "commit", "--all", "--quiet", "--message", "A skeleton that cannot be")
    assert run(fork, sys.executable, "scripts/feature.py", "stars").returncode == 1
    assert git(fork, "status", "--porcelain") == ""
