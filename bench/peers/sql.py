"""The near limit for posts: what `chat.actions.send_message` says to PostgreSQL, and no more.

The same statements in the same transactions, from as many threads as the chat has for its database,
each with a connection and with senders of its own. There are no sockets and no ORM, and nobody is
told. `python -m bench.peers.sql` takes a `Load` as JSON on its standard input and writes an
`Outcome`. What Django really sends is seen in the log of a server with `log_statement=all`.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, LiteralString
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct
from psycopg import Connection, connect
from psycopg.errors import UniqueViolation
from psycopg.rows import namedtuple_row

from bench.wires import FILLER

COUNT_CHANGES = "UPDATE chat_room SET head = head + 1 WHERE id = %s RETURNING *"
READ_ON = """
    UPDATE chat_membership SET read = %s WHERE room_id = %s AND user_id = %s
    AND EXISTS (SELECT 1 FROM chat_user WHERE id = user_id AND is_active)"""
SAY = """
    INSERT INTO chat_message (room_id, author_id, client_id, position, version, body, html,
        reply_to_id, created_at, edited_at, deleted_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, NULL, %s, NULL, NULL) RETURNING id"""
SAID_BEFORE = """
    SELECT * FROM chat_message WHERE author_id = %s AND client_id = %s ORDER BY id LIMIT 1"""
HTML = f"<p>{FILLER}</p>"


class Load(Struct, kw_only=True):
    database: str
    rooms: list[int]  # people take them in turn, and have to be members there
    people: list[int]
    threads: int
    seconds: float


class Outcome(Struct, kw_only=True):
    posts: int
    per_second: float
    client_cpu: float  # seconds
    took: float


def send_message(connection: Connection[Any], user: int, room: int, client_id: UUID) -> int:
    try:
        return create_message(connection, user, room, client_id)
    except UniqueViolation:
        said: int = one(connection, SAID_BEFORE, user, client_id).id
        return said


def create_message(connection: Connection[Any], user: int, room: int, client_id: UUID) -> int:
    with connection.transaction():
        head = one(connection, COUNT_CHANGES, room).head
        if not connection.execute(READ_ON, [head, room, user]).rowcount:
            raise PermissionError(f"{user} is not in room {room}")
        now = datetime.now(UTC)
        said: int = one(connection, SAY, room, user, client_id, head, head, FILLER, HTML, now).id
        return said


def one(connection: Connection[Any], query: LiteralString, *values: Any) -> Any:
    """The row that a statement returns."""
    row = connection.execute(query, values).fetchone()
    assert row
    return row


def post(load: Load, thread: int) -> int:
    """Says one message after the other, of this thread's senders in turn. Returns how many."""
    everybody = list(zip(load.people, cycle(load.rooms), strict=False))
    senders = cycle(everybody[thread :: load.threads])
    posts = 0
    with connect(load.database, autocommit=True, row_factory=namedtuple_row) as connection:
        deadline = time.monotonic() + load.seconds
        while time.monotonic() < deadline:
            send_message(connection, *next(senders), client_id=uuid4())
            posts += 1
    return posts


def run(load: Load) -> Outcome:
    own_before, began = time.process_time(), time.monotonic()
    with ThreadPoolExecutor(load.threads) as pool:
        posts = sum(pool.map(post, [load] * load.threads, range(load.threads)))
    took, own = time.monotonic() - began, time.process_time() - own_before
    return Outcome(posts=posts, per_second=posts / took, client_cpu=own, took=took)


def main() -> None:
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(run(load)))


if __name__ == "__main__":
    main()
