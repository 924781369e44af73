"""The topics of a process, and what reaches them through the channel layer."""

import pytest

from chat.protocol import Left
from realtime.fanout import Fanout
from realtime.hints import channel_layer
from tests.realtime.test_relay import ROOM, Page, awaited, presence


@awaited
async def test_a_message_that_cannot_be_read_is_not_the_end_of_the_topic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fanout, page = Fanout("room", presence), Page()
    await page.outlet.release()
    await fanout.join(page.outlet, {ROOM: 0})
    await channel_layer().group_send(fanout.group(ROOM), {"serial": 1, "events": None})
    fanout.publish(ROOM, 1, Left(room=ROOM))
    while "left" not in [event["type"] for event in await page.next()]:
        pass
    assert f"room.{ROOM} could not take in a message" in caplog.text
    page.outlet.end()
