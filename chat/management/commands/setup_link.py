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
        local, hosts = settings.LOCAL_HOSTS, settings.ALLOWED_HOSTS
        host = next((host for host in hosts if host not in local), hosts[0])
        path = reverse("setup", query={"token": actions.setup_token()})
        self.stdout.write(f"{scheme}://{host}{path}")
