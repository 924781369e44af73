"""The way to the lab, for those who may see it."""

from django import template
from django.contrib.auth.models import AnonymousUser

from chat.models import User
from lab.access import may_see_lab

register = template.Library()


@register.inclusion_tag("lab/_link.html")
def lab_link(user: User | AnonymousUser) -> dict[str, bool]:
    return {"shown": may_see_lab(user)}
