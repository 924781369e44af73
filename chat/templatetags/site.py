"""What a page says about the site it is on."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def site_name() -> str:
    """`{% site_name %}`. A tag, because the pages of an outage are rendered without a request."""
    name: str = settings.SITE_NAME
    return name
