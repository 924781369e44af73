"""Places on pages that features may fill: docs/features.md."""

from typing import Any

from django import template
from django.template import Context, TemplateDoesNotExist, TemplateSyntaxError
from django.template.base import Node, Parser, Template, TextNode, Token
from django.template.loader import get_template

from chat.seams import features

register = template.Library()


class Place(Node):
    def __init__(self, templates: list[Template]) -> None:
        self.templates = templates

    def render(self, context: Context) -> str:
        with context.push():
            return "".join(template.render(context) for template in self.templates)


@register.tag
def place(parser: Parser, token: Token) -> Node:
    """`{% place "room.settings" %}` shows the `<app>/room.settings.html` of each feature, with what
    the page knows. They are looked up once; where there is none, this costs nothing."""
    _, *names = token.split_contents()
    if len(names) != 1:
        raise TemplateSyntaxError("A place has one name.")
    found = templates(names[0].strip("\"'"))
    return Place(found) if found else TextNode("")


def templates(name: str) -> list[Template]:
    found = []
    for feature in features():
        try:
            backend: Any = get_template(f"{feature.label}/{name}.html")
        except TemplateDoesNotExist:
            continue
        found.append(backend.template)
    return found
