"""The site's settings, with the bare view beside the pages."""

from chatsite.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare"
