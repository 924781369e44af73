"""What the chat counts beyond what any socket has (realtime/metrics.py)."""

from prometheus_client import Counter

from chat.protocol import FRAMES
from realtime.metrics import action_seconds, by_label

seconds_of_action = by_label(action_seconds, [frame.__struct_config__.tag for frame in FRAMES])

gaps_healed = Counter(
    "chat_gaps_healed", "Answers to a sync that held messages: a page had missed them."
)
