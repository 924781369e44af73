"""Fills the database of the world: `python -m tests.chaos.people N` prints who is there, as JSON.

A square with everybody in it, and gardens of a few. All of it belongs to a keeper, who says nothing
and lets people in and out.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chaos.settings")
django.setup()

from django.test import Client

from chat.models import User
from tests.factories import person, room, say

IN_A_GARDEN = 6


def cookie(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.session.session_key}"


def main(size: int) -> None:
    keeper = person("keeper")
    people = [person(f"person-{number}") for number in range(1, size + 1)]
    square = room(keeper, *people, name="Square")
    for first in range(0, size, IN_A_GARDEN):
        room(keeper, *people[first : first + IN_A_GARDEN], name="Garden")
    say(keeper, square, "Welcome, everybody.")
    print(json.dumps([{"id": user.pk, "cookie": cookie(user)} for user in (keeper, *people)]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
