"""What the web processes had to complain of."""

import re

RECORD = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)


def tracebacks(log: str) -> list[str]:
    """The records of a log that hold one. Whatever fails, nobody is surprised enough for that."""
    records = RECORD.split(log)
    return [record for record in records if "Traceback" in record]
