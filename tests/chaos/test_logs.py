"""A traceback is found, with all that belongs to it and nothing else."""

from tests.chaos.logs import tracebacks

WHEN = "2026-11-22 14:54:35,280"
WARNING = f"{WHEN} WARNING chat.consumers: The database is not available: connection failed\n\tso\n"
TRACE = 'Traceback (most recent call last):\n  File "consumers.py"\n\nKeyError: "room"\n'
ERROR = f"{WHEN} ERROR chat.consumers: A frame failed\n{TRACE}"


def test_a_warning_is_none() -> None:
    assert tracebacks(WARNING * 2) == []


def test_it_is_found_among_others() -> None:
    assert tracebacks(WARNING + ERROR + WARNING + ERROR) == [ERROR, ERROR]


def test_one_that_no_logger_wrote_is_found() -> None:
    assert tracebacks("Traceback (most recent call last):\nImportError: no\n")
