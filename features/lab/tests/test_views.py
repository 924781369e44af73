"""The page of the lab: who finds it, who may see it, and what is on it."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from chat.models import User
from tests.factories import room, staff
from tests.plugin import logged_in

pytestmark = pytest.mark.django_db
LINK = f'href="{reverse("lab")}"'


def test_a_stranger_is_sent_to_log_in(client: Client, alice: User) -> None:
    assert client.get(reverse("lab")).status_code == 302
    for button in ("lab_wake", "lab_cut"):
        assert client.post(reverse(button)).status_code == 302


def test_who_is_not_of_the_staff_may_neither_see_it_nor_press_its_buttons(alice: User) -> None:
    client = logged_in(alice)
    assert client.get(reverse("lab")).status_code == 403
    for button in ("lab_wake", "lab_cut"):
        assert client.post(reverse(button)).status_code == 403


def test_its_title_is_that_of_a_page_of_the_site() -> None:
    with override_settings(SITE_NAME="Acme"):
        page = logged_in(staff("olga")).get(reverse("lab")).content.decode()
    assert "<title>See it happen · Acme</title>" in page


@pytest.mark.parametrize("debug", [True, False])
def test_the_way_there_is_shown_to_those_who_may_go(alice: User, debug: bool) -> None:
    olga = staff("olga")
    with override_settings(DEBUG=debug):
        for user, may in ((alice, debug), (olga, True)):
            client = logged_in(user)
            page = client.get(room(user).get_absolute_url()).content.decode()
            assert (LINK in page) is may
            assert client.get(reverse("lab")).status_code == (200 if may else 403)


def test_an_account_that_was_deactivated_sees_nothing(alice: User) -> None:
    olga = staff("olga")
    client = logged_in(olga)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert client.get(reverse("lab")).status_code == 302


def test_buttons_are_pressed_and_not_followed() -> None:
    client = logged_in(staff("olga"))
    for button in ("lab_wake", "lab_cut"):
        assert client.get(reverse(button)).status_code == 405


def test_another_site_cannot_press_them() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff("olga"))
    for button in ("lab_wake", "lab_cut"):
        assert client.post(reverse(button)).status_code == 403


def test_why_nothing_can_be_cut_is_said_beside_the_button() -> None:
    page = logged_in(staff("olga")).get(reverse("lab")).content.decode()
    button = re.search(r"<button[^>]*data-do=\"cut\"[^>]*>", page)
    assert button
    on_sqlite = connection.vendor == "sqlite"
    assert ("disabled" in button[0]) is on_sqlite
    assert ('id="why-not-cut"' in page) is on_sqlite


def test_the_page_keeps_to_the_policy_and_names_its_modules() -> None:
    page = logged_in(staff("olga")).get(reverse("lab")).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*", page)
    assert all('type="importmap"' in script for script in inline)
    for folder, name in re.findall(r'"(chat|lab)/(\w+)":', page):
        assert finders.find(f"{folder}/{name}.js")
    assert '"lab/sockets":' in page
    assert '"chat/bus":' in page


def test_no_other_page_carries_its_modules() -> None:
    olga = staff("olga")
    assert '"lab/' not in logged_in(olga).get(room(olga).get_absolute_url()).content.decode()


def test_html_enters_the_page_in_no_module_of_the_lab() -> None:
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser")
    modules = list((settings.BASE_DIR / "features" / "lab" / "static" / "lab").glob("*.js"))
    assert modules
    assert [path.name for path in modules if sinks.search(path.read_text())] == []
