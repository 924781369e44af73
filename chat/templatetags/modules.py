"""JavaScript modules import one another by names: chat/bus is static/chat/bus.js."""

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
def import_map(*folders: str) -> SafeString:
    """Where each name leads, as JSON: https://html.spec.whatwg.org/#import-maps

    Of static/chat/, or of all folders that are named.
    """
    imports = {name: at for folder in folders or ("chat",) for name, at in modules(folder).items()}
    return mark_safe(json.dumps({"imports": imports}))  # addresses of our own


@register.simple_tag
@cache
def preloads() -> SafeString:
    """Lets the browser fetch all of them at once, rather than each as it meets its name."""
    addresses = modules("chat").values()
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ([address] for address in addresses)
    )


@cache
def modules(folder: str) -> dict[str, str]:
    """Names and addresses; asked for once, because there are dozens on every page."""
    path = finders.find(folder)
    assert path, f"static/{folder} is missing"
    names = sorted({path.stem for path in Path(path).glob("*.js")} - NOT_MODULES)
    return {f"{folder}/{name}": static(f"{folder}/{name}.js") for name in names}
