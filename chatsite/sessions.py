"""Sessions in the database, asked for by keys that can be one."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A cookie may hold any byte, even a NUL, which PostgreSQL refuses to compare."""

    def _validate_session_key(self, key: str) -> bool:
        return super()._validate_session_key(key) and key.isalnum()  # type: ignore[misc]
