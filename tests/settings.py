"""The site's settings as the tests need them; the database is a throw-away."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("RATE_LIMIT", "0")

from chatsite.settings import *  # noqa: F403
from chatsite.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: server processes and threads share it, which a database in memory does not allow.
    name = f"chat-tests-{os.getpid()}.sqlite3"
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / name)}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and for tests only
