"""Who tries passwords is stopped for a while: django-axes, with three limits instead of one.

What failed is counted in the database, so that all processes know it, and so that it outlives them.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.db.models import Sum
from django.http import HttpRequest


class LoginBackend(AxesStandaloneBackend, ModelBackend):  # type: ignore[misc]  # axes is untyped
    """Django's own, behind the question whether this log-in may be tried at all."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **credentials: Any) -> Any:
        if request is not None:  # without one nobody comes over the network
            AxesStandaloneBackend.authenticate(self, request, *args, **credentials)
        return ModelBackend.authenticate(self, request, *args, **credentials)


class LoginHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Of an account from one address, of an account, of an address: each has a limit of its own."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """How many of the limits are reached; AXES_FAILURE_LIMIT says that one is enough."""
        counts = [
            attempts.aggregate(failures=Sum("failures_since_start"))["failures"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        ]
        limits = settings.LOGIN_LIMITS
        return sum(count >= limit for count, limit in zip(counts, limits, strict=True))


def client_address(request: HttpRequest) -> str | None:
    """Where a log-in comes from. Of IPv6 a customer has 2**64 addresses, which are one here."""
    client: str = request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:  # a socket of this machine, or a proxy that does not say
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or ip_network((address, 64), strict=False).network_address
    return str(address)
