"""Makes the template your own: `make rename NAME=acme TITLE="Acme Talk"`. See docs/fork.md.

Needs git and Python, and nothing installed. What names the site changes; what names the app `chat`
stays: its tables, its static files, the wire. Either all of it is done, or nothing.
"""

import argparse
import ast
import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SITE = "chatsite"
STAYS = "scripts/rename.py"  # it knows the old name, to say that there is nothing to do
GOES = ["tests/project/test_rename.py"]  # nothing is left for it to test
TITLE_IN = {
    f"{SITE}/settings.py": 'SITE_NAME = env.str("SITE_NAME", default="{}")',
    ".env.example": "#SITE_NAME={}",
}

README = """\
# {title}

A chat: rooms, direct conversations, replies, reactions, editing, presence; on Daphne, Redis and
PostgreSQL.

```sh
make run                    # http://127.0.0.1:8000; log in as alice, bob or carol, password demo
make test                   # style, types and the tests that a change needs
docker compose up --build   # http://localhost:8000, and the first visitor owns it
```

How it is built: [docs/architecture.md](docs/architecture.md). How it is run:
[docs/deploy.md](docs/deploy.md).

Made from the template *A chat to start from*, BSD-3-Clause. What to change first, and how to take
its later improvements: [docs/fork.md](docs/fork.md).
"""
CHANGELOG = """\
# Changelog

What changes for those who use or run the site, in the manner of
[Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## [Unreleased]
"""
ANEW = {"README.md": README, "CHANGELOG.md": CHANGELOG}


class Refused(Exception):
    """Why nothing was done."""


@dataclass
class Change:
    path: Path
    target: Path
    text: str | None  # None: the file goes


def main() -> int:
    parser = argparse.ArgumentParser(usage='make rename NAME=acme TITLE="Acme Talk"')
    parser.add_argument("name", help="the package of the site")
    parser.add_argument("title", nargs="?", default="", help="what its pages call it")
    arguments = parser.parse_args()
    name = arguments.name
    title = arguments.title.strip() or name.replace("_", " ").title()
    try:
        check(name, title)
        changes = list(renamed(name, title))
    except Refused as reason:
        print(f"Nothing was done: {reason}", file=sys.stderr)
        return 1
    try:
        write(changes)
        formatted = put_imports_in_order()
    except BaseException:
        undo()
        raise
    print("\n".join(report(name, title, changes, formatted)))
    return 0


# --- may it be done? -----------------------------------------------------------------------------


def check(name: str, title: str) -> None:
    """Raises Refused with the first thing that is in the way."""
    if not (PROJECT / SITE / "settings.py").exists():
        raise Refused(f"the site has another name already; there is no {SITE}/settings.py.")
    if not re.fullmatch("[a-z][a-z0-9_]{0,19}", name):
        raise Refused(
            f"{name!r} does not name a Python package. At most 20 small letters, digits and"
            " underscores do, and a letter first: make rename NAME=acme"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise Refused(f"{name} is a word of Python itself.")
    if owner := taken_by(name):
        raise Refused(f"{name} is taken by {owner}.")
    if not title.isprintable() or len(title) > 40 or set(title) & set('"\\'):
        raise Refused("TITLE is one line of at most 40 characters, no quotes or backslashes.")
    # Whatever git is told to show elsewhere: `undo` would remove it.
    if status := git("status", "--porcelain", "--untracked-files=normal"):
        raise Refused(f"something is not committed yet:\n{status}")


def taken_by(name: str) -> str:
    """What a package of this name would hide from imports, or be hidden by."""
    for path in (PROJECT / name, PROJECT / "tests" / name):
        if path.exists():
            return f"{path.relative_to(PROJECT)} of this project"
    if name in {*sys.stdlib_module_names, "test"}:
        return "Python's standard library"
    if name in imported():
        return "a package that this project imports"
    installed = [
        *PROJECT.glob(f".venv/lib/python*/site-packages/{name}"),
        *PROJECT.glob(f".venv/lib/python*/site-packages/{name}.*"),
    ]
    return "an installed package" if installed or importlib.util.find_spec(name) else ""


def imported() -> set[str]:
    """The packages that the project imports, installed or not."""
    names = set()
    for path in tracked():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                if isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
    return {name.partition(".")[0] for name in names}


# --- what changes --------------------------------------------------------------------------------


def renamed(name: str, title: str) -> Iterator[Change]:
    for path in tracked():
        place = path.relative_to(PROJECT).as_posix()
        text = text_of(path)
        if place in GOES:
            yield Change(path, path, None)
        elif text is not None and place != STAYS:
            new = new_text(place, text.replace(SITE, name), title)
            target = PROJECT / place.replace(SITE, name)
            if (target, new) != (path, text):
                yield Change(path, target, new)


def new_text(place: str, text: str, title: str) -> str:
    if place in ANEW:
        return ANEW[place].format(title=title)
    if place not in TITLE_IN:
        return text
    line = TITLE_IN[place]
    if line.format("Chat") not in text:
        raise Refused(f"{place} does not say {line.format('Chat')}")
    return text.replace(line.format("Chat"), line.format(title))


def tracked() -> list[Path]:
    files = [PROJECT / place for place in git("ls-files", "-z").split("\0") if place]
    return [path for path in files if path.is_file() and not path.is_symlink()]


def text_of(path: Path) -> str | None:
    """None for pictures and the like."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


# --- doing it ------------------------------------------------------------------------------------


def write(changes: list[Change]) -> None:
    for change in changes:
        if change.text is None:
            change.path.unlink()
            continue
        change.target.parent.mkdir(parents=True, exist_ok=True)
        change.path.rename(change.target)  # it keeps its mode
        change.target.write_bytes(change.text.encode())
    left = {change.path.parent for change in changes if change.path != change.target}
    for folder in sorted(left, reverse=True):  # the inner ones first
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    moved = [str(change.target) for change in changes if change.path != change.target]
    git("add", "--intent-to-add", *moved)  # so that `git diff` shows where to


def put_imports_in_order() -> bool:
    """As the new name asks for. False if there is no ruff yet to do it."""
    ruff = PROJECT / ".venv" / "bin" / "ruff"
    if not ruff.exists():
        return False
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run([ruff, *command, "--quiet", "."], cwd=PROJECT, check=True)
    return True


def undo() -> None:
    """Everything was committed when it began."""
    git("reset", "--hard", "--quiet")
    git("clean", "-d", "--force", "--quiet")


def report(name: str, title: str, changes: list[Change], formatted: bool) -> Iterator[str]:
    moved = sum(change.target != change.path for change in changes)
    commit = git("rev-parse", "--short", "HEAD")
    kept = [place for place in (".env", "db.sqlite3") if (PROJECT / place).exists()]
    yield f"The site is {title}, its package {name}."
    yield f"{len(changes)} files changed, {moved} of them moved. README.md and CHANGELOG.md begin"
    yield "anew, the key for development is another, the test of this is gone."
    if kept:
        yield f"Left as it was, because git does not know it: {', '.join(kept)}."
    yield "Next:"
    if not formatted:
        yield "  make format        # imports in the order that the new name asks for"
    yield "  git diff --stat    # what was done"
    yield "  make test"
    yield f'  git add --all && git commit -m "{title}, from the template at {commit}"'
    yield "  git branch template"
    yield "docs/fork.md says what to change first, and what that branch is for."


def git(*arguments: str) -> str:
    """Raises Refused where there is no git, or no checkout."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Refused("git is not installed.") from error
    except subprocess.CalledProcessError as error:
        raise Refused(error.stderr.strip()) from error
    return done.stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main())
