"""The site's settings, over a channel layer that can be told to lose things."""

from chatsite.settings import *  # noqa: F403
from chatsite.settings import CHANNEL_LAYERS

CHANNEL_LAYERS["healthy"] = CHANNEL_LAYERS["redis"]
CHANNEL_LAYERS["redis"] = {
    "BACKEND": "tests.chaos.lossy.LossyLayer",
    "CONFIG": {"over": "healthy"},
}
