"""The two consumers stand side by side."""

from chat.consumers import AsyncChatConsumer, ChatConsumer

PAIR = (ChatConsumer, AsyncChatConsumer)


def test_the_pair_has_the_same_methods() -> None:
    own = [{name for name in vars(each) if name.islower()} for each in PAIR]
    assert own[0] - {"__module__"} == own[1] - {"__module__"}
