"""The link by which the first owner comes to an empty site."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from chat import actions
from chat.models import User


class Command(BaseCommand):
    help = "Prints the link by which the first owner comes to an empty site. It holds for a day."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError("This site has an owner. Who forgot a password: changepassword NAME")
        scheme = "https" if settings.HTTPS else "http"
        path = reverse("setup", query={"token": actions.setup_token()})
        self.stdout.write(f"{scheme}://{host()}{path}")


def host() -> str:
    """The site's name on the network, or else on this machine."""
    allowed = settings.ALLOWED_HOSTS
    on_a_network = [name for name in allowed if name not in settings.LOCAL_HOSTS]
    for name in on_a_network or allowed:
        if not name.startswith(("*", ".")):  # which stand for many
            return str(name)
    raise CommandError("Name the site in DOMAIN or ALLOWED_HOSTS: without a name it has no link.")
