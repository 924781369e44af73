"""What the web processes had to complain of."""

import re

RECORD = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
# The core layer tidies up in a task that it never looks at again: it fails when Redis does, and
# nobody else can catch that.
NOT_OURS = "coro=<RedisChannelLayer._clean_receive_backup()"


def tracebacks(log: str) -> list[str]:
    """The records of a log that hold one. Whatever fails, nobody is surprised enough for that."""
    records = RECORD.split(log)
    return [record for record in records if "Traceback" in record and NOT_OURS not in record]
