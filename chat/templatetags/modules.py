"""The JavaScript modules of static/chat/, by name, for the import map."""

from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders

register = template.Library()
NOT_MODULES = {"theme"}  # a classic script: it must run before the first paint


@register.simple_tag
@cache
def modules() -> list[str]:
    folder = finders.find("chat")
    assert folder, "static/chat is missing"
    return sorted({path.stem for path in Path(folder).glob("*.js")} - NOT_MODULES)
