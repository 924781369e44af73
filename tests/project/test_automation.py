"""What runs the checks elsewhere says the same as `make`: the workflow, the hooks, the updates."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import services
from tests.parts import GROUPS, PARTS
from tests.site import PROJECT, copy_tree

pytestmark = pytest.mark.once
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path | str) -> Any:
    return yaml.safe_load((PROJECT / path).read_text())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def lint_commands() -> list[str]:
    """What `make lint` would run, if everything is installed."""
    installed = ("--assume-old=.venv/tests-installed", "--assume-old=.venv/site-installed")
    command = ["make", "--no-print-directory", "--dry-run", *installed, "lint"]
    alone = os.environ | {"MAKEFLAGS": ""}  # whatever this run was started with
    done = subprocess.run(command, cwd=PROJECT, env=alone, check=True, capture_output=True)
    return done.stdout.decode().splitlines()


# --- the workflow --------------------------------------------------------------------------------


def test_there_is_a_workflow() -> None:
    assert "ci.yml" in [path.name for path in WORKFLOWS]


@every_workflow
def test_a_workflow_may_read_the_code_and_nothing_else(path: Path) -> None:
    assert read(path)["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in read(path)["jobs"].values())
    assert "secrets." not in path.read_text()
    assert "pull_request_target" not in path.read_text()
    checkouts = [step for step in steps(path) if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@every_workflow
def test_an_action_is_pinned_to_a_commit_and_says_which_version_that_is(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in steps(path)) > 0
    for line in lines:
        assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@every_workflow
def test_a_job_ends_and_gives_way_to_the_next_push(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 90 for job in read(path)["jobs"].values())
    assert read(path)["concurrency"]["cancel-in-progress"] is True


def test_what_is_checked_elsewhere_is_what_make_checks() -> None:
    targets = re.findall(r"^([\w-]+):", (PROJECT / "Makefile").read_text(), re.M)
    ran = [
        shlex.split(line)
        for step in steps(PROJECT / ".github/workflows/ci.yml")
        for line in step.get("run", "").splitlines()
    ]
    made = [words[words.index("make") :] for words in ran if words[:2] != ["sudo", "apt-get"]]
    assert made == [["make", "lint"], ["make", "test-part", "PART=${{", "matrix.part", "}}"]]
    assert {words[1] for words in made} <= set(targets)


def test_elsewhere_each_part_of_the_tests_runs() -> None:
    matrix = read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["part"] == list(PARTS)
    assert [part for group in GROUPS.values() for part in group] == list(PARTS)
    for image in matrix["include"]:
        assert image["part"] in GROUPS["test"]


def test_the_oldest_python_that_is_promised_is_tested_and_that_of_the_image() -> None:
    jobs = read(".github/workflows/ci.yml")["jobs"]
    oldest = re.search(r'target-version = "py3(\d+)"', (PROJECT / "pyproject.toml").read_text())
    image = re.search(r"FROM python:(3\.\d+)-slim", (PROJECT / "Dockerfile").read_text())
    assert oldest and image
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["python"] == [f"3.{oldest[1]}"]
    assert {each["python"] for each in matrix["include"]} == {image[1]}


def test_the_servers_beside_the_tests_are_those_of_compose_and_are_used() -> None:
    job = read(".github/workflows/ci.yml")["jobs"]["test"]
    compose = read("docker-compose.yml")["services"]
    assert job["services"].keys() == {"database", "redis"}
    for name, service in job["services"].items():
        assert service["image"] == compose[name]["image"]
    told = [name for step in job["steps"] for name in step.get("env", {})]
    source = Path(services.__file__).read_text()
    assert len(told) == 2
    assert all(f'os.environ.get("{name}")' in source for name in told)


# --- the hooks -----------------------------------------------------------------------------------


def test_the_hooks_are_the_commands_of_make_lint() -> None:
    [repository] = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # so that no version but ours is installed
    assert [hook["entry"] for hook in repository["hooks"]] == lint_commands()
    for hook in repository["hooks"]:
        assert (hook["pass_filenames"], hook["always_run"]) == (False, True)


@pytest.mark.long
def test_a_commit_with_bad_style_does_not_pass_the_hooks(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    assert hooks(tmp_path, "ruff-check").returncode == 0
    (tmp_path / "chat" / "apps.py").write_text("import os\n")
    refused = hooks(tmp_path, "ruff-check")
    assert refused.returncode == 1
    assert "F401" in refused.stdout


def hooks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


# --- the updates ---------------------------------------------------------------------------------

MANIFESTS = {
    "pip": "requirements*.txt",
    "npm": "package-lock.json",
    "docker": "Dockerfile",
    "docker-compose": "*compose*.yml",
    "github-actions": ".github/workflows/*.yml",
}


def test_whatever_is_pinned_is_kept_up_to_date() -> None:
    updates = read(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == MANIFESTS.keys()
    for update in updates:
        for folder in update.get("directories") or [update["directory"]]:
            manifests = (PROJECT / folder.strip("/")).glob(MANIFESTS[update["package-ecosystem"]])
            assert list(manifests), folder
        assert update["schedule"] == {"interval": "weekly"}
        assert len(update["groups"]) == 1  # one pull request, not dozens


def test_every_image_stands_where_dependabot_looks_for_it() -> None:
    """It goes by the name: FILENAME_REGEX in its docker_compose/lib/.../file_fetcher.rb"""
    for file in [*PROJECT.glob("*.y*ml"), *(PROJECT / "deploy").glob("*.y*ml")]:
        if "image:" in file.read_text():
            assert re.search(r"compose(-\w+)?(\.[\w-]+)?\.ya?ml", file.name), file
