"""The site's settings as the tests need them; the database is a throw-away."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("RATE_LIMIT", "0")

from chatsite.settings import *  # noqa: F403
from chatsite.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: server processes and threads share it, which a database in memory does not allow.
    folder = tempfile.mkdtemp(prefix="chat-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DATABASES["default"]["TEST"] = {"NAME": str(Path(folder) / "db.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and for tests only
