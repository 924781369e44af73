"""What a line of the log holds; in an outage one now and then is enough."""

import json
import logging
import sys

import pytest

from realtime import logs
from realtime.logs import PAUSE, JsonFormatter, LineFormatter, Seldom
from tests.realtime.test_sequence import Clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


def record(message: str, *values: str) -> logging.LogRecord:
    return logging.LogRecord("outage", logging.WARNING, "", 0, message, values, None)


def test_the_same_message_is_let_through_once_in_a_while(clock: Clock) -> None:
    seldom = Seldom()
    assert seldom.filter(record("away: %s", "refused"))
    assert not seldom.filter(record("away: %s", "timed out"))
    clock.now += PAUSE
    assert seldom.filter(record("away: %s", "refused"))


def test_another_message_is_let_through_beside_it() -> None:
    seldom = Seldom()
    assert seldom.filter(record("away"))
    assert seldom.filter(record("back"))


# --- what is as good as a password ---------------------------------------------------------------

TOKEN = "q9Zr-4_Tq9Zr4Tq9Zr4Tq9Zr4Tq9Zr4T"
HOLDS_A_TOKEN = {
    "a path": f"Forbidden (CSRF cookie not set.): /invitations/{TOKEN}/",
    "the end of a path": f"/invitations/{TOKEN}",
    "a request": f"<ASGIRequest: POST '/invitations/{TOKEN}/'>",
    "the link of the first owner": f"https://chat.example.org/accounts/setup/?token={TOKEN}",
    "the address of a new invitation": f"/rooms/1/people/?consumer=sync&invitation={TOKEN}&a=b",
}


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
@pytest.mark.parametrize("text", HOLDS_A_TOKEN.values(), ids=HOLDS_A_TOKEN)
def test_a_token_is_in_no_message_argument_or_traceback(
    text: str, formatter: logging.Formatter
) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        said = record(f"{text} %s", text)
        said.exc_info = sys.exc_info()
    written = formatter.format(said)
    assert TOKEN not in written
    assert written.count(text.partition(TOKEN)[0] + "...") >= 3


def test_the_rest_of_a_path_is_kept() -> None:
    said = LineFormatter().format(record("Not Found: %s", "/invitations/?page=2"))
    assert said == "Not Found: /invitations/?page=2"


# --- as JSON -------------------------------------------------------------------------------------


def line(message: str, *values: object, **fields: object) -> dict[str, object]:
    """What is written of this record."""
    record = logging.LogRecord("chat", logging.INFO, "", 0, message, values, None)
    vars(record).update(fields)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    parsed: dict[str, object] = json.loads(written)
    return parsed


def test_a_line_says_when_how_bad_who_and_what() -> None:
    said = line("Hello, %s", "you\nthere", created=0.0625, request_id="abc")
    assert said == {
        "time": "1970-01-01T00:00:00.062+00:00",
        "level": "INFO",
        "logger": "chat",
        "request_id": "abc",
        "message": "Hello, you\nthere",
    }


def test_what_a_message_names_is_a_field_but_takes_no_other_s_place() -> None:
    said = line("%(user)s: %(code)s", {"user": 3, "code": 4401, "level": "none"})
    assert (said["user"], said["code"], said["level"]) == (3, 4401, "INFO")
    assert said["message"] == "3: 4401"


def test_what_hangs_on_a_record_is_not_written() -> None:
    assert "secret" not in str(line("Not Found", request="GET /?password=secret"))


def test_what_has_no_name_that_json_knows_is_left_out() -> None:
    said = line("%(user)s", {"user": 3, ("a", "tuple"): 4})
    assert said["user"] == 3 and 4 not in said.values()


def test_a_stack_is_within_the_line() -> None:
    said = line("Who calls?", stack_info="Stack (most recent call last):\n  somebody")
    assert said["stack"] == "Stack (most recent call last):\n  somebody"


def test_an_exception_is_within_the_line() -> None:
    try:
        raise ValueError("a fault")
    except ValueError:
        said = line("It failed", exc_info=sys.exc_info())
    assert "ValueError: a fault" in str(said["exception"])
