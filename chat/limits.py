"""How much one person may change in a minute, in this process."""

from django.conf import settings

from realtime.rate_limit import TokenBuckets

writes = TokenBuckets(settings.RATE_LIMIT)  # messages, and what is done to them
changes = TokenBuckets(settings.RATE_LIMIT)  # of rooms and people
