"""The site's settings as the tests need them."""

import os

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("RATE_LIMIT", "0")

from chatsite.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and for tests only
