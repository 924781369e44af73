"""The JavaScript modules of static/chat/, which import one another by names such as chat/bus."""

import json
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
NOT_MODULES = {"theme"}  # a classic script: it must run before the first paint


@register.simple_tag
@cache
def import_map() -> SafeString:
    """Where each name leads, as JSON: https://html.spec.whatwg.org/#import-maps"""
    return mark_safe(json.dumps({"imports": modules()}))  # addresses of our own


@register.simple_tag
@cache
def preloads() -> SafeString:
    """Lets the browser fetch all of them at once, rather than each as it meets its name."""
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ([address] for address in modules().values())
    )


@cache
def modules() -> dict[str, str]:
    """Names and addresses; asked for once, because there are dozens on every page."""
    folder = finders.find("chat")
    assert folder, "static/chat is missing"
    names = sorted({path.stem for path in Path(folder).glob("*.js")} - NOT_MODULES)
    return {f"chat/{name}": static(f"chat/{name}.js") for name in names}
