"""The parts of the tests: each test is in one, and what a machine lacks is named once."""

import os
import subprocess
import sys

import pytest

from tests import parts
from tests.parts import GROUPS, PARTS, Part
from tests.site import PROJECT

NEED_REDIS = (
    "tests/chatsite/test_health.py::test_ready_when_every_redis_answers",
    "tests/docs/test_troubleshooting.py::test_outside_a_loop_every_send_opens_a_connection_of_its_own",
)
LACKS_REDIS = "Not tested, this machine lacks it: Redis"


def in_part(part: Part, *markers: str) -> bool:
    names = {"database", "served", "once", "long", "browser", "compose"}
    assert set(markers) <= names
    return bool(eval(part.marked, {name: name in markers for name in names}))


@pytest.mark.parametrize(
    "markers", ["", "database", "once", "browser", "long", "long browser", "long browser compose"]
)
def test_every_test_runs_in_one_part_of_those_on_sqlite(markers: str) -> None:
    on_sqlite = [name for name in PARTS if name not in ("postgres", "served", "newest")]
    assert sum(in_part(PARTS[name], *markers.split()) for name in on_sqlite) == 1


def test_a_test_that_uses_the_database_runs_on_each() -> None:
    on_postgres = [PARTS["postgres"], PARTS["served"]]
    assert [in_part(part, "database") for part in on_postgres] == [True, False]
    assert [in_part(part, "database", "served") for part in on_postgres] == [False, True]
    assert not any(in_part(part, "database", "once") for part in on_postgres)


def test_the_groups_leave_no_part_out_and_name_none_twice() -> None:
    assert [name for group in GROUPS.values() for name in group] == list(PARTS)


def run_without_redis(**environment: str) -> subprocess.CompletedProcess[str]:
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for name in ("CI", "LACKING", "TEST_REDIS_URL"):
        alone.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "--dist", "each", *NEED_REDIS],
        cwd=PROJECT,
        env=alone | {"PATH": "/nowhere"} | environment,
        capture_output=True,
        text=True,
    )


def test_what_two_workers_lack_is_named_once() -> None:
    done = run_without_redis()
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(LACKS_REDIS) == 1


def test_what_is_lacking_fails_where_ci_is_set() -> None:
    done = run_without_redis(CI="true")
    assert done.returncode == 1
    assert "FAILED" in done.stdout or "ERROR" in done.stdout


def test_the_parts_together_say_once_what_is_lacking(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    note = "from tests.services import noted; noted('Redis')"
    monkeypatch.setattr(Part, "command", lambda self: [sys.executable, "-c", note])
    monkeypatch.setattr(parts, "GROUPS", {"both": ("sqlite", "postgres")})
    monkeypatch.setenv("LACKING", "")
    assert parts.main(["both"]) == 0
    said = capfd.readouterr().out
    assert said.count(LACKS_REDIS) == 1
    assert said.count("passed in") == 2


def test_the_parts_fail_when_one_of_them_does(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = f"import sys; sys.exit({PARTS['sqlite'].marked!r} == sys.argv[1])"
    monkeypatch.setattr(Part, "command", lambda self: [sys.executable, "-c", failing, self.marked])
    monkeypatch.setenv("LACKING", "")
    assert parts.main(["sqlite", "postgres"]) == 1
    said = capfd.readouterr().out
    assert said.count("FAILED in") == said.count("passed in") == 1


@pytest.mark.parametrize("ci", ["", "true"])
def test_without_a_newer_python_only_the_part_that_was_named_fails(
    monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setattr(parts, "Path", lambda _: PROJECT / "nowhere")
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(parts, "noted", lambda name: True)
    newest = PARTS["newest"]
    assert parts.run(newest, named=False)[0] == 0
    assert parts.run(newest, named=True)[0] == int(bool(ci))
