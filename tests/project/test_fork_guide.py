"""docs/fork.md, followed: what it leaves out can be left out, what it takes in comes in."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.project.conftest import git, linked, older_than_installed, run
from tests.site import PROJECT

pytestmark = [pytest.mark.long, pytest.mark.browser, pytest.mark.timeout(900)]
GUIDE = (PROJECT / "docs" / "fork.md").read_text()


def commands(section: str) -> list[str]:
    """The fences of a part of the guide that ends with the next heading."""
    return re.findall(r"^```sh\n(.*?)^```$", section.split("\n## ")[0], re.M | re.S)


def after(heading: str) -> str:
    return GUIDE.split(f"\n{heading}\n")[1]


RECIPES = {
    part.partition("\n")[0]: commands(part)
    for part in after("## Leaving things out").split("\n## ")[0].split("\n### ")[1:]
}


def follow(folder: Path, fence: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "bash", "-euo", "pipefail", "-c", fence)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_leaves_a_project_that_passes_its_tests(fork: Path, name: str) -> None:
    *steps, last = RECIPES[name]
    assert last.startswith("make test TESTS=")
    linked(fork)
    for deselected in re.findall(r"--deselect (\S+)::(\w+)", last):
        assert f"def {deselected[1]}(" in (fork / deselected[0]).read_text()
    for line in "".join(steps).splitlines():
        before = git(fork, "status", "--porcelain") + git(fork, "diff")
        assert follow(fork, line).returncode == 0, line
        assert git(fork, "status", "--porcelain") + git(fork, "diff") != before, line
    older_than_installed(fork)
    done = follow(fork, last)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    collected = run(fork, ".venv/bin/python", "-m", "pytest", "--collect-only", "--quiet")
    assert collected.returncode == 0, collected.stdout[-4_000:]


def test_later_improvements_of_the_template_come_in(fork: Path, tmp_path: Path) -> None:
    mine = tmp_path / "acme"
    begin, *_ = commands(GUIDE)
    begin = begin.replace("ADDRESS acme", shlex.join([str(fork), str(mine)]))
    assert follow(tmp_path, begin.replace("cd acme", f"cd {mine}")).returncode == 0
    edit(mine / "README.md", "A chat:", "Our chat:")
    edit(mine / "acme" / "settings.py", "default=25.0)", "default=20.0)")
    git(mine, "commit", "--all", "--message", "Ours")

    for name in ("longer", "longest"):  # twice: the second time stands on the first
        edit(fork / "README.md", "A chat", "A better chat")
        edit(fork / "CHANGELOG.md", "# Changelog", "# Changes")
        edit(fork / "chatsite" / "settings.py", "import environ\n", f"import environ  # {name}\n")
        module = f"from chatsite import logs\n\n{name.upper()} = 2 * logs.PAUSE\n"
        (fork / "chatsite" / f"{name}.py").write_text(module)
        git(fork, "add", "--all")
        git(fork, "commit", "--message", f"Has {name}")
        [fence] = commands(after("## Later improvements of the template"))
        done = follow(mine, fence)
        assert done.returncode == 0, done.stdout + done.stderr
        edit(fork / "README.md", "A better chat", "A chat")
        edit(fork / "CHANGELOG.md", "# Changes", "# Changelog")
        edit(fork / "chatsite" / "settings.py", f"environ  # {name}", "environ")

    assert "Our chat:" in (mine / "README.md").read_text()
    assert "default=20.0)" in (mine / "acme" / "settings.py").read_text()
    assert "import environ  # longest\n" in (mine / "acme" / "settings.py").read_text()
    assert (mine / "acme" / "longer.py").read_text().startswith("from acme import logs\n")
    assert (mine / "acme" / "longest.py").exists()
    assert not (mine / "chatsite").exists()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new, 1))
