"""JavaScript modules import one another by names: chat/bus is static/chat/bus.js."""

import json
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from chat.seams import Feature, features

register = template.Library()
NOT_MODULES = {"theme"}  # a classic script: it must run before the first paint


@register.simple_tag
@cache
def import_map(*others: str) -> SafeString:
    """Where each name leads, as JSON: https://html.spec.whatwg.org/#import-maps

    Of static/chat/, of each feature that has a script for every page or for rooms, and of others
    that are named.
    """
    folders = ["chat", *(feature.label for feature in features() if loads_itself(feature)), *others]
    imports = {name: at for folder in folders for name, at in modules(folder).items()}
    return mark_safe(json.dumps({"imports": imports}))  # addresses of our own


@register.simple_tag
@cache
def preloads() -> SafeString:
    """Lets the browser fetch all of them at once, rather than each as it meets its name."""
    addresses = modules("chat").values()
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ([address] for address in addresses)
    )


@register.simple_tag
@cache
def feature_scripts(name: str) -> SafeString:
    """Loads the `page` or `room` module of each feature that has one."""
    scripts = (modules(feature.label).get(f"{feature.label}/{name}") for feature in features())
    addresses = [address for address in scripts if address]
    return format_html_join(
        "\n", '<script type="module" src="{}"></script>', ([address] for address in addresses)
    )


@register.simple_tag
@cache
def feature_styles() -> SafeString:
    """Loads the page.css of each feature that has one."""
    names = [f"{feature.label}/page.css" for feature in features()]
    addresses = [static(name) for name in names if finders.find(name)]
    return format_html_join(
        "\n", '<link rel="stylesheet" href="{}">', ([address] for address in addresses)
    )


def loads_itself(feature: Feature) -> bool:
    return (
        not modules(feature.label)
        .keys()
        .isdisjoint({f"{feature.label}/page", f"{feature.label}/room"})
    )


@cache
def modules(folder: str) -> dict[str, str]:
    """Names and addresses; asked for once, because there are dozens on every page."""
    path = finders.find(folder)
    if path is None:
        return {}  # a feature without scripts
    names = sorted({path.stem for path in Path(path).glob("*.js")} - NOT_MODULES)
    return {f"{folder}/{name}": static(f"{folder}/{name}.js") for name in names}
