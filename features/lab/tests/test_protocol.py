"""Every frame of the lab's sockets: what is understood, and what is refused."""

import json

import pytest

from features.lab.protocol import MAX_FRAME, Heartbeats, Slow, decode
from realtime.wire import Invalid, TooLarge


def test_what_a_client_asks_is_understood() -> None:
    assert decode('{"type": "slow", "seconds": 2}') == Slow(seconds=2)
    assert decode('{"type": "slow", "seconds": 3.0}') == Slow(seconds=3)
    assert decode('{"type": "heartbeats", "close_old": false}') == Heartbeats(close_old=False)


def test_a_frame_has_a_length() -> None:
    frame = json.dumps({"type": "slow", "seconds": 1})
    assert decode(frame + " " * (MAX_FRAME - len(frame))) == Slow(seconds=1)
    with pytest.raises(TooLarge):
        decode(frame + " " * (MAX_FRAME - len(frame) + 1))


@pytest.mark.parametrize("text", [None, "", "{", '{"type": "slow", "seconds": "1"}', "\ud83d"])
def test_what_is_not_described_is_refused(text: str | None) -> None:
    with pytest.raises(Invalid):
        decode(text)
