"""The database is away: which errors say so, and the line about it in the log."""

import logging

from django import db

OUTAGE = (db.OperationalError, db.InterfaceError)  # any other database error is a fault of ours

outage = logging.getLogger("outage")


def log(error: Exception) -> None:
    outage.warning("The database is not available: %s", str(error).partition("\n")[0])
