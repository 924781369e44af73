"""Settings come from the environment, and are safe where nothing is said."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.site import PROJECT

DOMAIN = {"SECRET_KEY": "k" * 25 + "0123456789" * 3, "ALLOWED_HOSTS": "chat.example.com"}
READ = """
import json, sys
from chatsite import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=repr))
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
    )


def settings(*names: str, **environment: str) -> dict[str, Any]:
    """What these settings are in this environment, and nothing else set."""
    done = run("-c", READ, *names, **environment)
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_without_a_secret_key_nothing_starts() -> None:
    done = run("-c", READ)
    assert done.returncode == 1
    assert "Set SECRET_KEY" in done.stderr


def test_a_format_of_the_log_that_there_is_not_is_named() -> None:
    done = run("-c", READ, DEBUG="1", LOG_FORMAT="xml")
    assert done.returncode == 1
    assert "LOG_FORMAT has to be line or json" in done.stderr


def test_a_site_with_a_domain_passes_djangos_own_check_for_deployment() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **DOMAIN)
    assert done.returncode == 0, done.stderr


def test_a_site_with_a_domain_speaks_https_only() -> None:
    secure = settings(
        "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", **DOMAIN
    )
    assert set(secure.values()) == {True}


def test_a_site_on_this_machine_speaks_http() -> None:
    assert settings("HTTPS", "DEBUG", SECRET_KEY="x") == {"HTTPS": False, "DEBUG": False}


def test_who_comes_first_owns_a_site_on_this_machine_only() -> None:
    assert settings("SETUP_BY_LINK", SECRET_KEY="x") == {"SETUP_BY_LINK": False}
    assert settings("SETUP_BY_LINK", **DOMAIN) == {"SETUP_BY_LINK": True}


def test_how_often_a_log_in_may_fail_can_be_said() -> None:
    said = settings("LOGIN_LIMITS", DEBUG="1", LOGIN_LIMITS="5,20,1000")
    assert said == {"LOGIN_LIMITS": [5, 20, 1000]}


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from a file")
    assert settings("SECRET_KEY", SECRET_KEY_FILE=str(file)) == {"SECRET_KEY": "from a file"}


IN_MEMORY = {
    "hints": "realtime.channel_layer.HintLayer",
    "pubsub": "channels.layers.InMemoryChannelLayer",
    "core": "channels.layers.InMemoryChannelLayer",
}
OVER_REDIS = {
    "hints": "channels_redis.pubsub.RedisPubSubChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
    "core": "channels_redis.core.RedisChannelLayer",
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_without_redis_a_process_is_on_its_own(kind: str) -> None:
    layers = settings("CHANNEL_LAYERS", DEBUG="1", CHANNEL_LAYER=kind)["CHANNEL_LAYERS"]
    assert layers == {"default": {"BACKEND": IN_MEMORY[kind]}}


@pytest.mark.parametrize("kind", OVER_REDIS)
def test_several_redis_share_the_work_and_none_ends_an_idle_read(kind: str) -> None:
    layers = settings(
        "CHANNEL_LAYERS", DEBUG="1", CHANNEL_LAYER=kind, REDIS_URL="redis://a/0,redis://b/0"
    )["CHANNEL_LAYERS"]
    if kind == "hints":
        assert layers["default"]["BACKEND"] == IN_MEMORY["hints"]
        assert layers["default"]["CONFIG"] == {"beneath": "redis"}
    [*_, layer] = layers.values()
    assert layer["BACKEND"] == OVER_REDIS[kind]
    hosts = layer["CONFIG"]["hosts"]
    assert [host["address"] for host in hosts] == ["redis://a/0", "redis://b/0"]
    assert all(host["socket_timeout"] > 5 for host in hosts)


def test_a_channel_layer_that_there_is_not_is_named() -> None:
    done = run("-c", READ, DEBUG="1", CHANNEL_LAYER="redis")
    assert done.returncode == 1
    assert "CHANNEL_LAYER has to be hints, pubsub or core" in done.stderr


def test_a_connection_of_postgresql_stays_open_and_is_looked_at_before_use() -> None:
    database = settings("DATABASES", DEBUG="1", DATABASE_URL="postgres://u@h/d")["DATABASES"]
    assert database["default"]["CONN_MAX_AGE"] == 600
    assert database["default"]["CONN_HEALTH_CHECKS"] is True


def test_the_pool_lends_as_many_connections_as_there_are_threads() -> None:
    database = settings(
        "DATABASES", DEBUG="1", DATABASE_URL="postgres://u@h/d", DATABASE_POOL="1", ASGI_THREADS="3"
    )["DATABASES"]["default"]
    assert database["OPTIONS"]["pool"] == {
        "min_size": 1,
        "max_size": 3,
        "timeout": 1,
        "reconnect_timeout": 2,
    }
    assert database.get("CONN_MAX_AGE", 0) == 0
    assert database["CONN_HEALTH_CHECKS"] is True
