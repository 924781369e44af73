"""Icons, drawn once on every page by templates/_icons.html and shown by name."""

from django import template
from django.template import TemplateSyntaxError
from django.template.base import Parser, TextNode, Token

register = template.Library()


@register.tag
def icon(parser: Parser, token: Token) -> TextNode:
    """`{% icon send %}`. A part of the template's text from then on: a page may have hundreds."""
    _, *names = token.split_contents()
    if len(names) != 1:
        raise TemplateSyntaxError("An icon has one name.")
    return TextNode(
        f'<svg class="icon" aria-hidden="true"><use href="#icon-{names[0]}"></use></svg>'
    )
