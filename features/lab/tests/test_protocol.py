"""Every frame of the lab's sockets: what is understood, and what is refused."""

import json

import pytest

from features.lab.protocol import MAX_FRAME, Heartbeats, Slow, decode
from realtime.wire import Invalid, TooLarge

MALFORMED = {
    "binary": None,
    "nothing": "",
    "not JSON": "hello",
    "an array": "[]",
    "no type": '{"seconds": 1}',
    "an unknown type": '{"type": "wake"}',
    "an event of the channel layer": '{"type": "lab.wake"}',
    "a frame of the chat": '{"type": "pong", "n": 1}',
    "an unknown field": '{"type": "slow", "seconds": 1, "sql": "SELECT 1"}',
    "no seconds": '{"type": "slow"}',
    "seconds that are a string": '{"type": "slow", "seconds": "1"}',
    "too many seconds": '{"type": "slow", "seconds": 3.1}',
    "no time at all": '{"type": "slow", "seconds": 0}',
    "time below zero": '{"type": "slow", "seconds": -1}',
    "NaN": '{"type": "slow", "seconds": NaN}',
    "Infinity": '{"type": "slow", "seconds": 1e999}',
    "half of a surrogate pair": '{"type": "slow", "ref": "\\ud83d"}',
    "half of a pair, not escaped": "\ud83d",
    "deep nesting": '{"x": ' + "[" * 900,
}


def test_what_a_client_asks_is_understood() -> None:
    assert decode('{"type": "slow", "seconds": 2}') == Slow(seconds=2)
    assert decode('{"type": "slow", "seconds": 3.0}') == Slow(seconds=3)
    assert decode('{"type": "heartbeats", "close_old": false}') == Heartbeats(close_old=False)


def test_a_frame_has_a_length() -> None:
    frame = json.dumps({"type": "slow", "seconds": 1})
    assert decode(frame + " " * (MAX_FRAME - len(frame))) == Slow(seconds=1)
    with pytest.raises(TooLarge):
        decode(frame + " " * (MAX_FRAME - len(frame) + 1))


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_described_is_refused(text: str | None) -> None:
    with pytest.raises(Invalid):
        decode(text)
