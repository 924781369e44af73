"""The rooms of a process, and what reaches them through the channel layer."""

import pytest

from chat.fanout import Fanout, channel_layer, room_group
from chat.protocol import Left
from tests.chat.test_relay import ALICE, ROOM, Page, awaited


@awaited
async def test_a_message_that_cannot_be_read_is_not_the_end_of_the_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fanout, page = Fanout(), Page()
    await page.socket.release()
    fanout.admit(page.socket, ALICE)
    await fanout.join(page.socket, {ROOM: 0})
    await channel_layer().group_send(room_group(ROOM), {"serial": 1, "events": None})
    fanout.publish(ROOM, 1, Left(room=ROOM))
    while "left" not in [event["type"] for event in await page.next()]:
        pass
    assert f"Room {ROOM} could not take in a message" in caplog.text
    await fanout.forget(page.socket)
