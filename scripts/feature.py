"""Begins a feature: `make feature NAME=stars`. See docs/features.md.

Copies scripts/skeleton/ to features/NAME/ under that name, adds its line to INSTALLED_APPS and has
Django write its first migration. Either all of it is done, or nothing.
"""

import argparse
import keyword
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.apps import apps
from django.contrib.staticfiles import finders
from django.urls import Resolver404, get_resolver, resolve

PROJECT = Path(__file__).resolve().parent.parent
SKELETON = Path(__file__).with_name("skeleton")
PLACEHOLDER = "app_name"
# The list at the end of the settings: how it begins, and its lines.
FEATURES = re.compile(
    r"(^INSTALLED_APPS \+= \[\n(?:    #.*\n)*)"
    r'((?:    "features\.\w+",\n)*)',
    re.MULTILINE,
)


class Refused(Exception):
    """Why nothing was done."""


def main() -> int:
    parser = argparse.ArgumentParser(usage="make feature NAME=stars")
    parser.add_argument("name")
    name = parser.parse_args().name
    sys.path.insert(0, str(PROJECT))
    [site] = re.findall(
        r'"DJANGO_SETTINGS_MODULE", "(\w+)\.settings"', (PROJECT / "manage.py").read_text()
    )
    settings = PROJECT / site / "settings.py"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{site}.settings")
    os.environ |= {"DEBUG": "1", "DATABASE_URL": "sqlite://:memory:"}  # whatever is configured
    try:
        check(name)
    except Refused as reason:
        print(f"Nothing was done: {reason}", file=sys.stderr)
        return 1
    folder, before = PROJECT / "features" / name, settings.read_text()
    try:
        copy(name, folder)
        settings.write_text(with_line(before, name))
        run("manage.py", "makemigrations", name, "--verbosity", "0")
        run("-m", "ruff", "check", "--fix", "--quiet", str(folder), str(settings))
        run("-m", "ruff", "format", "--quiet", str(folder), str(settings))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        settings.write_text(before)
        raise
    print(f"features/{name}/ is there, and its line in {settings.relative_to(PROJECT)}. Next:")
    print("  make run")
    print(f"  make test TESTS=features/{name}")
    return 0


def check(name: str) -> None:
    """Raises Refused with the first thing that is in the way."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,19}", name):
        raise Refused(
            f"{name!r} does not name a Python package. At most 20 small letters, digits and"
            " underscores do, and a letter first: make feature NAME=stars"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in ("tests", PLACEHOLDER):
        raise Refused(f"{name} means something else here.")
    if (PROJECT / "features" / name).exists():
        raise Refused(f"features/{name} is there already.")
    django.setup()
    if name in {app.label for app in apps.get_app_configs()}:
        raise Refused(f"another app is called {name}.")
    if finders.find(name):
        raise Refused(f"another app has static files in {name}/.")
    if is_taken(name):
        raise Refused(f"/{name}/ is an address of the site already, or the name of one.")


def is_taken(name: str) -> bool:
    if name in get_resolver().reverse_dict:
        return True
    try:
        resolve(f"/{name}/")
        return True
    except Resolver404:
        return name in ("static", "ws", "metrics")  # answered before any view


def copy(name: str, folder: Path) -> None:
    words = name.replace("_", " ")
    spellings = {
        PLACEHOLDER: name,
        "AppName": words.title().replace(" ", ""),
        "App name": words.capitalize(),
    }
    for source in sorted(path for path in SKELETON.rglob("*") if path.is_file()):
        if "__pycache__" in source.parts:
            continue
        text = source.read_text()
        for placeholder, spelling in spellings.items():
            text = text.replace(placeholder, spelling)
        inside = source.relative_to(SKELETON).as_posix().replace(PLACEHOLDER, name)
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_text(text)


def with_line(settings: str, name: str) -> str:
    """The settings with the feature's line, at its place in the alphabet."""
    found = FEATURES.search(settings)
    assert found, "The settings do not end with a list of features."
    lines = sorted([*found[2].splitlines(keepends=True), f'    "features.{name}",\n'])
    return settings[: found.start(2)] + "".join(lines) + settings[found.end() :]


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=PROJECT, check=True)


if __name__ == "__main__":
    sys.exit(main())
