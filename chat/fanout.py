"""The fan-out of this site's rooms (realtime/fanout.py)."""

from chat.protocol import Presence
from realtime.fanout import Fanout


def _presence(room_id: int, here: list[int], gone: list[int]) -> Presence:
    return Presence(room=room_id, here=here, gone=gone)


fanout = Fanout("room", presence=_presence)
