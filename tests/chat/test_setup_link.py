"""`manage.py setup_link`: the way in for the first owner of a site on a network."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from tests.factories import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def on_a_network(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "chat.example.org"]  # as docker-compose.yml
    settings.HTTPS = settings.SETUP_BY_LINK = True


def printed() -> str:
    output = StringIO()
    call_command("setup_link", stdout=output)
    return output.getvalue().strip()


def test_it_prints_the_link_that_opens_the_set_up() -> None:
    scheme, _, rest = printed().partition("://")
    host, _, path = rest.partition("/")
    assert (scheme, host) == ("https", "chat.example.org")
    assert Client().get(f"/{path}", headers={"host": host}).status_code == 200


def test_there_is_none_once_the_site_has_an_owner() -> None:
    person("alice")
    with pytest.raises(CommandError, match="has an owner"):
        call_command("setup_link")


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (["*", "chat.example.org"], "chat.example.org"),
        ([".example.org", "chat.example.org"], "chat.example.org"),
        (["localhost", "127.0.0.1"], "localhost"),
    ],
)
def test_it_leads_to_a_name_of_the_site(settings: Settings, allowed: list[str], host: str) -> None:
    settings.ALLOWED_HOSTS = allowed
    assert printed().startswith(f"https://{host}/")


@pytest.mark.parametrize("allowed", [[], ["*"], [".example.org"], ["localhost", "*"]])
def test_a_site_without_a_name_has_to_get_one_first(settings: Settings, allowed: list[str]) -> None:
    settings.ALLOWED_HOSTS = allowed
    with pytest.raises(CommandError, match="Name the site in DOMAIN or ALLOWED_HOSTS"):
        printed()
