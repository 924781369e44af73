"""The JavaScript modules of static/chat/, for the import map."""

from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static

register = template.Library()
NOT_MODULES = {"theme"}  # a classic script: it must run before the first paint


@register.simple_tag
@cache
def modules() -> list[tuple[str, str]]:
    """Names and addresses; asked for once, because there are dozens on every page."""
    folder = finders.find("chat")
    assert folder, "static/chat is missing"
    names = sorted({path.stem for path in Path(folder).glob("*.js")} - NOT_MODULES)
    return [(name, static(f"chat/{name}.js")) for name in names]
